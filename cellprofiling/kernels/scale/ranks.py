"""Order statistics of some hundred values, exact to the last bit, by counting.

Sorting moves values one by one, but a processor counts sixteen at a time how many lie below a threshold. So the
threshold is moved, by interpolation between the counts so far, until exactly as many values as wanted lie below it;
the largest of these and the smallest of the others are what was looked for. A value that is there many times is met
by steps from one distinct value to the next. What is left (a dozen values, infinite ones) is selected one by one.

What is ranked is the values themselves or, given a center, their distances from it, which are never written down:
those up to t are the values between center - t and center + t. A missing value is held as infinity, behind all others.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic

from cellprofiling.kernels.arrays import Doubles, Floats

_GUESSES, _IN_VAIN, _STEPS, _FEW = 16, 2, 4, 12
_NUMBERS = {"nnan", "nsz"}  # the compiler may take it that no value is missing, and 0 for -0


@numba.njit(cache=True, nogil=True)
def two_of_rank(
    values: Floats, n: int, rank: int, center: float, guess: float, spread: float, spare: Doubles, infinity: float
) -> tuple[float, float]:
    """Return what has the rank (the smallest has 0) and what has the next, which is infinity if there is none.

    Parameters
    ----------
    values : of one group; missing ones are infinite.
    n : how many are not missing; more than `rank`.
    center : rank the distances from it; if it is NaN, the values.
    guess, spread : about what will come out, and how far values lie apart: they decide how long it takes, no more.
    spare : room for as many numbers as there are values.
    infinity : infinity, of the type of the values. A constant would keep the compiler from using wide instructions.
    """
    if n > _FEW and 0 < spread < np.inf:
        threshold = _threshold(values, n, rank, center, guess, spread)
        found, first, second = _stepped(values, rank, center, threshold, infinity)
        if found:
            return first, second
    for i in range(len(values)):
        spare[i] = values[i] if np.isnan(center) else abs(values[i] - center)
    first = _select(spare[: len(values)], rank)
    return first, _least(spare[rank + 1 : len(values)])


@numba.njit(cache=True, nogil=True)
def _threshold(values: Floats, n: int, rank: int, center: float, guess: float, spread: float) -> float:
    """Return a threshold up to which lie `rank` + 1 values; if none is found, one with fewer."""
    lowest = -np.inf if np.isnan(center) else 0.0
    low, below, high, up_to = np.nan, 0, np.nan, n
    in_vain = 0
    for _ in range(_GUESSES):
        guess = max(guess, lowest)
        inside = _count(values, guess, center)
        if inside == rank + 1:
            return guess
        in_vain = in_vain + 1 if low < high and not below < inside < up_to else 0
        if in_vain > _IN_VAIN:
            break  # one value is there many times
        if inside <= rank:
            low, below = guess, inside
        else:
            high, up_to = guess, inside
        if low < high:
            guess = low + (high - low) * (rank + 1.5 - below) / (up_to - below + 1)
        else:
            guess += spread * (3 * (rank + 1 - inside) / n + (0.05 if inside <= rank else -0.05))
            spread *= 1.5
    return lowest if np.isnan(low) else low


@numba.njit(cache=True, nogil=True)
def _stepped(values: Floats, rank: int, center: float, threshold: float, infinity: float) -> tuple[bool, float, float]:
    """Move a threshold up by some distinct values; return whether it came to the rank, and what is there and next."""
    for _ in range(_STEPS):
        inside = _count(values, threshold, center)
        last, following = _beside(values, threshold, center, infinity)
        if last > following:
            break  # the threshold plus the center was rounded
        if inside == rank + 1:
            return True, last, following
        if inside > rank:
            return last == threshold, last, last
        threshold = following
    return False, np.nan, np.nan


@numba.njit(cache=True, nogil=True)
def _window(values: Floats, threshold: float, center: float) -> tuple[Any, Any]:
    """Return the smallest and the largest value up to a threshold, in the type of the values."""
    cast = values.dtype.type
    if np.isnan(center):
        return cast(-np.inf), cast(threshold)
    return cast(center - threshold), cast(center + threshold)


@numba.njit(cache=True, nogil=True)
def _count(values: Floats, threshold: float, center: float) -> Any:
    """Return how many values (or distances) there are up to a threshold."""
    low, high = _window(values, threshold, center)
    n = np.uint32(0)  # as narrow as the values
    for i in range(len(values)):
        n = np.uint32(n + np.uint32((values[i] >= low) & (values[i] <= high)))
    return np.int64(n)


@numba.njit(cache=True, nogil=True)
def _beside(values: Floats, threshold: float, center: float, infinity: float) -> tuple[float, float]:
    """Return the last value (or distance) up to the threshold, and the first beyond it."""
    low, high = _window(values, threshold, center)
    before, first, last, after = _neighbors(values, low, high, infinity)
    if np.isnan(center):
        return np.float64(last), np.float64(after)
    inside = max(abs(first - center), abs(last - center)) if first <= last else -np.inf
    return inside, min(abs(before - center), abs(after - center))


@numba.njit(cache=True, nogil=True, fastmath=_NUMBERS)
def _neighbors(values: Floats, low: float, high: float, infinity: float) -> tuple[float, float, float, float]:
    """Return the values on both sides of `low` and on both sides of `high`, bounds counted as inside."""
    before, first, last, after = -infinity, infinity, -infinity, infinity
    for i in range(len(values)):
        value = values[i]
        x = value if value < low else -infinity
        before = _choose(x > before, x, before)
        x = value if value >= low else infinity
        first = _choose(x < first, x, first)
        x = value if value <= high else -infinity
        last = _choose(x > last, x, last)
        x = value if value > high else infinity
        after = _choose(x < after, x, after)
    return before, first, last, after


def _choice(_: Any, condition: Any, first: Any, second: Any) -> Any:
    """Return `first` if the condition holds, else `second`, marked so that LLVM makes wide minima and maxima of it."""

    def emit(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.select(*arguments, flags=sorted(_NUMBERS))

    return first(condition, first, second), emit


_choose: Any = intrinsic(_choice)


@numba.njit(cache=True, nogil=True)
def _least(values: Doubles) -> float:
    least = np.inf
    for i in range(len(values)):
        least = min(least, values[i])
    return least


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
