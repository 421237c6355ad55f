"""Hit scores with their p-values, beside copairs: 20 plates, 1,280 compounds, 30 % of them active."""

import tempfile
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from cases import Case, features

import cellprofiling as cpf

NEGCON = "Metadata_Role == 'negcon'"
PERMUTATIONS = 10_000
ACTIVE = 96  # of the 320 compounds of a layout
CALL = {"by": "Metadata_Compound", "reference": NEGCON, "permutations": PERMUTATIONS}


@lru_cache(maxsize=1)
def active_screen() -> pd.DataFrame:
    """Return 4 layouts on 5 plates each, 64 controls a plate, 500 correlated features, plate shifts, 384 actives."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(40, 500)) / np.sqrt(40)
    effects = rng.normal(size=(4, ACTIVE, 500)) * np.where(np.arange(ACTIVE) % 2, 1.0, 0.4)[:, None]
    frames = []
    for plate in range(20):
        compounds = [f"c{plate % 4}_{i:03d}" for i in range(320)]
        metadata = pd.DataFrame({"Metadata_Compound": [*["DMSO"] * 64, *compounds], "Metadata_Plate": f"P{plate:02d}"})
        metadata["Metadata_Role"] = np.where(metadata["Metadata_Compound"] == "DMSO", "negcon", "treatment")
        x = rng.normal(size=(384, 40)) @ factors + 0.7 * rng.normal(size=(384, 500)) + 0.15 * rng.normal(size=500)
        x[64 : 64 + ACTIVE] += effects[plate % 4]
        frames.append(pd.concat([metadata, pd.DataFrame(x.astype(np.float32), columns=features(500))], axis=1))
    return pd.concat(frames, ignore_index=True)


def peer_map(table: pd.DataFrame, positives: list[str], same: list[str]) -> Any:
    """Score and test by copairs: positives agree in some columns, negatives differ in these and agree in others."""
    from copairs import map as copairs_map

    names = [name for name in table if name.startswith("Metadata_")]
    x = table[features(500)].to_numpy()
    scores = copairs_map.average_precision(table[names], x, positives, [], same, positives, progress_bar=False)
    treated = scores[scores["Metadata_Role"] == "treatment"]
    with tempfile.TemporaryDirectory() as cache:
        return copairs_map.mean_average_precision(
            treated,
            ["Metadata_Compound"],
            null_size=PERMUTATIONS,
            threshold=0.05,
            seed=0,
            progress_bar=False,
            cache_dir=cache,
        )


def peer_activity(table: pd.DataFrame, same: list[str]) -> Any:
    """Test compounds against controls: each control is a group of its own, all treated wells are one."""
    row = np.where(table["Metadata_Role"] == "negcon", table.index, -1)
    return peer_map(table.assign(Metadata_Row=row), ["Metadata_Compound", "Metadata_Row"], same)


def peer_distinctiveness(table: pd.DataFrame) -> Any:
    """Test compounds against all others."""
    treated = table[table["Metadata_Role"] == "treatment"].reset_index(drop=True)
    return peer_map(treated, ["Metadata_Compound"], [])


def activity_case(method: str) -> Case:
    """Return the case of a method that the peer lacks, beside its mean average precision."""
    return Case(
        f"activity by {method}, controls of the plate",
        active_screen,
        lambda table: cpf.activity(table, **CALL, method=method),
        lambda table: peer_activity(table, ["Metadata_Plate"]),
        "copairs (mAP)",
        "1,280 compounds, 10,000 permutations; the peer has mean average precision only",
    )


CASES = [
    Case(
        "activity by map, controls of the plate",
        active_screen,
        lambda table: cpf.activity(table, **CALL),
        lambda table: peer_activity(table, ["Metadata_Plate"]),
        "copairs",
        "1,280 compounds, 10,000 permutations; ours refits the controls in each",
    ),
    Case(
        "activity by map, all controls",
        active_screen,
        lambda table: cpf.activity(table, **CALL, plate=None),
        lambda table: peer_activity(table, []),
        "copairs",
        "1,280 compounds, 10,000 permutations",
    ),
    Case(
        "distinctiveness",
        active_screen,
        lambda table: cpf.distinctiveness(table, **CALL),
        peer_distinctiveness,
        "copairs",
        "1,280 compounds against each other, 10,000 permutations",
    ),
    *(activity_case(method) for method in ("mahalanobis", "energy", "replicate_correlation")),
]
