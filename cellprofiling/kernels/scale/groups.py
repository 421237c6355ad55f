"""Statistics of each feature in each group of rows, exact, missing values skipped.

Cells are many and wells are small: each feature is taken by itself, the values of one group are gathered into a
buffer that stays in the processor's cache, and every statistic asked for is computed there. Thresholds by which
order statistics are found start where those of the group before were: wells are much alike.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Floats
from cellprofiling.kernels.scale.ranks import two_of_rank

Indices = NDArray[np.integer]

STATISTICS = ("count", "mean", "std", "min", "max", "median", "mad", "quantile")
_COUNT, _MEAN, _STD, _MIN, _MAX, _MEDIAN, _MAD, _QUANTILE = range(8)
_LEVELS = {"min": 0.0, "max": 1.0, "median": 0.5, "mad": 0.5}
_QUANTILE_NAME = re.compile(r"q(?!00)(\d\d)")


class Grouping(NamedTuple):
    """Which row belongs to which group.

    Attributes
    ----------
    places : where each row goes when rows are put in the order of groups; a group's rows keep their order.
    starts : where in that order each group starts, and where the last one ends; rows of no group follow.
    in_order : whether the rows lie in that order already.
    """

    places: Indices
    starts: Indices
    in_order: bool


def grouping(codes: Indices, n_groups: int) -> Grouping:
    """Return the grouping of rows by the number of their group, 0 to n_groups - 1, or -1 for none."""
    last = np.where(codes < 0, n_groups, codes)
    starts = np.concatenate(([0], np.cumsum(np.bincount(last, minlength=n_groups))))[: n_groups + 1]
    in_order = bool((np.diff(last) >= 0).all())
    places = np.empty(len(codes), np.intp)
    places[np.argsort(last, kind="stable")] = np.arange(len(codes))
    return Grouping(places, starts, in_order)


def group_statistics(columns: Sequence[Floats] | Floats, grouping: Grouping, statistics: Sequence[str]) -> Doubles:
    """Return statistics of each feature in each group, shape (n_statistics, n_groups, n_features), in float64.

    Parameters
    ----------
    columns : for each feature the values of all rows, float32 or float64, in one piece of memory.
    grouping : which row belongs to which group.
    statistics : of "median", "mean", "mad", "std", "min", "max", "count", and "q05" for the 5 % quantile and so on.

    Notes
    -----
    Missing values are skipped; a group without values is NaN. "mad" is median(abs(x - median(x))), not scaled to a
    standard deviation. "std" divides by n - 1, so that one value gives NaN. Quantiles interpolate linearly. Infinite
    values count as NumPy counts them: a median may be finite beside them, a mean is not.
    """
    kinds = np.array([STATISTICS.index(_kind(name)) for name in statistics])
    levels = np.array([_level(name) for name in statistics])
    places, starts, in_order = grouping
    result = np.empty((len(columns), len(starts) - 1, len(kinds)))
    for column, of_feature in zip(columns, result, strict=True):
        values = column.view()
        values.flags.writeable = False  # as those of Arrow are: the compiler takes the two for different types
        _group_statistics(values, places, starts, in_order, kinds, levels, values.dtype.type(np.inf), of_feature)
    return result.transpose(2, 1, 0)


def is_quantile(name: str) -> bool:
    """Return whether a statistic is called "q01" to "q99"."""
    return bool(_QUANTILE_NAME.fullmatch(name))


def _kind(name: str) -> str:
    return "quantile" if is_quantile(name) else name


def _level(name: str) -> float:
    match = _QUANTILE_NAME.fullmatch(name)
    return int(match[1]) / 100 if match else _LEVELS.get(name, np.nan)


@numba.njit(cache=True, nogil=True)
def _group_statistics(
    x: Floats,
    places: Indices,
    starts: Indices,
    in_order: bool,
    kinds: Indices,
    levels: Doubles,
    infinity: float,
    result: Doubles,
) -> None:
    if in_order:
        _each_group(x, starts, kinds, levels, infinity, result)
    else:
        column = np.empty(len(x), x.dtype)
        _put(x, places, column)
        _each_group(column, starts, kinds, levels, infinity, result)


@numba.njit(cache=True, nogil=True)
def _each_group(
    column: Floats, starts: Indices, kinds: Indices, levels: Doubles, infinity: float, result: Doubles
) -> None:
    most = np.max(np.diff(starts)) if len(starts) > 1 else 0
    ranked, spare = np.empty(most, column.dtype), np.empty(most)
    center, spread = _sampled_center(column)
    guesses = np.append(np.where(kinds == _MAD, spread, center), center)
    for g in range(len(starts) - 1):
        values = column[starts[g] : starts[g + 1]]
        n = _missing_last(values, ranked)
        _summarize(values, ranked[: len(values)], n, kinds, levels, guesses, spread, spare, infinity, result[g])


@numba.njit(cache=True, nogil=True)
def _put(column: Floats, places: Indices, result: Floats) -> None:
    for i in range(len(column)):
        result[places[i]] = column[i]


@numba.njit(cache=True, nogil=True)
def _missing_last(values: Floats, ranked: Floats) -> Any:
    """Copy values with infinity where one is missing; return how many are not missing."""
    n, infinity = np.uint32(0), values.dtype.type(np.inf)
    for i in range(len(values)):
        present = values[i] == values[i]
        ranked[i] = values[i] if present else infinity
        n = np.uint32(n + np.uint32(present))
    return np.int64(n)


@numba.njit(cache=True, nogil=True)
def _summarize(
    values: Floats,
    ranked: Floats,
    n: int,
    kinds: Indices,
    levels: Doubles,
    guesses: Doubles,
    spread: float,
    spare: Doubles,
    infinity: float,
    result: Doubles,
) -> None:
    median, centered = np.nan, False
    for s in range(len(kinds)):
        centered |= kinds[s] == _MEDIAN or kinds[s] == _MAD
    if n and centered:
        median = _order_statistic(ranked, n, _MEDIAN, 0.5, np.nan, guesses, -1, spread, spare, infinity)
    for s in range(len(kinds)):
        kind = kinds[s]
        if kind == _COUNT:
            result[s] = n
        elif kind == _MEDIAN:
            result[s] = median
        elif n == 0 or (kind == _MAD and not np.isfinite(median)):
            result[s] = np.nan
        elif kind == _MEAN:
            result[s] = _mean(values, n)
        elif kind == _STD:
            result[s] = _std(values, n)
        else:
            center = median if kind == _MAD else np.nan
            result[s] = _order_statistic(ranked, n, kind, levels[s], center, guesses, s, spread, spare, infinity)


@numba.njit(cache=True, nogil=True)
def _order_statistic(
    ranked: Floats,
    n: int,
    kind: int,
    level: float,
    center: float,
    guesses: Doubles,
    s: int,
    spread: float,
    spare: Doubles,
    infinity: float,
) -> float:
    position = (n - 1) * level
    rank = int(position)
    low, high = two_of_rank(ranked, n, rank, center, guesses[s], spread, spare, infinity)
    guesses[s] = low if np.isfinite(low) else guesses[s]
    share, high = position - rank, low if rank == n - 1 else high
    if kind != _QUANTILE:
        return low if share == 0 else (low + high) / 2
    if share >= 0.5:  # as NumPy does, so that the result is the same to the last bit
        return high - (high - low) * (1 - share)
    return low + (high - low) * share


@numba.njit(cache=True, nogil=True)
def _mean(values: Floats, n: int) -> float:
    mean = _sum(values, 0.0, 1) / n
    if not np.isfinite(mean):
        return mean
    return mean + _sum(values, mean, 1) / n  # the second pass takes back what rounding lost


@numba.njit(cache=True, nogil=True)
def _std(values: Floats, n: int) -> float:
    return np.sqrt(_sum(values, _mean(values, n), 2) / (n - 1)) if n > 1 else np.nan


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})  # several sums side by side
def _sum(values: Floats, center: float, power: int) -> float:
    """Return the sum of the distances from the center that are not missing, or of their squares."""
    total = 0.0
    for i in range(len(values)):
        value = np.float64(values[i])
        distance = value - center
        total += (distance if power == 1 else distance * distance) if value == value else 0.0
    return total


@numba.njit(cache=True, nogil=True)
def _sampled_center(column: Floats) -> tuple[Any, Any]:
    """Return mean and mean absolute deviation of about a hundred values spread over all."""
    center, spread, n = 0.0, 0.0, 0
    for i in range(0, len(column), max(1, len(column) // 100)):
        if np.isfinite(column[i]):
            center += column[i]
            n += 1
    center /= max(1, n)
    for i in range(0, len(column), max(1, len(column) // 100)):
        if np.isfinite(column[i]):
            spread += abs(column[i] - center)
    return center, spread / max(1, n)
