"""One spread for many small groups, each taken around its own center."""

import numpy as np
from scipy.special import ndtr

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import MAD_SCALE, means, medians, without_noise

LIMIT = 3.0  # values further than that from the median of their group, in pooled spreads, are moved there
ROUNDS = 2  # the first spread is a rough one


def pooled_standard(x: Floats, codes: Indices) -> Doubles:
    """Return the standard deviation of each column around the means of groups, sqrt(sum of squares / (n - groups)).

    Parameters
    ----------
    x : shape (n_rows, n_features).
    codes : group number of each row, 0 to n_groups - 1.

    Notes
    -----
    Missing values are skipped; a group counts for a feature if it has a value there. A feature without two values in
    any group has no spread, 0; one without any value is NaN.
    """
    return _deviation(_by_group(x, codes), x)


def pooled_winsorized(x: Floats, codes: Indices) -> Doubles:
    """Return the standard deviation around the means of groups, far values first moved to three spreads off.

    Parameters
    ----------
    x, codes : as in `pooled_standard`.

    Notes
    -----
    The pooled median absolute deviation is the first guess of the spread. It is no good as the answer: around the
    medians of small groups it is too small, and of 40 values it is as uncertain as a standard deviation of 15. A column
    whose values are mostly equal within groups has none, and keeps a spread of 0. Dividing by the variance of a normal
    value cut at three makes the result that of `pooled_standard` on normal data.
    """
    groups = _by_group(x, codes)
    centers = [medians(rows) for rows in groups]
    deviations = np.concatenate([np.abs(rows - center) for rows, center in zip(groups, centers, strict=True)])
    spread = MAD_SCALE * medians(deviations) * _small_groups(groups)
    for _ in range(ROUNDS):
        near = [
            np.clip(rows, center - LIMIT * spread, center + LIMIT * spread)
            for rows, center in zip(groups, centers, strict=True)
        ]
        spread = np.where(spread == 0, 0.0, _deviation(near, x) / np.sqrt(_variance_within(LIMIT)))
    return spread


def _by_group(x: Floats, codes: Indices) -> list[Doubles]:
    return [np.asarray(x[codes == code], dtype=np.float64) for code in np.unique(codes)]


def _deviation(groups: list[Doubles], x: Floats) -> Doubles:
    """Return the pooled standard deviation; what is rounding noise of the values is 0."""
    centers = np.array([means(rows) for rows in groups])
    squares = sum(np.nansum((rows - center) ** 2, axis=0) for rows, center in zip(groups, centers, strict=True))
    counts = np.array([(~np.isnan(rows)).sum(axis=0) for rows in groups])
    freedom = np.maximum(counts - 1, 0).sum(axis=0)
    size = np.abs(np.nan_to_num(centers)).max(axis=0)
    return without_noise(size, np.sqrt(squares / np.maximum(freedom, 1)), counts.sum(axis=0), x.dtype).scale


def _small_groups(groups: list[Doubles]) -> Doubles:
    """Return sqrt(n / (n - groups)): deviations from centers that were estimated are too small by that."""
    counts = np.array([(~np.isnan(rows)).sum(axis=0) for rows in groups])
    return np.sqrt(counts.sum(axis=0) / np.maximum(np.maximum(counts - 1, 0).sum(axis=0), 1))


def _variance_within(limit: float) -> float:
    """Return the variance of a standard normal value that is moved to `limit` where it lies beyond."""
    beyond = 2 * ndtr(-limit)
    density = np.exp(-(limit**2) / 2) / np.sqrt(2 * np.pi)
    return float(1 - beyond - 2 * limit * density + limit**2 * beyond)
