"""The bootstrap draws within strata, and its intervals hold the truth as often as they say."""

import numpy as np
import pytest

from cellprofiling.kernels.inference.bootstrap import draw_weights, interval, weighted_means, weighted_medians


def test_each_stratum_is_drawn_as_often_as_it_has_units():
    stratum = np.array([0, 1, 1, 0, 2])
    weights = draw_weights(stratum, 50, np.random.default_rng(0))
    assert weights.shape == (50, 5)
    for code, n in enumerate((2, 2, 1)):
        assert (weights[:, stratum == code].sum(axis=1) == n).all()
    assert weights[:, 0].std() > 0


def test_weighted_statistics_are_those_of_repeated_values():
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=21), rng.poisson(1, (30, 21)).astype(float)
    repeated = [np.repeat(values, row.astype(int)) for row in weights]
    np.testing.assert_allclose(weighted_means(values, weights), [row.mean() for row in repeated])
    np.testing.assert_allclose(weighted_medians(values, weights), [np.median(row) for row in repeated])


def test_missing_values_are_left_out():
    values = np.array([1.0, np.nan, 3.0])
    assert weighted_means(values, np.array([[1.0, 5.0, 1.0]]))[0] == 2
    assert np.isnan(weighted_means(values, np.array([[0.0, 5.0, 0.0]]))[0])


def test_the_interval_of_a_mean_covers_it():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        values = rng.normal(size=40)
        draws = weighted_means(values, draw_weights(np.zeros(40, dtype=int), 300, rng))
        found = interval(values.mean(), draws)
        held += found.low <= 0 <= found.high
        assert found.error == pytest.approx(draws.std())
    assert 0.9 <= held / 300 <= 0.98


def test_an_interval_is_moved_to_its_value_and_missing_where_draws_are():
    found = interval(1.0, np.linspace(2, 4, 101))
    assert (found.low, found.high) == pytest.approx((0.05, 1.95))
    assert np.isnan(interval(1.0, np.array([1.0, np.nan])).low)
    assert np.isnan(interval(np.nan, np.ones(3))[1:]).all()
    assert np.isnan(interval(1.0, np.zeros(0)).low)
