"""The order of rows by what they hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.scale.order import content_order
from tests.builders import read_only


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), kind=st.sampled_from(["normal", "whole", "single", "gaps"]))
def test_shuffled_rows_are_brought_into_the_same_order(seed, kind):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 6))
    if kind == "whole":
        x = rng.integers(-2, 3, size=(40, 6)).astype(float)  # equal rows, and -0.0
    if kind == "single":
        x = x.astype(np.float32)
    if kind == "gaps":
        x[rng.random(x.shape) < 0.2] = np.nan
    shuffled = x[rng.permutation(40)]
    shuffled = read_only(shuffled)
    np.testing.assert_array_equal(x[content_order(x)], shuffled[content_order(shuffled)])


def test_all_rows_of_small_whole_numbers_are_told_apart():
    """Trap: only the first bits of such numbers differ, and a product of them keeps only the last bits."""
    x = np.stack(np.meshgrid(*[np.arange(8.0)] * 5), axis=-1).reshape(-1, 5)
    y = x[np.random.default_rng(0).permutation(len(x))]
    np.testing.assert_array_equal(x[content_order(x)], y[content_order(y)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sign_of_zero_and_the_precision_do_not_matter(dtype):
    x = np.array([[0.0, 1], [-0.0, 2], [0.5, 3]], dtype=dtype)
    np.testing.assert_array_equal(content_order(x), content_order(np.abs(x).astype(np.float64)))


def test_rows_that_differ_late_are_told_apart():
    rng = np.random.default_rng(0)
    x = np.ones((50, 100))
    x[:, 90] = rng.normal(size=50)
    y = x[rng.permutation(50)]
    np.testing.assert_array_equal(x[content_order(x)], y[content_order(y)])
