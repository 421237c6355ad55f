"""Median and median absolute deviation from one sort, for many complete rows."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def median_and_deviation(x: Doubles) -> tuple[Doubles, Doubles]:
    """Return the median of each row, and the median distance of its values from it; NaN only where a row holds NaN."""
    ordered = np.sort(x, axis=1)
    return _from_sorted(ordered)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _from_sorted(ordered: Doubles) -> tuple[Doubles, Doubles]:
    """Return both from sorted rows; the smallest distances are found by walking from the middle to both sides."""
    n_rows, n = ordered.shape
    middle, deviation = np.empty(n_rows), np.empty(n_rows)
    for i in range(n_rows):
        row = ordered[i]
        if np.isnan(row[n - 1]):
            middle[i] = deviation[i] = np.nan
            continue
        center = (row[(n - 1) // 2] + row[n // 2]) / 2
        left, right = (n - 1) // 2, (n - 1) // 2 + 1
        before = last = 0.0
        for _ in range(n // 2 + 1):
            before = last
            if right >= n or (left >= 0 and center - row[left] <= row[right] - center):
                last = center - row[left]
                left -= 1
            else:
                last = row[right] - center
                right += 1
        middle[i], deviation[i] = center, last if n % 2 else (before + last) / 2
    return middle, deviation
