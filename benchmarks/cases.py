"""The work that is timed: each case has our way and the peer's way, on the same data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import cellprofiling as cpf

NEGCON = "Metadata_Role == 'negcon'"


@dataclass(frozen=True)
class Case:
    """One row of the page: what is done, on what, and how each side does it.

    `elsewhere` says that the peer has an environment of its own; a case without peer is timed alone.
    """

    name: str
    data: Callable[[], Any]
    ours: Callable[[Any], Any]
    peer: Callable[[Any], Any] | None
    peer_name: str
    note: str
    elsewhere: bool = False


def features(n: int) -> list[str]:
    """Return feature names that both sides take for features."""
    return [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n)]


def cells() -> pd.DataFrame:
    """Return 100,000 cells of one 384-well plate with 500 single-precision features."""
    rng = np.random.default_rng(0)
    wells = np.sort(rng.integers(0, 384, 100_000))
    metadata = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": [f"W{w:03d}" for w in wells]})
    x = pd.DataFrame(rng.normal(size=(100_000, 500)).astype(np.float32), columns=features(500))
    return pd.concat([metadata, x], axis=1)


def wells() -> pd.DataFrame:
    """Return ten 384-well plates with 3,000 features, 64 controls on each plate."""
    rng = np.random.default_rng(0)
    role = np.where(np.arange(384) < 64, "negcon", "treatment")
    metadata = pd.DataFrame({"Metadata_Plate": np.repeat([f"P{i}" for i in range(10)], 384)})
    metadata["Metadata_Role"] = np.tile(role, 10)
    x = rng.normal(size=(3840, 60)) @ rng.normal(size=(60, 3000)) + rng.normal(size=(3840, 3000))
    return pd.concat([metadata, pd.DataFrame(x, columns=features(3000))], axis=1)


def redundant() -> pd.DataFrame:
    """Return 1,000 wells with 2,000 features in 200 families of near copies."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(1000, 200)), 10, axis=1) + 0.2 * rng.normal(size=(1000, 2000))
    return pd.DataFrame(x, columns=features(2000))


def screen() -> pd.DataFrame:
    """Return 20 plates: 4 layouts on 5 plates each, 1,280 compounds, 64 controls a plate, 500 features."""
    rng = np.random.default_rng(0)
    frames = []
    for plate in range(20):
        compounds = [f"c{plate % 4}_{i:03d}" for i in range(320)]
        metadata = pd.DataFrame({"Metadata_Compound": [*["DMSO"] * 64, *compounds], "Metadata_Plate": f"P{plate:02d}"})
        metadata["Metadata_Role"] = np.where(metadata["Metadata_Compound"] == "DMSO", "negcon", "treatment")
        frames.append(metadata)
    table = pd.concat(frames, ignore_index=True)
    table["Metadata_Row"] = np.where(table["Metadata_Role"] == "negcon", table.index, -1)
    x = rng.normal(size=(len(table), 500)).astype(np.float32)
    return pd.concat([table, pd.DataFrame(x, columns=features(500))], axis=1)


def peer_aggregate(table: pd.DataFrame) -> Any:
    """Aggregate by pycytominer."""
    from pycytominer import aggregate

    return aggregate(table, strata=["Metadata_Plate", "Metadata_Well"], features=features(500))


def peer_normalize(table: pd.DataFrame) -> Any:
    """Normalize by pycytominer, plate by plate as its users do."""
    from pycytominer import normalize

    plates = [
        normalize(plate, features=features(3000), samples=NEGCON, method="mad_robustize")
        for _, plate in table.groupby("Metadata_Plate")
    ]
    return pd.concat(plates)


def peer_correlation(table: pd.DataFrame) -> Any:
    """Find redundant features by pycytominer."""
    from pycytominer.operations import correlation_threshold

    return correlation_threshold(table, features=features(2000))


PAIRS = ("Metadata_Compound", "Metadata_Row")


def peer_precision(table: pd.DataFrame) -> Any:
    """Average precision by copairs, negatives on the same plate."""
    from copairs import map as copairs_map

    x = table[features(500)].to_numpy()
    return copairs_map.average_precision(table, x, list(PAIRS), [], ["Metadata_Plate"], list(PAIRS), progress_bar=False)


def peer_activity(table: pd.DataFrame) -> Any:
    """Mean average precision with p-values by copairs."""
    import tempfile

    from copairs import map as copairs_map

    scores = peer_precision(table).query("Metadata_Role == 'treatment'")
    with tempfile.TemporaryDirectory() as cache:
        return copairs_map.mean_average_precision(
            scores, ["Metadata_Compound"], null_size=10_000, threshold=0.05, seed=0, progress_bar=False, cache_dir=cache
        )


def our_precision(table: pd.DataFrame) -> Any:
    """Average precision here, the same pairs."""
    return cpf.average_precision(
        table,
        positives={"same": list(PAIRS)},
        negatives={"same": "Metadata_Plate", "different": list(PAIRS)},
    )


CASES = (
    Case(
        "cells to wells, median",
        cells,
        lambda table: cpf.aggregate(table),
        peer_aggregate,
        "pycytominer",
        "100,000 cells x 500 features, in memory",
    ),
    Case(
        "normalize, mad_robustize by plate",
        wells,
        lambda table: cpf.normalize(table, "mad_robustize", reference=NEGCON),
        peer_normalize,
        "pycytominer",
        "10 plates x 384 wells x 3,000 features",
    ),
    Case(
        "select features, correlation",
        redundant,
        lambda table: cpf.explain_selection(table, ["correlation"]),
        peer_correlation,
        "pycytominer",
        "1,000 wells x 2,000 features",
    ),
    Case(
        "average precision, controls of the plate",
        screen,
        our_precision,
        peer_precision,
        "copairs",
        "7,680 wells x 500 features",
    ),
    Case(
        "activity of all compounds, 10,000 permutations",
        screen,
        lambda table: cpf.activity(table, by="Metadata_Compound", reference=NEGCON),
        peer_activity,
        "copairs",
        "1,280 compounds; ours permutes each compound, the peer shares one null",
    ),
)
