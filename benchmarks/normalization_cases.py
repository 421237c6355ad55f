"""Normalization, position and covariates, timed beside pycytominer and the way of the JUMP recipe."""

from typing import Any

import numpy as np
import pandas as pd
from cases import NEGCON, Case, features

import cellprofiling as cpf
from cellprofiling.core.plates import well_names

COUNT = "Metadata_Object_Count"


def screen() -> pd.DataFrame:
    """Return 20 plates of 384 wells with 500 features, 64 controls on each plate."""
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame({"Metadata_Plate": np.repeat([f"P{i:02d}" for i in range(20)], 384)})
    metadata["Metadata_Well"] = np.tile(well_names(384), 20)
    metadata["Metadata_Role"] = np.tile(np.where(rng.permutation(384) < 64, "negcon", "treatment"), 20)
    metadata[COUNT] = rng.integers(200, 2000, len(metadata))
    return pd.concat([metadata, pd.DataFrame(rng.normal(size=(7680, 500)), columns=features(500))], axis=1)


def peer_mad(table: pd.DataFrame) -> Any:
    """Normalize by pycytominer, plate by plate as its users do."""
    from pycytominer import normalize

    plates = [
        normalize(plate, features=features(500), samples=NEGCON, method="mad_robustize")
        for _, plate in table.groupby("Metadata_Plate")
    ]
    return pd.concat(plates)


def peer_ranks(table: pd.DataFrame) -> Any:
    """Normal scores by pycytominer, over the whole table."""
    from pycytominer import normalize

    return normalize(table, features=features(500), method="inverse_normal")


def peer_regression(table: pd.DataFrame) -> Any:
    """One formula of statsmodels for each feature, as the JUMP recipe does."""
    import statsmodels.formula.api as smf

    return pd.DataFrame({name: smf.ols(f"{name} ~ {COUNT}", data=table).fit().resid for name in features(500)})


CASES = (
    Case(
        "normalize, mad_robustize by plate, 500 features",
        screen,
        lambda table: cpf.normalize(table, reference=NEGCON),
        peer_mad,
        "pycytominer",
        "20 plates x 384 wells x 500 features",
    ),
    Case(
        "normalize, rank_inverse_normal",
        screen,
        lambda table: cpf.normalize(table, "rank_inverse_normal", by=None),
        peer_ranks,
        "pycytominer",
        "7,680 wells x 500 features; the peer interpolates 1,000 quantiles",
    ),
    Case(
        "regress out the cell count",
        screen,
        lambda table: cpf.regress_out(table, COUNT),
        peer_regression,
        "statsmodels, feature by feature",
        "7,680 wells x 500 features",
    ),
)
