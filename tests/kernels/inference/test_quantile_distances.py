"""Wasserstein distances against SciPy, and their parts against the quantile functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from cellprofiling.kernels.inference.quantile_distances import quantile_distances, without


def squared_distance(treated: np.ndarray, controls: np.ndarray) -> float:
    """Return the squared second Wasserstein distance by repeating each value until both are equally many."""
    n, m = len(treated), len(controls)
    return float(((np.repeat(treated, m) - np.repeat(controls, n)) ** 2).mean())


@pytest.mark.parametrize("seed", range(20))
def test_first_distance_is_that_of_scipy(seed: int) -> None:
    """To 1e-9, with ties, unequal sizes and the sign of the difference of means."""
    rng = np.random.default_rng(seed)
    treated = np.sort(np.round(rng.normal(rng.normal(), 1, rng.integers(1, 90)), seed % 3))
    controls = np.sort(np.round(rng.standard_t(3, rng.integers(1, 400)), seed % 3))
    treated.flags.writeable = controls.flags.writeable = False
    found = quantile_distances(treated, controls)[0]
    assert abs(abs(found) - wasserstein_distance(treated, controls)) <= 1e-9
    assert np.sign(found) == np.sign(treated.mean() - controls.mean())


VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


@settings(deadline=None)  # the first call compiles
@given(VALUES, VALUES)
def test_parts_add_up(treated: list[float], controls: list[float]) -> None:
    """Location, size and shape are none of them negative and make up the square of W2, to 1e-9."""
    first, second = np.sort(treated), np.sort(controls)
    _, location, size, shape = quantile_distances(first, second)
    whole = squared_distance(first, second)
    assert min(location, size, shape) >= 0
    assert abs(location + size + shape - whole) <= 1e-9 * max(1, whole)


def test_what_parts_say() -> None:
    """A pure shift is location, a pure stretch is size, two modes instead of one are shape."""
    rng = np.random.default_rng(0)
    controls = np.sort(rng.normal(size=2000))
    for changed, part in ((controls + 1, 0), (3 * controls, 1), (np.sort(np.sign(controls)), 2)):
        parts = np.array(quantile_distances(changed, controls)[1:])
        assert parts[part] / parts.sum() >= 0.95


def test_far_from_zero() -> None:
    """Means of 1e6 and spreads of 1e-3."""
    rng = np.random.default_rng(0)
    treated, controls = np.sort(1e6 + 1e-3 * rng.normal(size=50)), np.sort(1e6 + 1e-3 * rng.normal(size=70))
    _, *parts = quantile_distances(treated, controls)
    np.testing.assert_allclose(sum(parts), squared_distance(treated - 1e6, controls - 1e6), rtol=1e-6)


def test_nothing_to_compare() -> None:
    """No values on one side."""
    assert np.isnan(quantile_distances(np.empty(0), np.ones(3))).all()
    assert np.isnan(quantile_distances(np.ones(3), np.empty(0))).all()


def test_without() -> None:
    """Values are taken out as often as they are to be taken."""
    np.testing.assert_array_equal(without(np.array([1.0, 2, 2, 2, 5]), np.array([2.0, 2, 5])), [1, 2])
    np.testing.assert_array_equal(without(np.array([1.0, 2]), np.empty(0)), [1, 2])
