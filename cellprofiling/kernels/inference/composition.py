"""Shares that add up to one: as log-ratios, how varied they are, and whether wells differ in them."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import PermutationTest, lay_assignments

PSEUDO = 0.5  # of a cell, added to each kind: a kind of which a well has none has no logarithm


def log_ratios(shares: Doubles, n_cells: Indices) -> Doubles:
    """Return the centered log-ratios of shares, shape (n_wells, n_kinds): each row adds up to 0.

    Parameters
    ----------
    shares : of each kind in each well; a row adds up to 1.
    n_cells : that were counted in each well.

    References
    ----------
    Aitchison, J. R. Stat. Soc. B 44, 139 (1982), https://doi.org/10.1111/j.2517-6161.1982.tb01195.x
    """
    logs = np.log(shares * n_cells[:, None] + PSEUDO)
    return logs - logs.mean(axis=1, keepdims=True)


def quadratic_entropy(shares: Doubles, centers: Doubles) -> Doubles:
    """Return sum over kinds i, j of d_ij p_i p_j for each well: how far apart two cells of a well are on average.

    Parameters
    ----------
    centers : of the kinds, shape (n_kinds, n_features); d_ij is their distance, over the mean distance of two kinds.

    References
    ----------
    Gough and others, PLoS ONE 9, e102678 (2014), https://doi.org/10.1371/journal.pone.0102678
    """
    apart = np.sqrt(((centers[:, None] - centers[None]) ** 2).sum(axis=2))
    mean = apart.sum() / max(len(apart) * (len(apart) - 1), 1)
    return np.einsum("wi,ij,wj->w", shares, apart / mean if mean > 0 else apart, shares)


def distance_to_normal(x: Doubles) -> float:
    """Return the Kolmogorov-Smirnov distance of each column to a normal of its mean and SD, mean over columns.

    A column without spread says nothing; NaN if none has any.
    """
    ranked = np.sort(x, axis=0)
    spread = ranked.std(axis=0)
    ranked = ranked[:, spread > 0]
    if not ranked.shape[1]:
        return np.nan
    expected = ndtr((ranked - ranked.mean(axis=0)) / ranked.std(axis=0))
    steps = np.arange(len(x) + 1)[:, None] / len(x)
    return float(np.maximum(steps[1:] - expected, expected - steps[:-1]).max(axis=0).mean())


def share_of_outliers(x: Doubles) -> float:
    """Return the share of values beyond 1.5 quartile distances from the quartiles of their column."""
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    reach = 1.5 * (high - low)
    return float(((x < low - reach) | (x > high + reach)).mean())


class Difference(NamedTuple):
    """By how much treated wells differ from controls of their plates, in each column, in SDs of wells; and the test."""

    shift: Doubles
    test: PermutationTest


def difference(values: Doubles, n_treated: Indices, n_control: Indices, permutations: int, seed: int) -> Difference:
    """Compare wells in several values at once by permuting whole wells inside plates.

    Parameters
    ----------
    values : shape (n_wells, n_values), plate after plate, in each the treated wells first.
    n_treated, n_control : how many of each, per plate.
    permutations : assignments drawn at most; a design with no more is enumerated.

    Notes
    -----
    The statistic is the sum over values of the squared mean difference, each in SDs of all wells of the test about the
    mean of their plate, which no assignment changes. A value without spread says nothing.
    """
    sizes = n_treated + n_control
    ends = np.cumsum(sizes)
    block = np.repeat(np.arange(len(sizes)), sizes)
    centered = values - (np.add.reduceat(values, ends - sizes) / sizes[:, None])[block]
    spread = np.sqrt((centered**2).mean(axis=0))
    centered = centered / np.where(spread > 0, spread, np.inf) * (1 + n_treated / n_control)[block][:, None]
    treated = np.concatenate([np.arange(e - s, e - s + n) for e, s, n in zip(ends, sizes, n_treated, strict=True)])

    def statistic(chosen: Indices) -> Doubles:
        return ((centered[chosen].sum(axis=1) / n_treated.sum()) ** 2).sum(axis=1)

    shift = centered[treated].sum(axis=0) / n_treated.sum()
    observed = float(statistic(treated[None])[0])
    return Difference(shift, lay_assignments(n_treated, n_control, permutations, seed).test(observed, statistic))
