"""Where the values of each feature lie, and how far they spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask

MAD_TO_SD = 1.482602218505602  # 1 / Phi^-1(3/4): the MAD of a normal sample becomes its standard deviation
MAD_SCALE = 1.4826  # the same as the field rounds it, where numbers equal those of pycytominer and of printed formulas
ROUNDINGS = 100  # a spread of fewer float64 roundings of the location is noise of earlier arithmetic
ROUNDINGS_IN = 4  # the same in roundings of the dtype itself, where that is coarser


@dataclass(frozen=True)
class Scaling:
    """Location and scale of each feature, shape (n_features,).

    The scale is 0 where a feature has no spread; both are NaN where it has no value at all.
    """

    location: Doubles
    scale: Doubles

    @property
    def flat(self) -> Mask:
        """Which features have no spread."""
        return self.scale == 0

    def apply(self, x: Floats) -> Doubles:
        """Return (x - location) / scale; a feature without spread is only centered."""
        return (x - self.location) / np.where(self.flat, 1.0, self.scale)


def fit_standard(x: Floats, *, ddof: int = 0) -> Scaling:
    """Return mean and standard deviation of each column of `x`, missing values skipped.

    Parameters
    ----------
    x : shape (n_rows, n_features), at least one row.
    ddof : the sum of squares is divided by n - ddof.

    Notes
    -----
    Two passes over the data: E[x^2] - E[x]^2 in one pass has no correct digit left at means of 1e8.
    """
    location, n = means(x), _count(x)
    squares = np.nansum((x - location) ** 2, axis=0)
    return without_noise(location, np.sqrt(squares / np.maximum(n - ddof, 1)), n, x.dtype)


def fit_robust(x: Floats) -> Scaling:
    """Return median and interquartile range (linear percentiles) of each column of `x`, missing values skipped."""
    low, middle, high = quantiles(x, (0.25, 0.5, 0.75))
    return without_noise(middle, high - low, _count(x), x.dtype)


def fit_mad(x: Floats, *, mad_scale: float = MAD_SCALE) -> Scaling:
    """Return median and `mad_scale` times the median absolute deviation of each column of `x`, missing skipped."""
    location = medians(x)
    return without_noise(location, mad_scale * medians(np.abs(x - location)), _count(x), x.dtype)


def fit_range(x: Floats) -> Scaling:
    """Return median and range, the largest less the smallest value, of each column of `x`, missing values skipped."""
    low, middle, high = quantiles(x, (0.0, 0.5, 1.0))
    return without_noise(middle, high - low, _count(x), x.dtype)


def means(x: Floats) -> Doubles:
    """Return the mean of each column of `x`, missing values skipped, NaN for a column without any value."""
    n = _count(x)
    first = np.nansum(x, axis=0, dtype=np.float64) / np.where(n == 0, np.nan, n)
    return first + np.nansum(x - first, axis=0) / np.maximum(n, 1)  # takes the rounding of the long sum out again


def medians(x: Floats) -> Doubles:
    """Return the median of each column of `x`, missing values skipped, NaN for a column without any value."""
    return quantiles(x, (0.5,))[0]


def quantiles(x: Floats, q: Sequence[float]) -> Doubles:
    """Return quantiles of each column of `x`, missing values skipped: shape (len(q), n_features).

    Between two values the quantile is interpolated linearly, as `numpy.nanquantile` does (which takes a Python call
    per column).
    """
    ranked = np.sort(np.ascontiguousarray(np.transpose(x), dtype=np.float64), axis=1)  # missing values come last
    last = np.maximum(_count(x) - 1, 0)
    position = np.asarray(q)[:, None] * last
    below = position.astype(np.intp)
    columns = np.arange(len(ranked))
    low, high = ranked[columns, below], ranked[columns, np.minimum(below + 1, last)]
    return low + (high - low) * (position - below)


def _count(x: Floats) -> Indices:
    return (~np.isnan(x)).sum(axis=0)


def without_noise(location: Doubles, scale: Doubles, n: Indices, dtype: np.dtype) -> Scaling:
    """Return the scaling with spreads that are rounding noise set to 0.

    scikit-learn's rule, scale <= n eps |location|, with a floor for few rows and for the coarser steps of float32.
    """
    tolerance = np.maximum(np.maximum(n, ROUNDINGS) * np.finfo(np.float64).eps, ROUNDINGS_IN * np.finfo(dtype).eps)
    spread = np.where(scale <= tolerance * np.abs(location), 0.0, scale)
    return Scaling(location, np.where(n == 0, np.nan, spread))


def median_and_deviation(x: Doubles) -> tuple[Doubles, Doubles]:
    """Return the median of each row, and the median distance of its values from it, missing values skipped.

    NaN where a row holds no value.
    """
    ordered = np.sort(x, axis=1)
    return _from_sorted(ordered)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _from_sorted(ordered: Doubles) -> tuple[Doubles, Doubles]:
    """Return both from sorted rows; the smallest distances are found by walking from the middle to both sides."""
    n_rows, n_most = ordered.shape
    middle, deviation = np.empty(n_rows), np.empty(n_rows)
    for i in range(n_rows):
        row = ordered[i]
        n = n_most
        while n > 0 and np.isnan(row[n - 1]):  # missing values come last
            n -= 1
        if n == 0:
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
