"""Patterns of plates: moved, polished, correlated over the wells they share."""

import numpy as np
import pytest

from cellprofiling.kernels.plates.patterns import polished, shared_correlations, shifted, turned
from tests.builders import read_only


def grids(n: int, shape: tuple[int, int] = (8, 12), seed: int = 0, missing: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(1e6, 1e-3, (n, *shape))
    values[rng.random(values.shape) < missing] = np.nan
    return read_only(values)


def test_correlations_equal_numpy_pair_by_pair() -> None:
    """Each entry is the Pearson correlation over the wells that both plates have."""
    a, b = grids(4).reshape(4, -1), grids(3, seed=1).reshape(3, -1) + 0.5 * grids(4)[0].reshape(-1)
    found, shared = shared_correlations(a, b)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            both = ~np.isnan(x) & ~np.isnan(y)
            assert shared[i, j] == both.sum()
            assert found[i, j] == pytest.approx(np.corrcoef(x[both], y[both])[0, 1], abs=1e-6)


def test_no_correlation_where_nothing_varies_or_is_shared() -> None:
    """A constant plate, an empty one, and plates with two wells in common have none."""
    a = np.array([[1.0] * 6, [np.nan] * 6, [1, 2, np.nan, np.nan, np.nan, 3]])
    b = np.array([[1.0, 2, 3, 4, 5, np.nan]])
    found, shared = shared_correlations(a, b)
    assert np.isnan(found).all()
    assert shared[:, 0].tolist() == [5, 0, 2]


def test_moves() -> None:
    """Turning twice is nothing; a shift forth and back loses only the wells that fell off."""
    plates = grids(2, missing=0)
    np.testing.assert_array_equal(turned(turned(plates, True, True), True, True), plates)
    np.testing.assert_array_equal(turned(plates, True, False)[0, 0], plates[0, -1])
    down = shifted(plates, 1, 0)
    assert np.isnan(down[:, 0]).all()
    np.testing.assert_array_equal(down[:, 1:], plates[:, :-1])
    np.testing.assert_array_equal(shifted(shifted(plates, 0, -2), 0, 2)[..., 2:], plates[..., 2:])


def test_polish_takes_out_rows_and_columns() -> None:
    """An additive plate leaves nothing; a plate of a few wells loses only its median."""
    rows, columns = np.arange(8.0)[:, None] ** 2, np.sin(np.arange(12.0))
    np.testing.assert_allclose(polished((rows + columns)[None]), 0, atol=1e-9)
    few = np.full((1, 8, 12), np.nan)
    few[0, 2, 3], few[0, 2, 8], few[0, 5, 3] = 1, 2, 4
    np.testing.assert_array_equal(polished(few)[0][[2, 2, 5], [3, 8, 3]], [-1, 0, 2])
    assert np.isnan(polished(np.full((1, 8, 12), np.nan))).all()
