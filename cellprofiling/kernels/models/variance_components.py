"""The variance of each feature taken apart by levels of grouping."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from cellprofiling.kernels.arrays import Doubles, Floats, Indices


def variance_components(x: Floats, levels: Sequence[Indices]) -> Doubles:
    """Return the variance that each level of grouping, and the rest, adds to each feature.

    Parameters
    ----------
    x : shape (n_rows, n_features), no missing values.
    levels : for each level the group number of each row; levels may be nested or crossed, and unbalanced.

    Returns
    -------
    Shape (n_levels + 1, n_features), the last row the residual. An estimate can be slightly below zero.

    Notes
    -----
    The model is x = mean + a random effect of each level + a residual. The sums of squares of group totals of the
    centered values have expectations that are linear in the variances, with coefficients that are sums of squares of
    the contingency tables; the estimates solve these equations (MIVQUE0: Hartley, Rao and LaMotte 1978, doi
    10.2307/2530454; Rao 1971, doi 10.1016/0047-259X(71)90001-7). They are unbiased whatever the distribution, and in
    balanced designs the textbook's analysis of variance.
    """
    centered = x - x.mean(axis=0, dtype=np.float64)
    centered -= centered.mean(axis=0)
    totals = [_indicator(codes) @ centered for codes in levels]
    squares = np.stack([*(np.einsum("gf,gf->f", t, t) for t in totals), np.einsum("rf,rf->f", centered, centered)])
    return np.linalg.solve(coefficients(levels), squares)


def coefficients(levels: Sequence[Indices]) -> Doubles:
    """Return what each sum of squares expects per unit of each variance, shape (n_levels + 1, n_levels + 1)."""
    n = len(levels[0])
    every_row = np.arange(n)
    parts = [_indicator(codes) for codes in [*levels, every_row]]
    sizes = [part.sum(axis=1) for part in parts]
    result = np.empty((len(parts), len(parts)))
    for k, (part_k, n_k) in enumerate(zip(parts, sizes, strict=True)):
        for m, (part_m, n_m) in enumerate(zip(parts[: k + 1], sizes, strict=False)):
            table = (part_k @ part_m.T).tocoo()
            cross = (table.data * n_k[table.row] * n_m[table.col]).sum()
            centered = (table.data**2).sum() - 2 * cross / n + (n_k @ n_k) * (n_m @ n_m) / n**2
            result[k, m] = result[m, k] = centered
    return result


def _indicator(codes: Indices) -> csr_array:
    """Return the matrix of shape (n_groups, n_rows) that is 1 where a row is in a group."""
    names, group = np.unique(codes, return_inverse=True)
    return csr_array((np.ones(len(codes)), (group, np.arange(len(codes)))), shape=(len(names), len(codes)))
