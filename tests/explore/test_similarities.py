"""Similarity tables."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import pearsonr, spearmanr

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, InputError

TWINS = {
    "cosine": lambda a, b: 1 - cosine(a, b),
    "pearson": lambda a, b: pearsonr(a, b).statistic,
    "spearman": lambda a, b: spearmanr(a, b).statistic,
}


@pytest.fixture
def compounds():
    x = np.random.default_rng(0).normal(size=(5, 9))
    frame = pd.DataFrame(x, index=list("vwxyz"), columns=[f"Cells_{i}" for i in range(9)])
    return frame.assign(Metadata_Dose=1.0)


@pytest.mark.parametrize("metric", TWINS)
def test_each_entry_is_the_similarity_of_its_row_and_column(compounds, metric):
    found = cpf.similarity(compounds, metric=metric)
    x = compounds.filter(like="Cells")
    for a in compounds.index:
        for b in compounds.index:
            assert found.loc[a, b] == pytest.approx(TWINS[metric](x.loc[a], x.loc[b]), abs=1e-12)


def test_rows_and_columns_are_labelled_by_the_index(compounds):
    keyed = compounds.assign(Metadata_Compound=list("ababa")).set_index(["Metadata_Compound", "Metadata_Dose"])
    found = cpf.similarity(keyed)
    assert found.index.equals(keyed.index)
    assert found.columns.equals(keyed.index)


def test_a_profile_without_direction_is_like_nothing(compounds):
    compounds.loc["x", compounds.columns[:9]] = 0.0
    found = cpf.similarity(compounds)
    assert found.loc["x"].isna().all()
    assert found["x"].isna().all()
    assert found.drop("x", axis=0).drop("x", axis=1).notna().all(axis=None)


def test_float32_stays_float32(compounds):
    assert set(cpf.similarity(compounds.astype(np.float32)).dtypes) == {np.dtype(np.float32)}


def test_only_named_features_are_compared(compounds):
    few = ["Cells_1", "Cells_2"]
    pd.testing.assert_frame_equal(cpf.similarity(compounds, features=few), cpf.similarity(compounds[few]))


def test_what_cannot_be_done_is_said(compounds):
    with pytest.raises(InputError, match=r"metric='euclid': choose one of 'cosine', 'pearson', 'spearman'"):
        cpf.similarity(compounds, metric="euclid")
    compounds.loc["v", "Cells_3"] = np.nan
    with pytest.raises(FeatureError, match=r"features 'Cells_3' have missing values \(in 1 of 5 rows\)"):
        cpf.similarity(compounds)
