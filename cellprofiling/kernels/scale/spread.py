"""How well controls agree and how far apart two kinds of controls lie: robust CV, Z', SSMD, and their intervals.

Every statistic runs over the last axis in float64. A missing value makes the result missing: leave it out first.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellprofiling.kernels.scale.scale import MAD_TO_SD

Separation = Callable[..., NDArray[np.float64]]


def mad(x: ArrayLike) -> NDArray[np.float64]:
    """Return the median absolute deviation, scaled to the standard deviation of normal data."""
    values = np.asarray(x, dtype=np.float64)
    return MAD_TO_SD * np.median(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)


def robust_cv(x: ArrayLike) -> NDArray[np.float64]:
    """Return MAD / |median|; missing where the median is zero."""
    return _ratio(mad(x), np.abs(np.median(np.asarray(x, dtype=np.float64), axis=-1)))


def z_prime(positive: ArrayLike, negative: ArrayLike, *, robust: bool = True) -> NDArray[np.float64]:
    """Return Z' = 1 - 3 (s_p + s_n) / |c_p - c_n|, with median and MAD or with mean and standard deviation.

    Missing where neither kind of control has spread or the centers are equal: a perfect Z' of controls that do not
    vary is an artefact (Zhang, Chung and Oldenburg 1999, doi 10.1177/108705719900400206).
    """
    (center_p, spread_p), (center_n, spread_n) = _moments(positive, robust), _moments(negative, robust)
    total = spread_p + spread_n
    return 1 - 3 * _ratio(np.where(total > 0, total, np.nan), np.abs(center_p - center_n))


def ssmd(positive: ArrayLike, negative: ArrayLike, *, robust: bool = True) -> NDArray[np.float64]:
    """Return SSMD = (c_p - c_n) / sqrt(s_p^2 + s_n^2), with median and MAD or with mean and standard deviation.

    Missing where neither kind of control has spread (Zhang 2007, doi 10.1016/j.ygeno.2006.12.014).
    """
    (center_p, spread_p), (center_n, spread_n) = _moments(positive, robust), _moments(negative, robust)
    return _ratio(center_p - center_n, np.hypot(spread_p, spread_n))


def interval(
    statistic: Separation,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.9,
    resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of `statistic(positive, negative)`.

    Each kind of control is resampled by itself, from sorted values, so that the order of wells changes nothing.
    Resamples without a value (all wells alike) are left out; with more than half of them so, the interval is missing.
    """
    draws = [_resampled(x, rng, resamples) for x in (positive, negative)]
    values = statistic(*draws)
    values = values[np.isfinite(values)]
    if len(values) < resamples / 2:
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _moments(x: ArrayLike, robust: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.asarray(x, dtype=np.float64)
    if robust:
        return np.median(values, axis=-1), mad(values)
    return values.mean(axis=-1), values.std(axis=-1, ddof=1)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0)


def _resampled(x: ArrayLike, rng: np.random.Generator, resamples: int) -> NDArray[np.float64]:
    ordered = np.sort(np.asarray(x, dtype=np.float64))
    return ordered[rng.integers(len(ordered), size=(resamples, len(ordered)))]
