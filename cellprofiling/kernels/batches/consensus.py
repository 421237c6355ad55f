"""Replicates brought together, all groups at once; the order of rows changes no bit of the result."""

from collections.abc import Callable, Iterator

import numba
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import means, medians
from cellprofiling.kernels.similarity.similarity import ranks

Statistic = Callable[[Floats, Indices, Indices, Doubles], None]

AT_ONCE = 2**22  # values that are gathered at a time, 32 MB
FEW = 32  # rows whose values are sorted by insertion


def group_medians(x: Floats, codes: Indices, n_groups: int) -> Doubles:
    """Return the median of each feature in each group, missing values skipped, shape (n_groups, n_features)."""
    return _each(_few_medians, medians, x, codes, n_groups)


def group_means(x: Floats, codes: Indices, n_groups: int) -> Doubles:
    """Return the mean of each feature in each group, missing values skipped, shape (n_groups, n_features)."""
    return _each(_few_means, means, x, codes, n_groups)


def modz(x: Floats, codes: Indices, n_groups: int, *, min_weight: float = 0.01) -> Doubles:
    """Return the mean of the rows of each group, each weighted by how well it agrees with the others.

    Parameters
    ----------
    x : shape (n_rows, n_features).
    codes : group number of each row, 0 to n_groups - 1; each group has a row.
    min_weight : the least weight of a row, before the weights are divided by their sum.

    Returns
    -------
    Shape (n_groups, n_features).

    Notes
    -----
    The weight is the mean Spearman correlation with the other rows of the group over the features that all of them
    have, negative correlations counted as 0 (Subramanian 2017, doi 10.1016/j.cell.2017.10.049). A missing value leaves
    its feature to the other rows. Two rows agree with each other equally well; rows that cannot be compared, for they
    have no feature in common or no spread, count alike.

    Groups of one size are computed together: ranks are those of the whole table, but for groups with gaps.
    """
    result = np.empty((n_groups, x.shape[1]))
    for members in _of_equal_size(x, codes, n_groups):
        replicates = x[members].astype(np.float64)
        present = ~np.isnan(replicates)
        weights = _weights(replicates, present, min_weight)
        total = np.einsum("gr,grf->gf", weights, present)
        sums = np.einsum("gr,grf->gf", weights, np.where(present, replicates, 0.0))
        result[codes[members[:, 0]]] = sums / np.where(total == 0, np.nan, total)
    return result


def _each(few: Statistic, many: Callable[[Floats], Doubles], x: Floats, codes: Indices, n_groups: int) -> Doubles:
    """Return a statistic of each group: `few` computes all small groups, `many` a large one."""
    order, starts = _members(x, codes), np.zeros(n_groups + 1, dtype=np.intp)
    np.cumsum(np.bincount(codes, minlength=n_groups), out=starts[1:])
    result = np.empty((n_groups, x.shape[1]))
    few(x, order, starts, result)
    for group in np.flatnonzero(np.diff(starts) > FEW):
        result[group] = many(x[order[starts[group] : starts[group + 1]]])
    return result


def _members(x: Floats, codes: Indices) -> Indices:
    """Return the row numbers, group after group; in each in an order that the order of rows cannot change."""
    order = content_order(x)  # or the order of rows would round the sums
    return order[np.argsort(codes[order], kind="stable")]


@numba.njit(cache=True, nogil=True)
def _few_medians(x: Floats, order: Indices, starts: Indices, result: Doubles) -> None:
    values, n = np.empty((FEW, x.shape[1])), np.empty(x.shape[1], dtype=np.intp)
    for g in range(len(starts) - 1):
        size = starts[g + 1] - starts[g]
        if size > FEW:
            continue
        n[:] = 0
        for i in range(size):
            row = order[starts[g] + i]
            for j in range(x.shape[1]):
                present = x[row, j] == x[row, j]
                values[i, j] = x[row, j] if present else np.inf  # missing values end up last
                n[j] += present
        _sort_columns(values[:size])
        for j in range(x.shape[1]):
            result[g, j] = (values[(n[j] - 1) // 2, j] + values[n[j] // 2, j]) / 2 if n[j] else np.nan


@numba.njit(cache=True, nogil=True)
def _sort_columns(values: Doubles) -> None:
    """Sort each column of a few rows, all columns at once: neighbors are put in order, odd and even in turn."""
    for turn in range(len(values)):
        for i in range(turn % 2, len(values) - 1, 2):
            for j in range(values.shape[1]):
                a, b = values[i, j], values[i + 1, j]
                values[i, j] = a if a < b else b
                values[i + 1, j] = b if a < b else a


@numba.njit(cache=True, nogil=True)
def _few_means(x: Floats, order: Indices, starts: Indices, result: Doubles) -> None:
    rest, n = np.empty(x.shape[1]), np.empty(x.shape[1])
    for g in range(len(starts) - 1):
        rows = order[starts[g] : starts[g + 1]]
        if len(rows) > FEW:
            continue
        result[g], rest[:], n[:] = 0.0, 0.0, 0.0
        for row in rows:
            for j in range(x.shape[1]):
                present = x[row, j] == x[row, j]
                result[g, j] += x[row, j] if present else 0.0
                n[j] += present
        for j in range(x.shape[1]):
            result[g, j] = result[g, j] / n[j] if n[j] else np.nan
        for row in rows:  # the second pass takes back what rounding lost
            for j in range(x.shape[1]):
                rest[j] += x[row, j] - result[g, j] if x[row, j] == x[row, j] else 0.0
        for j in range(x.shape[1]):
            result[g, j] += rest[j] / n[j] if n[j] else 0.0


def _of_equal_size(x: Floats, codes: Indices, n_groups: int) -> Iterator[Indices]:
    """Yield the row numbers of groups of one size, shape (groups, size), a bounded number of values at a time."""
    order, sizes = _members(x, codes), np.bincount(codes, minlength=n_groups)
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes[sizes > 0]):
        first = starts[sizes == size]
        step = max(1, AT_ONCE // (int(size) * x.shape[1]))
        for i in range(0, len(first), step):
            yield order[first[i : i + step, None] + np.arange(size)]


def _weights(x: Doubles, present: Mask, min_weight: float) -> Doubles:
    """Return the weight of each row in its group; the weights of a group sum to one."""
    n_groups, size = x.shape[:2]
    if size < 3:
        return np.full((n_groups, size), 1 / size)
    r = np.empty((n_groups, size, size))
    whole = present.all(axis=(1, 2))
    r[whole] = _rank_correlations(x[whole])
    for group in np.flatnonzero(~whole):
        r[group] = _rank_correlations(x[None, group][..., present[group].all(axis=0)])[0]
    r[:, np.arange(size), np.arange(size)] = 0.0
    weights = np.maximum(r.clip(min=0.0).sum(axis=1) / (size - 1), max(min_weight, np.finfo(np.float64).tiny))
    return weights / weights.sum(axis=1, keepdims=True)


def _rank_correlations(x: Floats) -> Doubles:
    """Return the Spearman correlations of the rows of each group, 0 where a row has no spread; x has no gaps."""
    rank = ranks(x.reshape(x.shape[0] * x.shape[1], x.shape[2])).reshape(x.shape) - (x.shape[2] + 1) / 2
    length = np.sqrt(np.einsum("grf,grf->gr", rank, rank))[:, :, None]
    unit = np.divide(rank, length, out=np.zeros_like(rank), where=length > 0)
    return unit @ unit.transpose(0, 2, 1)
