"""Counting finds what sorting finds, whatever the values and wherever the search starts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from cellprofiling.kernels.scale.ranks import two_of_rank

AWKWARD = [0.0, -0.0, 1.0, 1.0, 2.5, -3.0, 1e-30, 1e30, np.inf, -np.inf, np.nan]


def naive(values: NDArray, rank: int, center: float) -> tuple[float, float]:
    """Sort, then look."""
    present = values[~np.isnan(values)].astype(np.float64)
    ranked = np.sort(present if np.isnan(center) else np.abs(present - center))
    return ranked[rank], ranked[rank + 1] if rank + 1 < len(ranked) else np.inf


def found(values: NDArray, rank: int, center: float, guess: float, spread: float) -> tuple[float, float]:
    dtype = values.dtype.type
    filled = np.where(np.isnan(values), dtype(np.inf), values)
    n = int((~np.isnan(values)).sum())
    return two_of_rank(filled, n, rank, center, guess, spread, np.empty(len(values)), dtype(np.inf))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("center", [np.nan, 0.25, -1e6])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_rank_of_any_values_from_any_start(dtype, center, data):
    width = 32 if dtype == np.float32 else 64
    elements = st.sampled_from(AWKWARD) | st.floats(-9, 9, width=width) | st.integers(-4, 4).map(float)
    values = data.draw(npst.arrays(np.float64, st.integers(1, 80), elements=elements)).astype(dtype)
    values[0] = 1
    rank = data.draw(st.integers(0, int((~np.isnan(values)).sum()) - 1))
    guess = data.draw(st.sampled_from([0.0, 1.0, -50.0, 1e30, values[0]]))
    spread = data.draw(st.sampled_from([0.0, 1e-9, 1.0, 1e9, np.inf, np.nan]))
    assert found(values, rank, center, guess, spread) == naive(values, rank, center)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", ["normal", "rounded", "two clusters", "one outlier", "far from zero"])
def test_the_rank_is_found_in_wells_of_usual_size(dtype, shape):
    rng = np.random.default_rng(0)
    for n in (13, 50, 300, 1000):
        x = rng.normal(size=n)
        x = {
            "normal": x,
            "rounded": np.round(2 * x),
            "two clusters": np.where(rng.random(n) < 0.5, x * 1e-3, 1e4 + x),
            "one outlier": np.append(x[1:], 1e30),
            "far from zero": 1e6 + 1e-2 * x,
        }[shape].astype(dtype)
        for center in (np.nan, float(np.median(x))):
            for rank in (0, n // 10, (n - 1) // 2, n - 1):
                assert found(x, rank, center, float(x[0]), 1.0) == naive(x, rank, center)


def test_distances_that_round_otherwise_on_both_sides():
    """Below 2^20 single precision is twice as fine as above, so that a window is wider on one side."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        values = (2**20 + 0.0625 * rng.integers(-9, 10, 15)).astype(np.float32)
        center, rank = float(np.median(values)) + rng.choice([0, 0.01, 0.02]), int(rng.integers(15))
        assert found(values, rank, center, 0.2, 0.1) == naive(values, rank, center)
