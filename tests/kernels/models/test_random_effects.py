"""The mixed model of all features at once equals that of statsmodels, one at a time."""

import warnings

import numpy as np
import pytest
from scipy.stats import ttest_rel

from cellprofiling.kernels.models.contrasts import cells_of
from cellprofiling.kernels.models.random_effects import fit_random_effect
from tests.builders import read_only


def screen(seed: int, deviation: float, missing: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values, groups and strata of a screen whose effects differ between strata; uneven, with gaps."""
    rng = np.random.default_rng(seed)
    group, stratum = rng.integers(-1, 2, 240), rng.integers(0, 6, 240)
    x = rng.normal(size=(240, 4)) + 3 * rng.normal(size=(6, 4))[stratum]
    effects = 0.5 + deviation * rng.normal(size=(2, 6, 4))
    x += np.where(group[:, None] >= 0, effects[group, stratum], 0)
    x[rng.random(x.shape) < missing] = np.nan
    x = read_only(x)
    return x, group, stratum


@pytest.mark.parametrize("seed", range(4))
def test_equals_statsmodels(seed: int) -> None:
    """Effect and variances of MixedLM by REML, strata as fixed effects.

    Its own standard error is that of a joint Hessian, some tenths of a percent off the one its variances imply.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    x, group, stratum = screen(seed, deviation=1.5)
    found = fit_random_effect(cells_of(x, group, stratum, 2))
    for g in range(2):
        for j in range(4):
            rows = np.flatnonzero(((group == g) | (group < 0)) & ~np.isnan(x[:, j]))
            treated = (group[rows] == g).astype(float)
            design = np.column_stack([treated, stratum[rows, None] == np.arange(6)])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = MixedLM(x[rows, j], design, stratum[rows], exog_re=treated).fit(reml=True, gtol=1e-8)
            assert found.difference[g, j] == pytest.approx(fit.fe_params[0], rel=1e-4)
            covariance = fit.scale * np.eye(len(rows))
            covariance += fit.cov_re[0, 0] * np.outer(treated, treated) * (stratum[rows, None] == stratum[rows])
            error = np.sqrt(np.linalg.inv(design.T @ np.linalg.solve(covariance, design))[0, 0])
            assert found.error[g, j] == pytest.approx(error, rel=1e-3)
            assert found.error[g, j] == pytest.approx(fit.bse_fe[0], rel=1e-2)
            assert found.ratio[g, j] == pytest.approx(fit.cov_re[0, 0] / fit.scale, rel=5e-3)


def test_balanced_design_is_the_paired_t_test() -> None:
    """The effect over its error is the paired t of stratum means."""
    rng = np.random.default_rng(0)
    stratum, group = np.repeat(np.arange(5), 7), np.tile([0, 0, 0, -1, -1, -1, -1], 5)
    x = rng.normal(size=(35, 3)) + np.where(group[:, None] == 0, 4 * rng.normal(size=(5, 3))[stratum], 0)
    found = fit_random_effect(cells_of(x, group, stratum, 1))
    means = [np.array([x[(stratum == s) & (group == g)].mean(axis=0) for s in range(5)]) for g in (0, -1)]
    np.testing.assert_allclose(found.difference[0] / found.error[0], ttest_rel(*means).statistic, rtol=1e-6)


def test_equal_effects_have_no_variance() -> None:
    """Where strata agree better than chance the ratio is exactly 0 and the fit is least squares."""
    rng = np.random.default_rng(0)
    stratum, group = np.repeat(np.arange(4), 8), np.tile([0] * 4 + [-1] * 4, 4)
    noise = rng.normal(size=(32, 1))
    for s in range(4):
        for g in (0, -1):
            rows = (stratum == s) & (group == g)
            noise[rows] -= noise[rows].mean()
    found = fit_random_effect(cells_of(noise + (group[:, None] == 0), group, stratum, 1))
    assert found.ratio[0, 0] == 0
    assert found.difference[0, 0] == pytest.approx(1)
    assert found.error[0, 0] == pytest.approx(np.sqrt((noise**2).sum() / 27 / 8))


def test_one_stratum_says_nothing() -> None:
    """Without a second stratum, or without any spread, there is no standard error."""
    x, group = np.arange(6.0)[:, None], np.array([0, 0, 0, -1, -1, -1])
    assert np.isnan(fit_random_effect(cells_of(x, group, np.zeros(6, dtype=int), 1)).error).all()
    flat = fit_random_effect(cells_of(np.ones((6, 1)), group, np.tile([0, 1], 3), 1))
    assert np.isnan(flat.error).all()
