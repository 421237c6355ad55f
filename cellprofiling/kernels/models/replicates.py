"""How well replicates agree, feature by feature."""

import numpy as np
from scipy.sparse import csr_array

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import fit_standard


def group_spread(x: Floats, codes: Indices, *, ddof: int = 0) -> Doubles:
    """Return the mean over groups of the standard deviation of each feature in the group, shape (n_features,).

    Parameters
    ----------
    x : shape (n_rows, n_features); missing values are skipped.
    codes : group number of each row.
    ddof : the sum of squares is divided by n - ddof.

    Notes
    -----
    A group with fewer than two values of a feature says nothing about its spread and is left out; NaN where all are.
    """
    n, _, squares = group_moments(np.asarray(x, dtype=np.float64), codes)
    spread = np.sqrt(squares / np.where(n > 1, n - ddof, np.nan))
    told = (n > 1).sum(axis=0)
    return np.nansum(spread, axis=0) / np.where(told == 0, np.nan, told)


def intraclass_correlation(x: Floats, codes: Indices) -> Doubles:
    """Return the correlation between replicates of each feature: ICC(1), shape (n_features,).

    Parameters
    ----------
    x : shape (n_rows, n_features); missing values are skipped.
    codes : group number of each row; rows of a group are replicates.

    Notes
    -----
    ICC(1) = (B - W) / (B + (k - 1) W), with the mean squares between and within groups, and k the mean group size
    corrected for unequal ones (Shrout and Fleiss 1979, doi 10.1037/0033-2909.86.2.420; Donner 1986, doi
    10.2307/1403259). It estimates the share of the variance that lies between groups without bias from chance: 0 on
    average for labels that mean nothing, and slightly below 0 half of the time. NaN where no group has two values, only
    one group is left, or the feature has no spread.
    """
    standard = fit_standard(x)
    n, mean, squares = group_moments(standard.apply(x), codes)
    total, told = n.sum(axis=0), (n > 0).sum(axis=0)
    known = (told > 1) & (total > told) & (standard.scale > 0)
    total, told = np.where(known, total, np.nan), np.where(known, told, np.nan)
    center = (n * mean).sum(axis=0) / total
    between = (n * (mean - center) ** 2).sum(axis=0) / (told - 1)
    within = squares.sum(axis=0) / (total - told)
    k = (total - (n**2).sum(axis=0) / total) / (told - 1)
    return (between - within) / (between + (k - 1) * within)


def group_moments(x: Floats, codes: Indices, n_groups: int | None = None) -> tuple[Doubles, Doubles, Doubles]:
    """Return number, mean and sum of squared deviations of each feature in each group, shape (n_groups, n_features).

    Missing values are skipped; a group without a value has mean 0. None for `n_groups` counts to the last group.
    """
    n_groups = int(codes.max()) + 1 if n_groups is None else n_groups
    groups = csr_array((np.ones(len(x)), (codes, np.arange(len(x)))), shape=(n_groups, len(x)))
    present = ~np.isnan(x)
    n = groups @ present.astype(np.float64)
    mean = (groups @ np.where(present, x, 0.0)) / np.maximum(n, 1)
    mean += (groups @ np.where(present, x - mean[codes], 0.0)) / np.maximum(n, 1)  # takes back what rounding lost
    return n, mean, groups @ np.where(present, x - mean[codes], 0.0) ** 2
