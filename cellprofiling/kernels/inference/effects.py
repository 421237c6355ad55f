"""Sizes of a difference between treated and control, in units of their spread."""

import numpy as np
from scipy.special import gammaln, ndtri

from cellprofiling.kernels.arrays import Doubles


def unbiased(df: Doubles) -> Doubles:
    """Return J(df), by which Cohen's d is multiplied to be unbiased; NaN up to one degree of freedom.

    J(m) = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)), exactly and not 1 - 3 / (4 m - 1).

    References
    ----------
    Hedges, J. Educ. Stat. 6, 107 (1981), https://doi.org/10.3102/10769986006002107
    """
    m = np.where(df > 1, df, np.nan)
    return np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)


def standardized_interval(d: Doubles, weight: Doubles, df: Doubles, level: float) -> tuple[Doubles, Doubles]:
    """Return the confidence interval of a standardized difference `d` with variance 1 / `weight` at 0.

    Notes
    -----
    t = d sqrt(weight) is a noncentral t. P(T <= t) is the chance that Z + delta - t S <= 0, with S the estimated over
    the true standard deviation; S is nearly normal with mean c = sqrt(2 / m) Gamma((m + 1) / 2) / Gamma(m / 2) and
    variance 1 - c^2, so the limits of delta are  t c -+ z sqrt(1 + t^2 (1 - c^2)).  At t = 0 this is exact; at 10
    degrees of freedom and t = 8 it is off by 2 % of the width. Inverting the noncentral t itself takes hundreds of
    times as long.

    References
    ----------
    Johnson and Welch, Biometrika 31, 362 (1940), https://doi.org/10.1093/biomet/31.3-4.362
    """
    m = np.where(df > 0, df, np.nan)
    c = np.exp(gammaln((m + 1) / 2) - gammaln(m / 2)) * np.sqrt(2 / m)
    root = np.sqrt(np.where(weight > 0, weight, np.nan))
    t = d * root
    half = ndtri((1 + level) / 2) * np.sqrt(1 + t**2 * (1 - c**2))
    return (t * c - half) / root, (t * c + half) / root


def ssmd_equal(d: Doubles, df: Doubles) -> Doubles:
    """Return SSMD where treated and controls share one variance, from Cohen's `d`: unbiased, of least variance.

    (mean1 - mean2) / sqrt(2 / K ((n1 - 1) s1^2 + (n2 - 1) s2^2)) with K = 2 (Gamma(m / 2) / Gamma((m - 1) / 2))^2 and
    m = n1 + n2 - 2, which is Hedges' g / sqrt(2); K is close to m - 1.5.

    References
    ----------
    Zhang, J. Biomol. Screen. 12, 497 (2007), https://doi.org/10.1177/1087057107300646
    """
    return d * unbiased(df) / np.sqrt(2)


def ssmd_unequal(difference: Doubles, variance: Doubles, control_variance: Doubles) -> Doubles:
    """Return SSMD by moments where variances differ: difference / sqrt(sum of the two)."""
    total = variance + control_variance
    return difference / np.sqrt(np.where(total > 0, total, np.nan))


def ssmd_paired(mean: Doubles, variance: Doubles, n: Doubles) -> Doubles:
    """Return SSMD from n differences, each of one well from the controls of its own plate; n must be 3 or more.

    Gamma((n - 1) / 2) / Gamma((n - 2) / 2) sqrt(2 / (n - 1)) mean / s: unbiased, of least variance.

    References
    ----------
    Zhang, J. Biomol. Screen. 16, 775 (2011), https://doi.org/10.1177/1087057111405851
    """
    return unbiased(n - 1) * mean / np.sqrt(np.where(variance > 0, variance, np.nan))
