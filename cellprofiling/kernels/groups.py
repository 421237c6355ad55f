"""Statistics of each feature in each group of rows, exact, missing values skipped.

Cells are many and wells are small: each feature is taken by itself, the values of one group are gathered into a
buffer that stays in the processor's cache, and every statistic asked for is computed there.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Indices = NDArray[np.integer]

STATISTICS = ("count", "mean", "std", "min", "max", "median", "mad", "quantile")
_COUNT, _MEAN, _STD, _MIN, _MAX, _MEDIAN, _MAD, _QUANTILE = range(8)
_QUANTILE_NAME = re.compile(r"q(?!00)(\d\d)")
_FEATURES_AT_ONCE = 16  # a block of that many features is brought into feature-major order at a time
_GUESSES, _FEW = 8, 16  # so often the interval around a rank is narrowed, unless so few values are left in it


def group_statistics(
    x: Floats, codes: NDArray[np.integer], n_groups: int, statistics: Sequence[str], *, threads: int = 1
) -> Doubles:
    """Return statistics of each feature in each group, shape (n_statistics, n_groups, n_features), in float64.

    Parameters
    ----------
    x : shape (n_rows, n_features), float32 or float64; feature-major memory is read as it lies.
    codes : group number of each row, 0 to n_groups - 1.
    n_groups : how many groups; one without rows has a count of 0 and else NaN.
    statistics : of "median", "mean", "mad", "std", "min", "max", "count", and "q05" for the 5 % quantile and so on.
    threads : how many work at once, each on its own features; the result does not depend on it.

    Notes
    -----
    Missing values are skipped; a group without values is NaN. "mad" is median(abs(x - median(x))), not scaled to a
    standard deviation. "std" divides by n - 1, so that one value gives NaN. Quantiles interpolate linearly. Infinite
    values count as NumPy counts them: a median may be finite beside them, a mean is not.
    """
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(codes, minlength=n_groups))))
    kinds = np.array([STATISTICS.index(_kind(name)) for name in statistics])
    levels = np.array([_level(name) for name in statistics])
    result = np.empty((len(statistics), n_groups, x.shape[1]))
    batches = [slice(i, i + _FEATURES_AT_ONCE) for i in range(0, x.shape[1], _FEATURES_AT_ONCE)]
    fill = partial(_fill, x, order, starts, kinds, levels, result)
    if threads == 1:
        for batch in batches:
            fill(batch)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, batches))
    return result


def is_quantile(name: str) -> bool:
    """Return whether a statistic is called "q01" to "q99"."""
    return bool(_QUANTILE_NAME.fullmatch(name))


def _kind(name: str) -> str:
    return "quantile" if is_quantile(name) else name


def _level(name: str) -> float:
    match = _QUANTILE_NAME.fullmatch(name)
    return int(match[1]) / 100 if match else np.nan


def _fill(
    x: Floats,
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
    kinds: NDArray[np.intp],
    levels: Doubles,
    result: Doubles,
    batch: slice,
) -> None:
    columns = np.ascontiguousarray(x[:, batch].T, dtype=np.float64)
    result[:, :, batch] = _group_statistics(columns, order, starts, kinds, levels).transpose(1, 2, 0)


@numba.njit(cache=True, nogil=True)
def _group_statistics(columns: Floats, order: Indices, starts: Indices, kinds: Indices, levels: Doubles) -> Doubles:
    n_groups = len(starts) - 1
    result = np.empty((len(columns), len(kinds), n_groups))
    values = np.empty(np.max(np.diff(starts)) if n_groups else 0)
    spare = np.empty((2, len(values)))
    for j in range(len(columns)):
        for g in range(n_groups):
            n = _gather(columns[j], order[starts[g] : starts[g + 1]], values)
            for s in range(len(kinds)):
                result[j, s, g] = _statistic(values[:n], spare, kinds[s], levels[s])
    return result


@numba.njit(cache=True, nogil=True)
def _gather(column: Floats, rows: Indices, values: Doubles) -> int:
    n = 0
    for row in rows:
        value = column[row]
        values[n] = value
        n += value == value  # a missing value is overwritten by the next
    return n


@numba.njit(cache=True, nogil=True)
def _statistic(values: Doubles, spare: Doubles, kind: int, level: float) -> float:
    if kind == _COUNT:
        return float(len(values))
    if len(values) == 0:
        return np.nan
    if kind == _MEAN:
        return _mean(values)
    if kind == _STD:
        return _std(values)
    if kind == _MIN:
        return np.min(values)
    if kind == _MAX:
        return np.max(values)
    if kind == _MEDIAN:
        return _median(values, spare[0])
    if kind == _MAD:
        return _mad(values, spare)
    return _quantile(values, level, spare[0])


@numba.njit(cache=True, nogil=True)
def _mean(values: Doubles) -> float:
    mean = values.sum() / len(values)
    if not np.isfinite(mean):
        return mean
    return mean + (values - mean).sum() / len(values)  # the second pass takes back what rounding lost


@numba.njit(cache=True, nogil=True)
def _std(values: Doubles) -> float:
    if len(values) < 2:
        return np.nan
    mean = _mean(values)
    squares = 0.0
    for value in values:
        squares += (value - mean) ** 2
    return np.sqrt(squares / (len(values) - 1))


@numba.njit(cache=True, nogil=True)
def _median(values: Doubles, spare: Doubles) -> float:
    low, high = _neighbors(values, (len(values) - 1) // 2, spare)
    return low if len(values) % 2 else (low + high) / 2


@numba.njit(cache=True, nogil=True)
def _mad(values: Doubles, spare: Doubles) -> float:
    median = _median(values, spare[0])
    if not np.isfinite(median):
        return np.nan  # inf - inf
    deviations = spare[1, : len(values)]
    for i in range(len(values)):
        deviations[i] = abs(values[i] - median)
    return _median(deviations, spare[0])


@numba.njit(cache=True, nogil=True)
def _quantile(values: Doubles, level: float, spare: Doubles) -> float:
    position = (len(values) - 1) * level
    below = int(position)
    low, high = _neighbors(values, below, spare)
    share = position - below
    if share >= 0.5:  # as NumPy does, so that the result is the same to the last bit
        return high - (high - low) * (1 - share)
    return low + (high - low) * share


@numba.njit(cache=True, nogil=True)
def _neighbors(values: Doubles, k: int, spare: Doubles) -> tuple[float, float]:
    """Return the values of rank k and k + 1 (k again if it is the last)."""
    n, below = _narrow(values, k, spare)
    low = _select(spare[:n], k - below)
    high, up_to = np.inf, 0
    for value in values:
        up_to += value <= low
        high = value if low < value < high else high
    return low, low if up_to > k + 1 or up_to == len(values) else high


@numba.njit(cache=True, nogil=True)
def _narrow(values: Doubles, k: int, spare: Doubles) -> tuple[int, int]:
    """Copy the values around rank k into `spare`; return how many they are, and how many lie below them.

    A processor counts the values up to a guess many at a time, but sorts one by one. So a few guesses, each
    interpolated from the counts so far, close in on rank k before anything is sorted. A bound not found yet is NaN.
    """
    low, high, below, up_to = np.nan, np.nan, 0, len(values)
    guess, step = _sampled_center(values)
    for _ in range(_GUESSES if np.isfinite(step) else 0):
        n = 0
        for value in values:
            n += value <= guess
        if n <= k:
            low, below = guess, n
        else:
            high, up_to = guess, n
        if up_to - below <= _FEW:
            break
        if low < high:
            guess = low + (high - low) * (k + 0.5 - below) / (up_to - below)
        else:
            guess += step * (3 * (k - n) / len(values) + (0.1 if n <= k else -0.1))
    n = 0
    for value in values:
        spare[n] = value
        n += (not value <= low) & (not value > high)
    return n, below


@numba.njit(cache=True, nogil=True)
def _sampled_center(values: Doubles) -> tuple[float, float]:
    """Return mean and mean absolute deviation of some 30 values spread over all."""
    some = values[:: max(1, len(values) // 32)]
    center = some.sum() / len(some)
    return center, np.abs(some - center).sum() / len(some)


@numba.njit(cache=True, nogil=True)
def _select(values: Doubles, k: int) -> float:
    """Return the value of rank k; afterwards none before it is larger, none after it smaller (Hoare 1961, FIND)."""
    left, right = 0, len(values) - 1
    while left < right:
        pivot = _middle(values[left], values[(left + right) // 2], values[right])
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            right = j
        elif k >= i:
            left = i
        else:
            break
    return values[k]


@numba.njit(cache=True, nogil=True)
def _middle(a: float, b: float, c: float) -> float:
    return max(min(a, b), min(max(a, b), c))
