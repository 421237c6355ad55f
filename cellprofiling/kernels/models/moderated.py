"""Variances of many features that lend each other strength: the empirical Bayes of Smyth."""

from typing import NamedTuple

import numpy as np
from scipy.special import digamma, polygamma, stdtr

from cellprofiling.kernels.arrays import Doubles

FEWEST = 3  # variances from which their spread is judged
STEPS, CLOSE = 50, 1e-10  # of Newton's method


class Prior(NamedTuple):
    """What the variances of all features say about that of any one: its size, worth so many degrees of freedom."""

    variance: float
    df: float


def fit_prior(variance: Doubles, df: Doubles) -> Prior:
    """Return the prior of the variances of many features, from their sample variances.

    Parameters
    ----------
    variance, df : sample variances and their degrees of freedom, shape (n_features,). Values that are missing, not
        positive, or without degrees of freedom are left out.

    Notes
    -----
    s^2 ~ s0^2 F(d, d0). On the logarithm z, e = z - digamma(d / 2) + log(d / 2) has the mean log s0^2 + log(d0 / 2)
    - digamma(d0 / 2), and its variance is that of the sampling, trigamma(d / 2), plus trigamma(d0 / 2). If the spread
    of e is no wider than sampling makes it, d0 is infinite: all features have one variance. With fewer than three
    variances nothing is known of their spread and d0 is 0: no feature borrows.

    References
    ----------
    Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), https://doi.org/10.2202/1544-6115.1027
    """
    told = np.isfinite(variance) & (variance > 0) & (df > 0)
    if told.sum() < FEWEST:
        return Prior(np.nan, 0.0)
    half = df[told] / 2
    e = np.log(variance[told]) - digamma(half) + np.log(half)
    spread = e.var(ddof=1) - polygamma(1, half).mean()
    if spread <= 0:
        return Prior(float(np.exp(e.mean())), np.inf)
    half_prior = inverse_trigamma(float(spread))
    return Prior(float(np.exp(e.mean() + digamma(half_prior) - np.log(half_prior))), 2 * half_prior)


def moderate(variance: Doubles, df: Doubles, prior: Prior) -> tuple[Doubles, Doubles]:
    """Return the variances drawn towards that of the prior, and their degrees of freedom: (d0 s0^2 + d s^2) / (d0 + d).

    A variance of 0 or without degrees of freedom stays unknown: NaN. Borrowed degrees of freedom end at the sum of
    those of all features, as there are no more.
    """
    known = np.isfinite(variance) & (variance > 0) & (df > 0)
    if prior.df == 0:
        return np.where(known, variance, np.nan), np.where(known, df, np.nan)
    if np.isinf(prior.df):
        mixed = np.full_like(variance, prior.variance)
    else:
        mixed = (prior.df * prior.variance + df * variance) / (prior.df + df)
    total = np.minimum(df + prior.df, df[known].sum())
    return np.where(known, mixed, np.nan), np.where(known, total, np.nan)


def inverse_trigamma(value: float) -> float:
    """Return y with trigamma(y) = value > 0, by Newton's method on 1 / trigamma, which is nearly straight."""
    y = 0.5 + 1 / value
    for _ in range(STEPS):
        now = float(polygamma(1, y))
        step = now * (1 - now / value) / float(polygamma(2, y))
        y += step
        if -step / y < CLOSE:
            break
    return y


def two_sided(t: Doubles, df: Doubles) -> Doubles:
    """Return the probability of a Student t at least as far from 0; infinite degrees of freedom are the normal."""
    return 2 * stdtr(np.minimum(df, 1e15), -np.abs(t))
