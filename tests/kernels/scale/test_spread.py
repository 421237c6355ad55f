"""Robust CV, Z' and SSMD equal their formulas, and say so when they mean nothing."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.scale.spread import interval, mad, robust_cv, ssmd, z_prime
from tests import naive

WELLS = st.lists(st.integers(0, 5000), min_size=4, max_size=24).filter(lambda values: len(set(values)) > 3)


@settings(max_examples=50, deadline=None)
@given(WELLS, WELLS)
def test_robust_statistics_equal_the_formulas_written_out(positive, negative):
    center_p, center_n = statistics.median(positive), statistics.median(negative)
    normal = statistics.NormalDist().inv_cdf(0.75)
    spread_p, spread_n = naive.mad(positive) / normal, naive.mad(negative) / normal
    assert mad(positive) == pytest.approx(spread_p)
    if center_p != center_n and spread_p + spread_n > 0:
        assert z_prime(positive, negative) == pytest.approx(1 - 3 * (spread_p + spread_n) / abs(center_p - center_n))
    if spread_p + spread_n > 0:
        assert ssmd(positive, negative) == pytest.approx((center_p - center_n) / (spread_p**2 + spread_n**2) ** 0.5)


@settings(max_examples=50, deadline=None)
@given(WELLS, WELLS)
def test_classic_statistics_equal_the_formulas_written_out(positive, negative):
    center_p, center_n = statistics.mean(positive), statistics.mean(negative)
    spread_p, spread_n = statistics.stdev(positive), statistics.stdev(negative)
    if abs(center_p - center_n) > 1e-9:
        expected = 1 - 3 * (spread_p + spread_n) / abs(center_p - center_n)
        assert z_prime(positive, negative, robust=False) == pytest.approx(expected)
    expected = (center_p - center_n) / (spread_p**2 + spread_n**2) ** 0.5
    assert ssmd(positive, negative, robust=False) == pytest.approx(expected)


def test_separation_does_not_change_with_units_and_ssmd_changes_sign_with_the_order():
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1e6, 1e-3, 16), rng.normal(1e6 + 1e-2, 1e-3, 24)
    scaled = [(x - 1e6) * 1e3 for x in (positive, negative)]
    assert z_prime(positive, negative) == pytest.approx(z_prime(*scaled), rel=1e-4)
    assert ssmd(positive, negative) == pytest.approx(-ssmd(negative, positive))


def test_controls_without_spread_have_no_z_prime_and_no_ssmd():
    assert np.isnan(z_prime([5, 5, 5, 5], [9, 9, 9, 9]))
    assert np.isnan(ssmd([5, 5, 5, 5], [9, 9, 9, 9]))
    assert np.isnan(z_prime([1, 2, 3, 4], [1, 2, 3, 4]))  # equal centers
    assert np.isfinite(z_prime([5, 5, 5, 5], [1, 2, 3, 4]))  # one of two without spread is a measurement


def test_a_missing_value_makes_the_result_missing():
    assert np.isnan(z_prime([1, np.nan, 3], [7, 8, 9]))
    assert np.isnan(robust_cv([1, np.nan, 3]))


def test_robust_cv_is_missing_around_zero_and_positive_for_negative_values():
    assert np.isnan(robust_cv([-1.0, 0.0, 1.0]))
    assert robust_cv([-8.0, -10.0, -12.0]) == pytest.approx(robust_cv([8.0, 10.0, 12.0]))


def test_every_statistic_runs_over_the_last_axis():
    rng = np.random.default_rng(1)
    positive, negative = rng.normal(0, 1, (5, 7)), rng.normal(9, 1, (5, 11))
    positive.flags.writeable = negative.flags.writeable = False
    for statistic in (z_prime, ssmd):
        one_by_one = [float(statistic(p, n)) for p, n in zip(positive, negative, strict=True)]
        assert statistic(positive, negative) == pytest.approx(one_by_one)


def test_interval_does_not_depend_on_the_order_of_wells_and_brackets_the_truth():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(40):
        positive, negative = rng.normal(0, 1, 32), rng.normal(10, 1, 32)
        low, high = interval(z_prime, positive, negative, rng=np.random.default_rng(0), resamples=500)
        shuffled = interval(z_prime, positive[::-1], negative[::-1], rng=np.random.default_rng(0), resamples=500)
        assert (low, high) == shuffled
        inside += low <= 0.4 <= high
    assert inside >= 32  # 90 % asked; the chance of fewer than 32 of 40 at 90 % is 0.02


def test_interval_of_controls_without_spread_is_missing():
    low, high = interval(ssmd, [5.0] * 4, [9.0] * 4, rng=np.random.default_rng(0), resamples=50)
    assert np.isnan(low)
    assert np.isnan(high)
