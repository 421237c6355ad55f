"""Limits lie where median and MAD put them, and nowhere where there are too few values or no spread."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cellprofiling.kernels.scale.limits import FEWEST, robust_limits
from tests.builders import read_only

FIVE = {"low": -5.0, "high": 5.0}


def naive(x: np.ndarray, low: float, high: float, log: bool) -> tuple[float, float]:
    """One group, in NumPy's own words."""
    values = np.array([-np.inf if v <= 0 else np.log(v) for v in map(float, x) if v == v]) if log else x[x == x]
    values = np.asarray(values, dtype=float)
    center = np.median(values)
    scale = 1.4826 * np.median(np.abs(values - center))
    limits = center + low * scale, center + high * scale
    return tuple(np.exp(limits)) if log else limits


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_limits_equal_their_naive_twin(seed, log, dtype):
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(5, 1, 400)).astype(dtype)
    if dtype != np.int64:
        x[rng.random(400) < 0.1] = np.nan
        x[:5] = [0, -1, np.inf, 0, -3]
    codes = rng.integers(0, 3, 400)
    x = read_only(x)
    found = robust_limits(x, codes, 3, low=-4, high=2.5, log=log)
    expected = [naive(x[codes == group], -4, 2.5, log) for group in range(3)]
    assert_allclose(np.array([found.low, found.high]).T, expected, rtol=1e-12)
    assert_array_equal(found.n, [np.count_nonzero(~np.isnan(x[codes == group].astype(float))) for group in range(3)])


def test_order_of_cells_does_not_matter():
    rng = np.random.default_rng(0)
    x, codes, order = rng.lognormal(size=1000), rng.integers(0, 4, 1000), rng.permutation(1000)
    one, other = (robust_limits(x[i], codes[i], 4, log=True, **FIVE) for i in (slice(None), order))
    for name in ("n", "center", "scale", "low", "high"):
        assert_array_equal(getattr(one, name), getattr(other, name))


def test_large_values_with_a_small_spread_have_limits():
    x = np.random.default_rng(0).normal(1e6, 1e-3, 500)
    found = robust_limits(x, np.zeros(500, int), 1, **FIVE)
    assert_allclose(found.high - found.low, 1e-2, rtol=0.15)


@pytest.mark.parametrize(
    ("x", "scale"),
    [
        (np.full(FEWEST, 0.1), 0),
        (np.r_[np.full(20, 3.0), np.arange(15)], 0),  # more than half of the values are one
        (np.arange(1.0, FEWEST), np.nan),  # one too few
        (np.full(FEWEST, np.nan), np.nan),
        (np.zeros(FEWEST), np.nan),  # no logarithm at all
        (np.r_[np.zeros(20), np.arange(1.0, 16)], np.nan),  # the median has no logarithm
    ],
)
def test_too_few_values_or_no_spread_have_none(x, scale):
    found = robust_limits(x, np.zeros(len(x), int), 1, log=scale is not np.nan or bool((x <= 0).any()), **FIVE)
    assert_array_equal(found.scale, [scale])
    assert np.isnan([found.low[0], found.high[0]]).all()


def test_a_side_that_is_not_asked_for_and_a_group_without_cells_have_none():
    found = robust_limits(np.arange(60.0), np.repeat([0, 2], 30), 3, low=np.nan, high=3)
    assert np.isnan(found.low).all()
    assert_array_equal(np.isnan(found.high), [False, True, False])
    assert_array_equal(found.n, [30, 0, 30])


def naive_without_crowd(x: np.ndarray, low: float) -> float:
    """One group of positive values, one step after the other."""
    logs = sorted(map(float, np.log(x)))
    median = float(np.median(logs))
    usual = median + low * 1.4826 * float(np.median([abs(v - median) for v in logs]))
    kept, seen = logs, []
    while len(kept) not in seen:
        seen.append(len(kept))
        center = float(np.median(kept))
        scale = 1.4826 * float(np.median([v - center for v in kept if v >= center]))
        limit = min(center + low * scale, center - np.log(2.5))
        kept = [v for v in logs if v >= limit]
    n_apart, n_valley = len(logs) - len(kept), sum(limit <= v < limit + scale for v in logs)
    apart = 10 * n_apart >= len(logs) and 10 * n_valley <= n_apart
    return np.exp(max(usual, limit) if apart else usual)


@pytest.mark.parametrize("share", [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6])
@pytest.mark.parametrize("size", [0.1, 0.2, 0.3, 0.5])
def test_a_crowd_below_equals_its_naive_twin(share, size):
    rng = np.random.default_rng(0)
    for n in (50, 500):
        x = rng.lognormal(6, 0.25, n) * np.where(np.arange(n) < share * n, size, 1)
        found = robust_limits(x, np.zeros(n, int), 1, low=-4, high=np.nan, log=True)
        assert_allclose(found.low, [naive_without_crowd(x, -4)], rtol=1e-12)


@pytest.mark.parametrize("size", [0.1, 0.2])
def test_debris_that_lies_apart_does_not_hide_itself(size):
    """Of 30 % debris 19 in 20 are found, and no more good cells than without; median and MAD find few or no debris."""
    rng = np.random.default_rng(0)
    bad = np.arange(6000) < 1800
    x = rng.lognormal(6, 0.25, 6000) * np.where(bad, size, 1)
    found = robust_limits(x, np.zeros(6000, int), 1, low=-4, high=np.nan, log=True)
    assert (x[bad] < found.low).mean() > 0.95
    assert (x[~bad] < found.low).mean() < 1e-3
    assert 0.25 < found.apart[0] < 0.31
    assert (x[bad] < naive(x, -4, np.nan, log=True)[0]).mean() < (0.1 if size == 0.2 else 0.96)


@pytest.mark.parametrize("n", [30, 100, 1000, 6000])
def test_without_a_crowd_the_limit_is_that_of_median_and_mad(n):
    """Clean cells, normal, log-normal, with heavy tails, and with two amounts of DNA, are flagged as ever."""
    rng = np.random.default_rng(n)
    dna = np.where(rng.random(n) < 0.6, 2.0, 1.0) * rng.lognormal(0, 0.08, n)
    for x in (rng.lognormal(6, 0.25, n), np.abs(rng.normal(5, 1, n)), np.exp(0.2 * rng.standard_t(5, n)), dna, 3 - dna):
        found = robust_limits(x, np.zeros(n, int), 1, low=-4, high=5, log=True)
        assert_allclose([found.low[0], found.high[0]], naive(x, -4, 5, log=True), rtol=1e-12)
        assert found.apart[0] == 0


def test_half_the_size_is_no_crowd_and_neither_is_what_no_valley_sets_apart():
    rng = np.random.default_rng(0)
    half = rng.lognormal(0, 0.05, 4000) * np.where(rng.random(4000) < 0.4, 0.5, 1)
    tail = np.exp(rng.normal(0, 0.1, 4000) - 2 * rng.random(4000) * (rng.random(4000) < 0.35))
    for x in (half, tail):
        found = robust_limits(x, np.zeros(4000, int), 1, low=-4, high=np.nan, log=True)
        assert_allclose(found.low, [naive(x, -4, np.nan, log=True)[0]], rtol=1e-12)


def test_a_crowd_of_zeros_lies_apart_and_the_order_does_not_matter():
    rng = np.random.default_rng(0)
    x = np.where(np.arange(1000) < 350, 0.0, rng.lognormal(5, 0.2, 1000))
    found = robust_limits(x, np.zeros(1000, int), 1, low=-4, high=np.nan, log=True)
    assert found.apart[0] == 0.35
    assert 0 < found.low[0] < x[x > 0].min()
    shuffled = robust_limits(rng.permutation(x), np.zeros(1000, int), 1, low=-4, high=np.nan, log=True)
    assert_array_equal([shuffled.low, shuffled.center, shuffled.scale], [found.low, found.center, found.scale])
    assert robust_limits(x, np.zeros(1000, int), 1, low=np.nan, high=5, log=True).apart[0] == 0


def test_up_to_half_of_the_cells_may_be_bad():
    """Limits of median and MAD hold out where mean and SD see no outlier: 30 % debris."""
    rng = np.random.default_rng(0)
    good, bad = rng.lognormal(5, 0.2, 7000), rng.lognormal(2.5, 0.2, 3000)
    found = robust_limits(np.r_[good, bad], np.zeros(10_000, int), 1, low=-4, high=np.nan, log=True)
    assert (bad < found.low).mean() > 0.99
    assert (good < found.low).mean() < 1e-3
