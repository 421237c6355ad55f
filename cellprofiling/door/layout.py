"""What lies on each plate: wells, controls, perturbations, and who shares positions."""

import numpy as np
import pandas as pd

from cellprofiling.core.account.spelling import canonical
from cellprofiling.core.plates import is_well, parse_wells
from cellprofiling.door.scene import Scene
from cellprofiling.kernels.arrays import Mask

COLUMNS = (
    *("format", "n_rows", "n_wells", "n_controls", "n_controls_at_edge", "n_perturbations", "replicates"),
    "n_same_position",
)


def layout_of(scene: Scene) -> pd.DataFrame:
    """Return one row per plate, and per stratum where `within` names some.

    Columns: plate; the strata; format (wells of such a plate); n_rows; n_wells; n_controls, n_controls_at_edge (wells);
    n_perturbations; replicates (wells per perturbation, median); n_same_position (perturbations of the plate that lie
    on other plates too, and in the same wells on each).
    """
    table = _rows(scene)
    within = [scene.said.within] if isinstance(scene.said.within, str) else list(scene.said.within or [])
    keys = ["plate", *within]
    table = table.assign(**{name: canonical(scene.profiles[name]).to_numpy() for name in within})
    same = _same_position(table)
    rows = []
    for key, part in table.groupby(keys, sort=True, dropna=False):
        wells = part.dropna(subset=["well"]).drop_duplicates("well") if part["well"].notna().any() else part
        of_wells = part.drop_duplicates(["well", "perturbation"]) if part["well"].notna().any() else part
        treated = of_wells[of_wells["perturbation"] >= 0]
        sizes = treated.groupby("perturbation").size()
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "format": scene.format.n_wells,
                "n_rows": len(part),
                "n_wells": len(wells),
                "n_controls": int(wells["control"].sum()),
                "n_controls_at_edge": int((wells["control"] & wells["edge"]).sum()),
                "n_perturbations": len(sizes),
                "replicates": float(sizes.median()) if len(sizes) else np.nan,
                "n_same_position": len(set(sizes.index) & same),
            }
        )
    return pd.DataFrame(rows, columns=[*keys, *COLUMNS]).astype({"format": "Int64"})


def at_edge(scene: Scene) -> Mask:
    """Return which rows lie in an edge well of their plate."""
    edge = np.zeros(len(scene.profiles), dtype=bool)
    if scene.wells is None or scene.format.n_wells is None:
        return edge
    names = scene.wells.to_numpy(dtype=object)
    distinct = sorted({name for name in names if name is not None and is_well(name)})
    distance = parse_wells(distinct).edge_distance(scene.format.n_wells)
    outer = {name for name, steps in zip(distinct, distance, strict=True) if steps == 0}
    return np.array([name in outer for name in names], dtype=bool)


def _rows(scene: Scene) -> pd.DataFrame:
    codes, names = scene.plates
    n = len(scene.profiles)
    return pd.DataFrame(
        {
            "plate": [names[code] if code >= 0 else None for code in codes],
            "well": np.full(n, None, dtype=object) if scene.wells is None else scene.wells.to_numpy(dtype=object),
            "control": np.zeros(n, dtype=bool) if scene.controls is None else scene.controls,
            "edge": at_edge(scene),
            "perturbation": scene.perturbations,
        }
    )


def _same_position(table: pd.DataFrame) -> set[int]:
    """Return the perturbations that lie on several plates, in the same wells on each."""
    treated = table[(table["perturbation"] >= 0) & table["well"].notna()]
    distinct = treated[["perturbation", "plate", "well"]].drop_duplicates()
    counts = distinct.groupby("perturbation").agg(
        pairs=("well", "size"), plates=("plate", "nunique"), wells=("well", "nunique")
    )
    return set(counts.index[(counts["plates"] > 1) & (counts["pairs"] == counts["plates"] * counts["wells"])])
