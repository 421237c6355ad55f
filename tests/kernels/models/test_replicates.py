"""How well replicates agree."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.anova import anova_lm

from cellprofiling.kernels.models.replicates import group_spread, intraclass_correlation
from tests.builders import read_only


def wells(seed, sizes=(2, 3, 5, 2, 4), gaps=0.0, n_features=6):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = rng.normal(size=(len(sizes), n_features))[codes] + rng.normal(size=(len(codes), n_features))
    x[rng.random(x.shape) < gaps] = np.nan
    x = read_only(x)
    return x, codes


def naive_icc(values, codes):
    """The table of variance of a textbook, by statsmodels."""
    frame = pd.DataFrame({"y": values, "g": codes}).dropna()
    n = frame["g"].value_counts()
    if len(n) < 2 or n.max() < 2:
        return np.nan
    table = anova_lm(smf.ols("y ~ C(g)", frame).fit())
    between, within = table["mean_sq"]
    k = (n.sum() - (n**2).sum() / n.sum()) / (len(n) - 1)
    return (between - within) / (between + (k - 1) * within)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_correlation_between_replicates_equals_its_naive_twin(gaps):
    for seed in range(5):
        x, codes = wells(seed, gaps=gaps)
        np.testing.assert_allclose(intraclass_correlation(x, codes), [naive_icc(c, codes) for c in x.T], rtol=1e-9)


def test_labels_that_mean_nothing_have_no_correlation_on_average():
    x, codes = wells(0, sizes=(2, 3) * 40, n_features=4000)
    found = intraclass_correlation(np.random.default_rng(1).permutation(x), codes)
    assert abs(found.mean()) < 0.01


def test_pairs_have_the_correlation_of_pairs():
    """With two replicates each and many groups the ICC is the correlation of the first with the second."""
    rng = np.random.default_rng(0)
    level = rng.normal(size=20_000)
    pairs = level[:, None] + rng.normal(size=(20_000, 2))
    found = intraclass_correlation(pairs.reshape(-1, 1), np.repeat(np.arange(20_000), 2))
    np.testing.assert_allclose(found, np.corrcoef(pairs.T)[0, 1], atol=1e-3)


def test_what_cannot_be_known_is_missing():
    x = np.array([[1.0, 1, np.nan], [1, 2, 3], [1, 3, np.nan], [1, 4, 4]])
    found = intraclass_correlation(x, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(np.isnan(found), [True, False, True])  # no spread; known; no two values in a group
    assert np.isnan(intraclass_correlation(x[:, [1]], np.zeros(4, dtype=np.intp)))  # one group


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), ddof=st.sampled_from([0, 1]), gaps=st.sampled_from([0.0, 0.3]))
def test_spread_among_replicates_equals_its_naive_twin(seed, ddof, gaps):
    x, codes = wells(seed, gaps=gaps)
    grouped = pd.DataFrame(x).groupby(codes)
    expected = grouped.std(ddof=ddof).where(grouped.count() > 1).mean()
    np.testing.assert_allclose(group_spread(x, codes, ddof=ddof), expected, rtol=1e-10)


@pytest.mark.parametrize("statistic", [group_spread, intraclass_correlation])
def test_large_means_and_small_spreads_change_nothing(statistic):
    x, codes = wells(0)
    factor = 1e-3 if statistic is group_spread else 1
    np.testing.assert_allclose(statistic(1e6 + 1e-3 * x, codes), factor * statistic(x, codes), rtol=1e-6)
