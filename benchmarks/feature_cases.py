"""Per-feature tests and mechanisms, timed beside what would be written with SciPy, statsmodels and scikit-learn."""

from typing import Any

import numpy as np
import pandas as pd
from cases import NEGCON, Case, features, screen

import cellprofiling as cpf


def part_of_screen(n_compounds: int, n_features: int) -> pd.DataFrame:
    """Return the first compounds and features of the screen of 20 plates, with their controls."""
    table = screen()
    kept = ["DMSO", *table["Metadata_Compound"].drop_duplicates()[1 : n_compounds + 1]]
    return table.loc[table["Metadata_Compound"].isin(kept), [*table.columns[:4], *features(n_features)]]


def peer_tests(table: pd.DataFrame) -> Any:
    """Test feature by feature with SciPy, compound by compound, on values less the control mean of the plate."""
    from scipy.stats import ks_2samp, ttest_ind

    x = table[features(500)].to_numpy(dtype=float, copy=True)
    control = (table["Metadata_Role"] == "negcon").to_numpy()
    plate = table["Metadata_Plate"].to_numpy()
    for name in np.unique(plate):
        x[plate == name] -= x[(plate == name) & control].mean(axis=0)
    found = []
    number = np.flatnonzero(~control)
    for rows in table.loc[~control].groupby("Metadata_Compound").indices.values():
        own = x[number[rows]]
        beside = x[control & np.isin(plate, plate[number[rows]])]
        found.append((ttest_ind(own, beside).pvalue, ks_2samp(own, beside, method="asymp").statistic))
    return found


def peer_mixed(table: pd.DataFrame) -> Any:
    """Fit each feature of each compound by statsmodels."""
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM

    warnings.simplefilter("ignore")
    found = []
    control = table["Metadata_Role"] == "negcon"
    for compound in table.loc[~control, "Metadata_Compound"].unique():
        own = table["Metadata_Compound"] == compound
        rows = table[own | (control & table["Metadata_Plate"].isin(table.loc[own, "Metadata_Plate"]))]
        treated = (rows["Metadata_Compound"] == compound).to_numpy(dtype=float)
        plates = pd.get_dummies(rows["Metadata_Plate"]).to_numpy(dtype=float)
        for name in features(20):
            model = MixedLM(rows[name], np.column_stack([treated, plates]), rows["Metadata_Plate"], exog_re=treated)
            try:
                found.append(model.fit(method="powell").fe_params.iloc[0])
            except np.linalg.LinAlgError:  # the variance between plates is 0
                found.append(np.nan)
    return found


def library() -> pd.DataFrame:
    """Return 3,000 perturbations of 1,000 compounds with 50 mechanisms, in 10 batches, 500 features."""
    rng = np.random.default_rng(0)
    compound = np.repeat(np.arange(1000), 3)
    x = rng.normal(size=(3000, 500)) + rng.normal(size=(50, 500))[compound % 50]
    table = pd.DataFrame(x, columns=features(500))
    table.insert(0, "Metadata_Mechanism", [f"m{c % 50}" for c in compound])
    table.insert(0, "Metadata_Batch", [f"b{c % 7}" for c in compound])
    table.insert(0, "Metadata_Dose", np.tile([1, 3, 10], 1000))
    table.insert(0, "Metadata_Compound", [f"c{c}" for c in compound])
    return table


def peer_mechanism(table: pd.DataFrame) -> Any:
    """Predict by scikit-learn's similarities and a mask, without a p-value."""
    from sklearn.metrics.pairwise import cosine_similarity

    alike = cosine_similarity(table[features(500)])
    for column in ("Metadata_Compound", "Metadata_Batch"):
        values = table[column].to_numpy(dtype=object)
        alike[values[:, None] == values] = -np.inf
    mechanism = table["Metadata_Mechanism"].to_numpy(dtype=object)
    return (mechanism[alike.argmax(axis=1)] == mechanism).mean()


CASES = (
    Case(
        "compare features, all sizes and moderated t",
        lambda: part_of_screen(64, 500),
        lambda table: cpf.compare_features(table, by="Metadata_Compound", reference=NEGCON),
        peer_tests,
        "scipy",
        "64 compounds x 5 wells, 1,280 controls, 500 features; the peer: t-test and KS alone",
    ),
    Case(
        "compare features, mixed model",
        lambda: part_of_screen(16, 20),
        lambda table: cpf.compare_features(table, by="Metadata_Compound", reference=NEGCON, model="mixed"),
        peer_mixed,
        "statsmodels",
        "16 compounds x 20 features",
    ),
    Case(
        "mechanism, not same compound or batch",
        library,
        lambda table: cpf.predict_mechanism(
            table, by=["Metadata_Compound", "Metadata_Dose"], label="Metadata_Mechanism"
        ),
        peer_mechanism,
        "scikit-learn",
        "3,000 perturbations x 500 features; the peer: accuracy alone, without the 1,000 permutations",
    ),
)
