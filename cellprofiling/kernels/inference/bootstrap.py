"""How far a statistic would vary if other units of the same kind had been drawn: the bootstrap, as weights on units."""

from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices


class Interval(NamedTuple):
    """A value, where it would lie in 95 of 100 draws, and the standard deviation of the draws."""

    value: float
    low: float
    high: float
    error: float


def draw_weights(stratum: Indices, n_draws: int, rng: np.random.Generator) -> Doubles:
    """Return how often each unit is drawn in each resample, shape (n_draws, n_units), as many per stratum as there are.

    Parameters
    ----------
    stratum : number of the stratum of each unit.
    """
    weights = np.zeros((n_draws, len(stratum)))
    for code in np.unique(stratum):
        inside = np.flatnonzero(stratum == code)
        weights[:, inside] = rng.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), size=n_draws)
    return weights


def weighted_means(values: Doubles, weights: Doubles) -> Doubles:
    """Return the mean of values with each set of weights, missing values left out; NaN where all that count are."""
    known = ~np.isnan(values)
    n = weights[:, known].sum(axis=1)
    return np.divide(weights[:, known] @ values[known], n, out=np.full(len(weights), np.nan), where=n > 0)


def weighted_medians(values: Doubles, weights: Doubles) -> Doubles:
    """Return the median of values that count as often as each set of whole-number weights says."""
    order = np.argsort(values, kind="stable")
    ordered, until = values[order], np.cumsum(weights[:, order], axis=1)
    total = until[:, -1:]
    low = (until > (total - 1) // 2).argmax(axis=1)
    high = (until > total // 2).argmax(axis=1)
    return (ordered[low] + ordered[high]) / 2


def interval(value: float, draws: Doubles, level: float = 0.95) -> Interval:
    """Return a value with its interval.

    Notes
    -----
    The ends are percentiles of the draws, moved so that their mean is the value: a distance or a share of variance
    grows when units are drawn twice, which is no property of the screen.
    """
    if not np.isfinite(value) or not len(draws) or not np.isfinite(draws).all():
        return Interval(value, np.nan, np.nan, np.nan)
    shifted = draws - draws.mean() + value
    low, high = np.quantile(shifted, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), float(draws.std()))
