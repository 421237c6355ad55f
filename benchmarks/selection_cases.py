"""Selection and consensus, timed beside pycytominer."""

from typing import Any

import numpy as np
import pandas as pd
from cases import Case, features

import cellprofiling as cpf


def families() -> pd.DataFrame:
    """Return 1,000 wells with 2,000 features in four families: 500,000 pairs correlate by more than 0.9."""
    rng = np.random.default_rng(0)
    family = rng.integers(0, 4, 2000)
    x = rng.normal(size=(1000, 4))[:, family] + rng.uniform(0.2, 0.33, 2000) * rng.normal(size=(1000, 2000))
    return pd.DataFrame(x, columns=features(2000))


def replicates(groups: int, size: int, n_features: int) -> pd.DataFrame:
    """Return replicates of each compound around its own profile."""
    rng = np.random.default_rng(0)
    compound = np.repeat(np.arange(groups), size)
    x = rng.normal(size=(groups, n_features))[compound] + rng.normal(size=(len(compound), n_features))
    frame = pd.DataFrame(x, columns=features(n_features))
    frame.insert(0, "Metadata_Compound", [f"c{number:04d}" for number in compound])
    return frame


def peer_correlation(table: pd.DataFrame) -> Any:
    """Find redundant features by pycytominer."""
    from pycytominer.operations import correlation_threshold

    return correlation_threshold(table, features=features(2000))


def peer_consensus(table: pd.DataFrame, operation: str) -> Any:
    """Bring replicates together by pycytominer."""
    from pycytominer import consensus

    return consensus(table, replicate_columns=["Metadata_Compound"], operation=operation)


CASES = (
    Case(
        "select features, correlation, half a million pairs",
        families,
        lambda table: cpf.explain_selection(table, "correlation"),
        peer_correlation,
        "pycytominer",
        "1,000 wells x 2,000 features",
    ),
    Case(
        "consensus, modz",
        lambda: replicates(1000, 4, 500),
        lambda table: cpf.consensus(table, "Metadata_Compound", method="modz"),
        lambda table: peer_consensus(table, "modz"),
        "pycytominer",
        "4,000 wells x 500 features, 1,000 compounds",
    ),
    Case(
        "consensus, median",
        lambda: replicates(1280, 6, 3000),
        lambda table: cpf.consensus(table, "Metadata_Compound"),
        lambda table: peer_consensus(table, "median"),
        "pycytominer",
        "7,680 wells x 3,000 features, 1,280 compounds",
    ),
)
