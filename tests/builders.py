"""Tables and arrays that tests of many rooms are made of; nothing here is random but by its seed."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cellprofiling.core.plates import well_names

NEGCON, POSCON = "Metadata_Role == 'negcon'", "Metadata_Role == 'poscon'"


def read_only(values: ArrayLike, dtype: DTypeLike = None) -> NDArray:
    """Return a copy that cannot be written to: what a kernel is given it may not change."""
    values = np.array(values, dtype=dtype)
    values.setflags(write=False)
    return values


def wells(
    n_plates: int = 2,
    *,
    n_controls: int = 8,
    n_compounds: int = 8,
    n_features: int = 6,
    effect: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a small table of wells: on each plate some controls, then two wells of each compound, in a random place.

    Features have means of 1e6, spreads of 1e-3 and a level of their own on each plate; compounds lie `effect` spreads
    away from the controls. The index starts at 10, so that labels are not mistaken for positions.
    """
    rng = np.random.default_rng(seed)
    compound = np.r_[np.full(n_controls, -1), np.repeat(np.arange(n_compounds), 2)]
    code = np.tile(compound, n_plates)
    plate = np.repeat(np.arange(n_plates), len(compound))
    direction = rng.choice([-1.0, 1.0], size=(n_compounds, n_features))
    x = rng.normal(size=(len(code), n_features)) + 5 * rng.normal(size=(n_plates, n_features))[plate]
    x[code >= 0] += effect * direction[code[code >= 0]]
    places = np.array(well_names(96 if len(compound) <= 96 else 384))
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": [f"P{i + 1}" for i in plate],
            "Metadata_Well": np.concatenate([rng.permutation(places)[: len(compound)] for _ in range(n_plates)]),
            "Metadata_Compound": [f"c{i:02d}" if i >= 0 else "DMSO" for i in code],
            "Metadata_Role": np.where(code >= 0, "treatment", "negcon"),
            "Metadata_Object_Count": rng.integers(80, 120, len(code)),
        },
        index=np.arange(len(code)) + 10,
    )
    features = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n_features)]
    return pd.concat([metadata, pd.DataFrame(1e6 + 1e-3 * x, columns=features, index=metadata.index)], axis=1)


def screen(
    n_plates: int = 4, n_layouts: int = 1, active: float = 0.5, effect: float = 3.0, seed: int = 0, n_features: int = 30
) -> pd.DataFrame:
    """Return 96-well plates: 16 scattered control wells, 80 compounds with the same place on the plates of a layout.

    Compounds that are active move all features, and the number of cells a little, by an amount of their own.
    """
    rng = np.random.default_rng(seed)
    frames = []
    controls = np.array([i for i in range(96) if (i // 12 + 5 * (i % 12)) % 6 == 0])
    for layout in range(n_layouts):
        moves = rng.normal(size=(96, n_features)) * effect / np.sqrt(3) * (rng.random(96) < active)[:, None]
        moves[controls] = 0
        place = rng.permutation(96)
        place = np.r_[controls, [i for i in place if i not in set(controls)]]
        cells = 0.4 * rng.normal(size=96) * (moves[:, 0] != 0)
        for plate in range(n_plates):
            label = np.array(["DMSO"] * 16 + [f"c{layout}-{i:02d}" for i in range(80)], dtype=object)
            x = moves[place] + rng.normal(size=(96, n_features))
            table = pd.DataFrame(
                {
                    "Metadata_Plate": f"P{layout}{plate}",
                    "Metadata_Well": np.array(well_names(96))[place],
                    "Metadata_Batch": f"B{plate % 2}",
                    "Metadata_Compound": label,
                    "Metadata_Role": np.where(label == "DMSO", "negcon", "treatment"),
                    "Metadata_Object_Count": np.exp(5.5 + cells[place] + rng.normal(0, 0.1, 96)).round(),
                }
            )
            frames.append(table.join(pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(n_features)])))
    return pd.concat(frames, ignore_index=True)


def noise_screen(
    seed: int = 0,
    *,
    n_plates: int = 4,
    n_controls: int | list[int] = 16,
    n_compounds: int = 20,
    n_features: int = 30,
    n_same: int = 1,
    effect: float = 0.0,
    position_effect: float = 0.0,
    fixed_layout: bool = False,
    normalized: bool = True,
) -> pd.DataFrame:
    """Return wells of a screen without effects, or with `effect` on the first half of the compounds.

    Features are correlated and shifted plate by plate; `normalized` z-scores them to the controls of the plate, the
    way that makes naive tests wrong. `position_effect` gives each well position a profile of its own.
    """
    rng = np.random.default_rng(seed)
    mix = np.eye(n_features) * 0.5 + rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    names = np.array(well_names(384))
    place = rng.normal(size=(384, n_features)) * position_effect
    direction = (
        rng.normal(size=(n_compounds, n_features)) * effect * (np.arange(n_compounds) < n_compounds // 2)[:, None]
    )
    controls = [n_controls] * n_plates if isinstance(n_controls, int) else n_controls
    layout = rng.permutation(384)
    frames = []
    for plate in range(n_plates):
        compound = np.r_[np.full(controls[plate], -1), np.repeat(np.arange(n_compounds), n_same)]
        wells = (layout if fixed_layout else rng.permutation(384))[: len(compound)]
        x = rng.normal(size=(len(compound), n_features)) @ mix + rng.normal(size=n_features) * 2 + place[wells]
        x[compound >= 0] += direction[compound[compound >= 0]]
        if normalized:
            x = (x - x[compound < 0].mean(axis=0)) / x[compound < 0].std(axis=0)
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Well": names[wells],
            "Metadata_Compound": [f"c{c:03d}" if c >= 0 else "DMSO" for c in compound],
            "Metadata_Role": np.where(compound >= 0, "treatment", "negcon"),
            "Metadata_Object_Count": rng.integers(80, 120, len(compound)),
        }
        features = pd.DataFrame(x, columns=[f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n_features)])
        frames.append(pd.concat([pd.DataFrame(metadata), features], axis=1))
    return pd.concat(frames, ignore_index=True)


def whole_plates() -> pd.DataFrame:
    """Return two 96-well plates used to their edges, with doses: a table in which nothing is wrong."""
    made = wells(n_controls=8, n_compounds=4).reset_index(drop=True)
    corners = ["A01", "A12", "H01", "H12"]
    inner = [f"{row}{column:02d}" for row in "BCD" for column in range(2, 6)]
    return made.assign(
        Metadata_Plate=made["Metadata_Plate"].map({"P1": "1001", "P2": "1002"}),
        Metadata_Well=np.tile([*corners, *inner], 2),
        Metadata_Dose=np.where(made["Metadata_Role"] == "negcon", np.nan, 0.5),
    )
