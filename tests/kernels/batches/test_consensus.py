"""Replicates of all groups brought together at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.batches import consensus
from cellprofiling.kernels.batches.consensus import group_means, group_medians, modz
from tests.builders import read_only


def one_by_one(x, codes, n_groups, **options):
    alone = [modz(x[codes == g], np.zeros((codes == g).sum(), dtype=np.intp), 1, **options) for g in range(n_groups)]
    return np.concatenate(alone)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), gaps=st.sampled_from([0.0, 0.02, 0.4]), digits=st.sampled_from([0, 12]))
def test_groups_computed_together_are_those_computed_alone(seed, gaps, digits):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(9), [1, 2, 3, 3, 4, 4, 4, 7, 1]))
    x = rng.normal(size=(9, 15))[codes] + rng.normal(size=(len(codes), 15))
    x = np.round(x, digits)  # whole numbers: many ties
    x[rng.random(x.shape) < gaps] = np.nan
    x = read_only(x)
    np.testing.assert_allclose(modz(x, codes, 9), one_by_one(x, codes, 9), rtol=1e-12)


def test_many_groups_are_taken_a_few_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    codes, x = np.repeat(np.arange(20), 3), rng.normal(size=(60, 5))
    expected = modz(x, codes, 20)
    monkeypatch.setattr(consensus, "AT_ONCE", 31)
    np.testing.assert_array_equal(modz(x, codes, 20), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_computed_in_double_precision(dtype):
    x = np.random.default_rng(0).normal(size=(6, 8)).astype(dtype)
    codes = np.array([0, 0, 0, 1, 1, 1])
    found = modz(x, codes, 2)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, modz(x.astype(np.float64), codes, 2), rtol=1e-14)


NAIVE = {group_medians: np.nanmedian, group_means: np.nanmean}


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning", "ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize("statistic", NAIVE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_medians_and_means_equal_their_naive_twins(statistic, dtype, gaps):
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat(np.arange(7), [1, 2, 3, 32, 33, 70, 5]))  # both sides of FEW
    x = (1e6 + rng.integers(-3, 4, size=(len(codes), 12)) * 1e-3 + rng.normal(size=(len(codes), 12))).astype(dtype)
    x[rng.random(x.shape) < gaps] = np.nan
    x[codes == 2, 0] = np.nan
    x = read_only(x)
    expected = [NAIVE[statistic](x[codes == g].astype(np.float64), axis=0) for g in range(7)]
    np.testing.assert_allclose(statistic(x, codes, 7), expected, rtol=70 * np.finfo(float).eps)  # 70 terms at most


def test_a_mean_of_large_numbers_loses_nothing():
    x = np.full((20, 3), 1e6) + np.linspace(0, 1e-3, 20)[:, None]
    found = group_means(x, np.zeros(20, dtype=np.intp), 1)
    np.testing.assert_allclose(found, np.mean(x.astype(np.longdouble), axis=0)[None].astype(float), rtol=1e-16)
