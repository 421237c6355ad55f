"""Variances that lend each other strength: what was planted is found, and nothing known gives nothing borrowed."""

import numpy as np
import pytest
from scipy.special import polygamma
from scipy.stats import t as student

from cellprofiling.kernels.models.moderated import Prior, fit_prior, inverse_trigamma, moderate, two_sided


@pytest.mark.parametrize("value", [1e-6, 1e-3, 0.1, 1.0, 10.0, 1e4, 1e7])
def test_inverse_of_trigamma(value: float) -> None:
    """Trigamma of its inverse is the value again."""
    assert polygamma(1, inverse_trigamma(value)) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(("df", "prior_df"), [(4, 8.0), (20, 3.0), (100, 30.0)])
def test_finds_the_prior_that_made_the_variances(df: int, prior_df: float) -> None:
    """With s0^2 = 4 and d0 degrees of freedom planted in 200,000 features, both come back."""
    rng = np.random.default_rng(0)
    true = 4 * prior_df / rng.chisquare(prior_df, 200_000)
    sample = true * rng.chisquare(df, 200_000) / df
    found = fit_prior(sample, np.full(200_000, float(df)))
    assert found.df == pytest.approx(prior_df, rel=0.05)
    assert found.variance == pytest.approx(4, rel=0.02)


def test_spread_of_sampling_alone_is_one_variance() -> None:
    """Variances no wider apart than chance makes them: infinite degrees of freedom."""
    assert fit_prior(np.full(10, 2.0), np.full(10, 5.0)).df == np.inf


def test_few_variances_lend_nothing() -> None:
    """Two features know nothing of the spread of variances."""
    variance, df = np.array([1.0, 2.0]), np.array([5.0, 5.0])
    prior = fit_prior(variance, df)
    assert prior.df == 0
    np.testing.assert_array_equal(moderate(variance, df, prior), [variance, df])


def test_moderation_is_the_weighted_mean() -> None:
    """(d0 s0^2 + d s^2) / (d0 + d), and as many degrees of freedom, but no more than there are."""
    variance, df = np.array([1.0, 3.0, 0.0, np.nan]), np.array([4.0, 4.0, 4.0, 0.0])
    mixed, total = moderate(variance, df, Prior(2.0, 2.0))
    np.testing.assert_allclose(mixed, [8 / 6, 16 / 6, np.nan, np.nan])
    np.testing.assert_allclose(total, [6, 6, np.nan, np.nan])
    mixed, total = moderate(variance, df, Prior(2.0, np.inf))
    np.testing.assert_allclose(mixed, [2, 2, np.nan, np.nan])
    np.testing.assert_allclose(total, [8, 8, np.nan, np.nan])


def test_two_sided_p_value() -> None:
    """Equal to SciPy's Student t, and to the normal at infinite degrees of freedom."""
    t, df = np.array([-3.0, 0.0, 2.0, 1.96]), np.array([3.0, 5.0, 40.0, np.inf])
    np.testing.assert_allclose(two_sided(t, df), 2 * student.sf(np.abs(t), df), rtol=1e-6)
