"""Median and median absolute deviation from one sort."""

import numpy as np
import pytest

from cellprofiling.kernels.scale.scale import median_and_deviation
from tests.builders import read_only


@pytest.mark.parametrize("n", [1, 2, 3, 4, 17, 384])
def test_equal_to_two_medians(n: int) -> None:
    """To the last bit what NumPy gives, for odd and even numbers, ties, far origins and rows of one value."""
    rng = np.random.default_rng(n)
    x = np.concatenate([rng.normal(size=(40, n)), 1e6 + 1e-3 * rng.normal(size=(5, n)), rng.integers(0, 3, (20, n))])
    x = np.concatenate([x, np.full((1, n), 7.0), rng.lognormal(sigma=3, size=(20, n))])
    x = read_only(x)
    middle, deviation = median_and_deviation(x)
    expected = np.median(x, axis=1)
    np.testing.assert_array_equal(middle, expected)
    np.testing.assert_array_equal(deviation, np.median(np.abs(x - expected[:, None]), axis=1))


def test_missing_values_are_skipped() -> None:
    """A row with NaN gives what its other values give; a row of nothing else gives NaN."""
    x = np.array([[5.0, np.nan, 3.0, np.nan, 4.5, 1.0], [1.0, 2.0, 4.0, 4.0, np.nan, 0.0], np.full(6, np.nan)])
    middle, deviation = median_and_deviation(x)
    np.testing.assert_array_equal(middle, [3.75, 2.0, np.nan])
    np.testing.assert_array_equal(deviation, [1.0, 2.0, np.nan])
