"""Groups against the controls of their strata: the sums equal the least-squares fit written out."""

import numpy as np
import pytest

from cellprofiling.kernels.models.contrasts import cells_of, contrast_with_controls
from tests.builders import read_only


def screen(seed: int, missing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values at 1e6 with a spread of 1e-3, groups (-1 for controls) and strata, all uneven."""
    rng = np.random.default_rng(seed)
    group = rng.integers(-1, 4, 80)
    group[::3] = -1
    stratum = rng.integers(0, 3, 80)
    x = 1e6 + 1e-3 * rng.normal(size=(80, 5)) + stratum[:, None] * 1e-2
    x[rng.random(x.shape) < missing] = np.nan
    x = read_only(x)
    return x, group, stratum


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_equals_least_squares(seed: int, missing: float) -> None:
    """Effect, its standard error and the degrees of freedom are those of a regression on strata and treatment."""
    sm = pytest.importorskip("statsmodels.api")
    x, group, stratum = screen(seed, missing)
    found = contrast_with_controls(cells_of(x, group, stratum, 4))
    for g in range(4):
        there = np.isin(stratum, stratum[group == g]) & ((group == g) | (group < 0))
        for j in range(x.shape[1]):
            rows = np.flatnonzero(there & ~np.isnan(x[:, j]))
            dummies = (stratum[rows, None] == np.unique(stratum[rows])).astype(float)
            design = np.column_stack([group[rows] == g, dummies])
            fit = sm.OLS(x[rows, j] - 1e6, design).fit()
            assert found.df[g, j] == fit.df_resid
            np.testing.assert_allclose(found.difference[g, j], fit.params[0], atol=1e-9)
            np.testing.assert_allclose(found.squares[g, j], fit.ssr, rtol=1e-5)
            error = np.sqrt(found.squares[g, j] / found.df[g, j] / found.weight[g, j])
            np.testing.assert_allclose(error, fit.bse[0], rtol=1e-5)


def test_group_without_controls_has_no_difference() -> None:
    """Nothing to compare with: missing, not zero."""
    x = np.arange(6.0)[:, None]
    found = contrast_with_controls(cells_of(x, np.array([0, 0, 1, -1, -1, -1]), np.array([0, 0, 1, 1, 1, 1]), 2))
    assert np.isnan(found.difference[0, 0])
    assert found.n[:, 0].tolist() == [0, 1]
    assert found.n_controls[:, 0].tolist() == [0, 3]
    assert found.difference[1, 0] == 2.0 - 4.0


def test_own_differences() -> None:
    """Mean and squares of wells less the control mean of their stratum."""
    x, group, stratum = screen(1, 0.2)
    found = contrast_with_controls(cells_of(x, group, stratum, 4))
    own = np.array(
        [
            [row[j] - np.nanmean(x[(group < 0) & (stratum == s), j]) for j in range(5)]
            for row, s in zip(x, stratum, strict=True)
        ]
    )
    for g in range(4):
        values = own[group == g]
        np.testing.assert_allclose(found.own_mean[g], np.nanmean(values, axis=0), atol=1e-9)
        squares = np.nansum((values - np.nanmean(values, axis=0)) ** 2, axis=0)
        np.testing.assert_allclose(found.own_squares[g], squares, rtol=1e-4)
