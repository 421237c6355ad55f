"""Median polish."""

import numpy as np
import pytest

from cellprofiling.kernels.plates.polish import median_polish
from tests import naive
from tests.builders import read_only


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 12), (5, 6), (16, 24)])
def test_each_grid_equals_its_naive_twin(dtype, shape):
    rng = np.random.default_rng(0)
    grids = (rng.normal(size=(*shape, 4)) * [1, 1, 1e-3, 5] + [0, 5, 1e3, 0]).astype(dtype)
    grids[1, 2, 0] = grids[3, :, 1] = grids[::2, 0, 3] = np.nan
    grids = read_only(grids)
    fit = median_polish(grids)
    for j in range(4):
        overall, row, column = naive.median_polish(grids[:, :, j].astype(float))
        assert fit.overall[j] == pytest.approx(overall, rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(fit.row[:, j], row, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(fit.column[:, j], column, rtol=1e-9, atol=1e-9)


def test_deaths_from_parachuting_as_r_prints_them():
    """ABC of EDA, page 224, the example of R's medpolish: overall 8, the residuals add up to 19."""
    deaths = np.array([[14, 15, 14], [7, 4, 7], [8, 2, 10], [15, 9, 10], [0, 2, 0]], dtype=float)
    fit = median_polish(deaths[:, :, None])
    assert fit.overall[0] == 8
    assert fit.row[:, 0].tolist() == [6, -1, 0, 2, -8]
    assert fit.column[:, 0].tolist() == [0, -1, 0]
    assert np.abs(deaths - fit.overall - fit.row - fit.column.T).sum() == 19


def test_an_additive_plate_is_fitted_exactly_beside_a_few_hits():
    row, column = np.arange(8.0)[:, None, None], 3 * np.arange(12.0)[None, :, None]
    grids = 100 + row + column + np.zeros((8, 12, 2))
    grids[2, 3], grids[5, 5] = 1e4, -1e4
    fit = median_polish(grids)
    rest = grids - (fit.overall + fit.row[:, None] + fit.column[None])
    assert (np.abs(rest) > 1e-9).sum() == 4


def test_a_feature_does_not_depend_on_the_others():
    grids = np.random.default_rng(0).normal(size=(8, 12, 30))
    together, alone = median_polish(grids), median_polish(grids[:, :, [7]])
    np.testing.assert_array_equal(together.row[:, [7]], alone.row)


def test_without_values_there_is_no_effect():
    fit = median_polish(np.full((4, 5, 1), np.nan))
    assert fit.overall[0] == 0
    assert not fit.row.any()
    assert not fit.column.any()
