"""Missing values filled by the median of their group."""

import numpy as np

from cellprofiling.kernels.scale.missing import fill_with_median
from tests.builders import read_only

NAN = np.nan


def test_fills_with_the_median_of_the_group() -> None:
    """Each gap takes the median of its own group, and nothing else moves."""
    x = np.array([[1.0, 5], [NAN, 6], [3, 7], [10, NAN], [20, 8]])
    x = read_only(x)
    filled = fill_with_median(x, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_array_equal(filled, [[1, 5], [2, 6], [3, 7], [10, 8], [20, 8]])


def test_feature_without_values_in_a_group_becomes_constant_there() -> None:
    """A feature that a group never measured tells its rows apart no more."""
    filled = fill_with_median(np.array([[NAN], [NAN], [4.0]]), np.array([0, 0, 1]))
    np.testing.assert_array_equal(filled, [[0], [0], [4]])


def test_complete_values_stay_as_they_are() -> None:
    """Nothing missing, nothing changed; single precision becomes double."""
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    filled = fill_with_median(x, np.zeros(5, dtype=int))
    assert filled.dtype == np.float64
    np.testing.assert_array_equal(filled, x)
