"""Correlated features and who stands for them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.similarity.redundancy import correlations, dropped_in_pairs, representatives
from tests.builders import read_only


def screen(seed, n_rows=40, n_features=12, missing=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 3)) @ rng.normal(size=(3, n_features)) + 0.3 * rng.normal(size=(n_rows, n_features))
    x[rng.random(x.shape) < missing] = np.nan
    return x


def naive_correlation(a, b):
    common = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[common], b[common]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / np.sqrt((a @ a) * (b @ b))


def naive_correlations(x):
    return np.array([[naive_correlation(a, b) for b in x.T] for a in x.T])


def naive_representatives(r, cutoff):
    kept = []
    for feature in sorted(range(len(r)), key=lambda i: (round(float(np.abs(r[i]).mean()), 9), i)):
        if all(abs(r[feature, other]) <= cutoff for other in kept):
            kept.append(feature)
    return np.isin(np.arange(len(r)), kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [0.0, 0.02, 0.3])
def test_correlations_equal_their_naive_twin(missing, dtype):
    for seed in range(5):
        x = read_only(screen(seed, missing=missing), dtype)
        np.testing.assert_allclose(correlations(x), naive_correlations(x.astype(np.float64)), atol=1e-12)


def test_without_missing_values_they_are_those_of_numpy():
    x = read_only(screen(0))
    np.testing.assert_allclose(correlations(x), np.corrcoef(x.T), atol=1e-13)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_large_means_and_small_spreads_change_nothing(missing):
    x = screen(1, missing=missing)
    np.testing.assert_allclose(correlations(read_only(1e6 + 1e-3 * x)), correlations(x), atol=1e-6)


def test_a_column_without_spread_correlates_with_nothing():
    x = screen(0)
    x[:, 0] = 0.1 * 3
    x[::2, 1], x[1::2, 1] = 0.1 + 0.2, 0.3  # a constant, up to rounding
    assert not correlations(read_only(x))[:2].any()


def test_a_column_without_spread_in_the_rows_in_common_correlates_with_nothing():
    x = screen(0, n_features=2)
    x[5:, 0], x[:5, 1] = 1.0, np.nan
    assert correlations(read_only(x))[0, 1] == 0


def test_two_rows_in_common_are_too_few():
    x = np.array([[1.0, np.nan, 1], [2, 2, 2], [3, 3, 3.5], [np.nan, 4, 4]])
    np.testing.assert_array_equal(
        correlations(read_only(x)) != 0, [[True, False, True], [False, True, True], [True] * 3]
    )
    assert not correlations(read_only(x[:2, ::2])).any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cutoff=st.floats(0.05, 0.99))
def test_representatives_equal_their_naive_twin(seed, cutoff):
    r = read_only(np.round(correlations(screen(seed)), 1))  # rounded: many ties
    np.testing.assert_array_equal(representatives(r, cutoff), naive_representatives(r, cutoff))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cutoff=st.floats(0.05, 0.99))
def test_no_two_kept_are_alike_and_each_dropped_is_like_a_kept_one(seed, cutoff):
    strength = np.abs(correlations(screen(seed)))
    np.fill_diagonal(strength, 0.0)
    kept = representatives(correlations(screen(seed)), cutoff)
    assert (strength[np.ix_(kept, kept)] <= cutoff).all()
    assert (strength[np.ix_(~kept, kept)].max(axis=1, initial=0) > cutoff).all()


def test_of_twins_the_first_is_kept_and_of_opposites_too():
    x = screen(0, n_features=1)
    r = correlations(read_only(np.hstack([x, x, -x])))
    np.testing.assert_array_equal(representatives(r, 0.9), [True, False, False])


def test_rounding_does_not_decide_between_twins():
    r = np.array([[1.0, 1.0, 0.2 + 1e-15], [1.0, 1.0, 0.2], [0.2 + 1e-15, 0.2, 1.0]])
    np.testing.assert_array_equal(representatives(r, 0.9), [True, False, True])


def test_the_ends_of_a_chain_are_kept():
    r = np.eye(4)
    for i in range(3):
        r[i, i + 1] = r[i + 1, i] = 0.95
    np.testing.assert_array_equal(representatives(r, 0.9), [True, False, False, True])


def naive_pairs(r, cutoff):
    """One pair after the other, as pycytominer does."""
    place = list(np.argsort(np.round(np.abs(r).mean(axis=0), 9), kind="stable"))
    gone = {max((a, b), key=place.index) for a in range(len(r)) for b in range(a) if r[a, b] > cutoff}
    return np.isin(np.arange(len(r)), list(gone))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cutoff=st.floats(0.05, 0.99))
def test_pairs_equal_their_naive_twin(seed, cutoff):
    r = read_only(np.round(correlations(screen(seed)), 1))
    np.testing.assert_array_equal(dropped_in_pairs(r, cutoff), naive_pairs(r, cutoff))
