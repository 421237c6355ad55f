"""Effect sizes: constants, unbiasedness by simulation, coverage of the interval."""

import numpy as np
import pytest
from scipy.special import gamma, nctdtrinc

from cellprofiling.kernels.inference.effects import (
    ssmd_equal,
    ssmd_paired,
    ssmd_unequal,
    standardized_interval,
    unbiased,
)


def test_bias_factor() -> None:
    """Hedges' published factors, and no factor for one degree of freedom."""
    np.testing.assert_allclose(unbiased(np.array([2.0, 10.0, 50.0])), [0.5642, 0.9227, 0.9849], atol=5e-5)
    assert np.isnan(unbiased(np.array([1.0, 0.0, np.nan]))).all()


def samples(n: int, n_control: int, shift: float, n_draws: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(shift, 1, (n_draws, n)), rng.normal(0, 1, (n_draws, n_control))


@pytest.mark.parametrize(("n", "n_control"), [(2, 3), (3, 16)])
def test_ssmd_of_one_variance_is_unbiased(n: int, n_control: int) -> None:
    """The mean over samples is (2 - 0) / sqrt(1 + 1); without the factor it is not."""
    treated, control = samples(n, n_control, 2.0)
    df = n + n_control - 2
    squares = ((treated - treated.mean(1, keepdims=True)) ** 2).sum(1) + (
        (control - control.mean(1, keepdims=True)) ** 2
    ).sum(1)
    difference = treated.mean(1) - control.mean(1)
    d = difference / np.sqrt(squares / df)
    assert ssmd_equal(d, np.full(len(d), df)).mean() == pytest.approx(np.sqrt(2), abs=0.01)
    assert (d / np.sqrt(2)).mean() > np.sqrt(2) + 0.05
    k = 2 * (gamma(df / 2) / gamma((df - 1) / 2)) ** 2
    np.testing.assert_allclose(ssmd_equal(d, np.full(len(d), df)), difference / np.sqrt(2 / k * squares), rtol=1e-9)


def test_paired_ssmd_is_unbiased() -> None:
    """The mean over samples of four differences with mean 2 and variance 1 is 2."""
    differences, _ = samples(4, 1, 2.0)
    found = ssmd_paired(differences.mean(1), differences.var(1, ddof=1), np.full(len(differences), 4.0))
    assert found.mean() == pytest.approx(2, abs=0.01)
    assert np.isnan(ssmd_paired(np.ones(1), np.ones(1), np.array([2.0])))
    assert np.isnan(ssmd_paired(np.ones(1), np.zeros(1), np.array([4.0])))


def test_unequal_ssmd_is_by_moments() -> None:
    """Difference over the root of the summed variances; no variance, no value."""
    assert ssmd_unequal(np.array([5.0]), np.array([9.0]), np.array([16.0])) == 1.0
    assert np.isnan(ssmd_unequal(np.array([5.0]), np.array([0.0]), np.array([0.0])))


@pytest.mark.parametrize("df", [4, 10, 30, 300])
@pytest.mark.parametrize("t", [0.0, -1.0, 3.0, 8.0])
def test_interval_is_close_to_the_exact_one(df: int, t: float) -> None:
    """Within 3 % of its width (5 % at 4 df) of the interval that inverts the noncentral t; exact at 0."""
    weight = 2.5
    low, high = standardized_interval(np.array(t / np.sqrt(weight)), np.array(weight), np.array(float(df)), 0.95)
    exact = np.array([nctdtrinc(df, 0.975, t), nctdtrinc(df, 0.025, t)]) / np.sqrt(weight)
    tolerance = 1e-4 if t == 0 else (0.05 if df < 10 else 0.025)
    np.testing.assert_allclose([low, high], exact, atol=tolerance * (exact[1] - exact[0]))


@pytest.mark.parametrize(("n", "n_control", "shift"), [(3, 6, 1.0), (3, 6, 4.0), (4, 64, 0.0), (2, 4, 2.0)])
def test_interval_covers(n: int, n_control: int, shift: float) -> None:
    """The true standardized difference lies inside in 95 % of samples, some more at four degrees of freedom."""
    treated, control = samples(n, n_control, shift, 40_000)
    df = n + n_control - 2
    squares = n * treated.var(1) + n_control * control.var(1)
    d = (treated.mean(1) - control.mean(1)) / np.sqrt(squares / df)
    weight = np.full(len(d), n * n_control / (n + n_control))
    low, high = standardized_interval(d, weight, np.full(len(d), float(df)), 0.95)
    coverage = ((low <= shift) & (shift <= high)).mean()
    assert 0.944 < coverage < (0.956 if df > 4 else 0.966)
