"""Similarity of profiles."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from cellprofiling.kernels.similarity.similarity import cosine, pearson, spearman
from tests.builders import read_only


def naive_cosine(a, b):
    return sum(u * v for u, v in zip(a, b, strict=True)) / np.sqrt(sum(u * u for u in a) * sum(v * v for v in b))


TWINS = {
    cosine: naive_cosine,
    pearson: lambda a, b: pearsonr(a, b).statistic,
    spearman: lambda a, b: spearmanr(a, b).statistic,
}


@pytest.mark.parametrize("metric", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_metric_equals_its_naive_twin(metric, dtype):
    x = np.random.default_rng(0).normal(size=(6, 9))
    x[:, 0] = 1.0
    x[0] = np.round(x[0])  # ties
    x = read_only(x, dtype)
    expected = [[TWINS[metric](a, b) for b in x.astype(np.float64)] for a in x.astype(np.float64)]
    np.testing.assert_allclose(metric(x), expected, atol=1e-12)


@pytest.mark.parametrize("metric", TWINS)
def test_it_is_symmetric_with_ones_on_the_diagonal(metric):
    found = metric(read_only(1e6 + 1e-3 * np.random.default_rng(0).normal(size=(20, 30))))
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diagonal(found), 1.0)
    assert np.abs(found).max() == 1.0


def test_correlations_do_not_see_shift_and_scale_and_the_cosine_not_scale():
    x = np.random.default_rng(0).normal(size=(5, 40))
    factor, shift = np.array([[1.0, 2, 3, 4, 5]]).T, np.array([[0.0, 1e3, -5, 1, 1e6]]).T
    np.testing.assert_allclose(cosine(read_only(x * factor)), cosine(x), atol=1e-12)
    np.testing.assert_allclose(pearson(read_only(x * factor + shift)), pearson(x), atol=1e-8)
    np.testing.assert_array_equal(spearman(read_only(x * factor + shift)), spearman(x))


@pytest.mark.parametrize(("metric", "empty"), [(cosine, 0.0), (pearson, 0.1), (spearman, 0.1)])
def test_a_row_without_direction_is_like_nothing(metric, empty):
    x = np.random.default_rng(0).normal(size=(4, 7))
    x[2] = empty
    found = metric(read_only(x))
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    assert np.isfinite(np.delete(np.delete(found, 2, 0), 2, 1)).all()


def test_rounding_is_no_direction():
    x = np.array([[0.3, 0.1 + 0.2, 0.3, 0.3], [1.0, 2, 3, 5]])
    assert np.isnan(pearson(read_only(x))[0]).all()


@pytest.mark.parametrize("metric", TWINS)
def test_a_row_with_a_missing_value_is_like_nothing(metric):
    x = np.random.default_rng(0).normal(size=(4, 7))
    x[1, 3] = np.nan
    assert np.isnan(metric(read_only(x))).sum() == 7


@pytest.mark.parametrize("metric", TWINS)
def test_one_row(metric):
    np.testing.assert_array_equal(metric(read_only([[1.0, 2.0, 4.0]])), [[1.0]])
