"""p-values put together."""

import numpy as np
import pytest
from scipy.stats import cauchy as cauchy_law

from cellprofiling.kernels.inference.combined_p import bonferroni, cauchy
from tests.chance import allowed


def test_bonferroni() -> None:
    """Three times the smallest, 1 at most; missing stays missing."""
    p = np.array([[0.01, 0.5, np.nan], [0.2, 0.9, 0.1], [1.0, 1.0, 0.1]])
    np.testing.assert_allclose(bonferroni(p), [0.03, 1.0, np.nan])


def test_cauchy_is_its_formula() -> None:
    """The tail of the standard Cauchy law at the mean of the transformed p-values."""
    p = np.random.default_rng(0).uniform(1e-6, 0.98, (3, 50))
    np.testing.assert_allclose(cauchy(p), cauchy_law.sf(cauchy_law.isf(p).mean(axis=0)), rtol=1e-9)
    assert np.isnan(cauchy(np.array([[0.1], [np.nan]]))).all()


def test_a_p_value_of_one_does_not_outweigh_a_small_one() -> None:
    """Permutation tests give p = 1; the small one still counts."""
    assert cauchy(np.array([[1e-4], [1.0], [1.0]]))[0] == pytest.approx(3e-4, rel=0.1)
    assert cauchy(np.array([[1e-12], [0.5], [0.5]]))[0] == pytest.approx(3e-12, rel=1e-6)


def test_both_hold_under_the_null() -> None:
    """Of independent and of equal p-values at most 5 % end up below 0.05, but for chance; the minimum would not do."""
    rng = np.random.default_rng(1)
    independent = rng.random((3, 20_000))
    equal = np.repeat(rng.random((1, 20_000)), 3, axis=0)
    for p in (independent, equal):
        for combine in (bonferroni, cauchy):
            assert (combine(p) <= 0.05).mean() <= allowed(20_000)[1]
    assert (independent.min(axis=0) <= 0.05).mean() > 0.1
