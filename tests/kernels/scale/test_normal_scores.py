"""Normal scores of ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from cellprofiling.kernels.scale.normal_scores import fit_ranks, normal_scores, ranks_among
from tests.builders import read_only


def naive_rank(value, reference):
    if np.isnan(value):
        return np.nan
    below, equal = sum(r < value for r in reference), sum(r == value for r in reference)
    if equal:
        return below + (equal + 1) / 2
    if below in (0, len(reference)):
        return below + 0.5
    low, high = max(r for r in reference if r < value), min(r for r in reference if r > value)
    return below + (value - low) / (high - low)


values = st.lists(st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.0, 1e6, 1e6 + 1e-3]), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(reference=values, others=values)
def test_ranks_equal_their_naive_twin(reference, others):
    others = [*others, np.nan, -7.0, 0.25]
    expected = [naive_rank(value, reference) for value in others]
    np.testing.assert_allclose(ranks_among(read_only(others), np.sort(reference)), expected, rtol=1e-9)


def test_among_themselves_values_have_the_average_ranks_of_scipy():
    x = np.random.default_rng(0).integers(0, 20, 100).astype(float)
    np.testing.assert_array_equal(ranks_among(x, np.sort(x)), rankdata(x))


def test_scores_are_those_of_blom():
    x = read_only([5.0, 1.0, 9.0])
    np.testing.assert_allclose(normal_scores(x, np.sort(x)), norm.ppf(([2, 1, 3] - np.array(0.375)) / 3.25))


def test_ties_do_not_depend_on_the_order_of_rows():
    x = np.random.default_rng(0).integers(0, 5, (40, 3)).astype(float)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_array_equal(fit_ranks(x[order]).apply(x[order]), fit_ranks(x).apply(x)[order])


def test_beyond_the_reference_scores_saturate_and_stay_finite():
    fit = fit_ranks(read_only(np.arange(16.0)[:, None]))
    far, farther = fit.apply(read_only([[20.0], [1e300]]))[:, 0]
    assert far == farther == pytest.approx(norm.ppf(16.125 / 16.25))
    assert fit.apply(read_only([[-1e300]]))[0, 0] == pytest.approx(-far)


def test_missing_values_are_skipped_and_stay_missing():
    x = np.random.default_rng(0).normal(size=(9, 2))
    x[[2, 5], 0] = np.nan
    scores = fit_ranks(read_only(x)).apply(read_only(x))
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(x))
    there = ~np.isnan(x[:, 0])
    np.testing.assert_array_equal(scores[there, 0], fit_ranks(x[there]).apply(x[there])[:, 0])


def test_a_constant_computed_in_floating_point_is_only_centered():
    x = read_only([[0.3], [0.1 + 0.2], [0.3]])
    fit = fit_ranks(x)
    assert fit.flat.all()
    assert abs(fit.apply(x)).max() < 1e-15


def test_float32_ranks_as_the_same_numbers_in_float64():
    x = read_only(1e3 + np.random.default_rng(0).normal(size=(50, 2)), np.float32)
    np.testing.assert_array_equal(fit_ranks(x).apply(x), fit_ranks(x.astype(float)).apply(x.astype(float)))
