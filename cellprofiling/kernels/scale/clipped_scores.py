"""Cells as robust z-scores within bounds: their mean in each group, and where they lie along some directions.

z = (x - center) / scale, cut to -most and most. It is made on the fly and never written down: cells are many.
"""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Floats

Indices = NDArray[np.integer]

AT_ONCE = 128  # cells whose places along all directions stay in the processor's cache


def clipped_means(
    columns: Sequence[Floats] | Floats, codes: Indices, center: Doubles, scale: Doubles, most: float
) -> Doubles:
    """Return the mean z of each feature in each group, shape (n_groups, n_features).

    Parameters
    ----------
    columns : for each feature the values of all rows.
    codes : the group of each row, -1 for none.
    center, scale : of each group and feature, shape (n_groups, n_features); a scale above 0.
    most : where z is cut; an infinite value counts as it.

    Notes
    -----
    Missing values are skipped; a group without any value is NaN.
    """
    result = np.empty((len(columns), len(center)))
    codes = codes.astype(np.int32)
    for j, (column, means) in enumerate(zip(columns, result, strict=True)):
        _clipped_means(_read_only(column), codes, center[:, j].copy(), 1 / scale[:, j], most, means)
    return result.T


def clipped_scores(
    columns: Sequence[Floats] | Floats, codes: Indices, center: Doubles, scale: Doubles, most: float
) -> NDArray[np.float32]:
    """Return the z of each row that is in a group, shape (n_rows, n_features), 0 where a value is missing.

    Parameters are those of `clipped_means`.
    """
    result = np.empty((len(columns), len(codes)))
    codes = codes.astype(np.int32)
    for j, (column, z) in enumerate(zip(columns, result, strict=True)):
        _score(_read_only(column), codes, center[:, j].copy(), 1 / scale[:, j], most, z)
    return np.ascontiguousarray(result.T, dtype=np.float32)


def add_projections(
    columns: Sequence[Floats] | Floats,
    codes: Indices,
    center: Doubles,
    scale: Doubles,
    most: float,
    loadings: Doubles,
    result: Doubles,
) -> None:
    """Add to `result` the sum over features of z times the loadings, for each row; nothing else is changed.

    Parameters
    ----------
    loadings : shape (n_features, n_directions).
    result : shape (n_directions, n_rows). The other parameters are those of `clipped_means`.

    Notes
    -----
    A missing value counts as z = 0, and nothing is added to a row of no group. Each row is summed by itself, feature by
    feature, so that neither the order of rows nor how many features come at a time changes a bit.
    """
    if len(columns) and len(codes):
        x = np.stack([np.asarray(column) for column in columns])
        center, gain = np.ascontiguousarray(center.T), np.ascontiguousarray(1 / scale.T)
        _project(x, codes.astype(np.int32), center, gain, most, np.ascontiguousarray(loadings), result)


def _read_only(column: Floats) -> Floats:
    values = column.view()
    values.flags.writeable = False  # as those of Arrow are: the compiler takes the two for different types
    return values


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _clipped_means(x: Floats, codes: Indices, center: Doubles, gain: Doubles, most: float, means: Doubles) -> None:
    counts = np.zeros(len(means))
    means[:] = 0.0
    i = 0
    while i < len(x):
        g = codes[i]
        total, n = 0.0, 0  # of cells of one group that lie together
        while i < len(x) and codes[i] == g:
            z = (np.float64(x[i]) - center[g]) * gain[g]
            present = z == z
            total += min(max(z, -most), most) if present else 0.0
            n += present
            i += 1
        if g >= 0:
            means[g] += total
            counts[g] += n
    for g in range(len(means)):
        means[g] = means[g] / counts[g] if counts[g] else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _project(
    x: Floats, codes: Indices, center: Doubles, gain: Doubles, most: float, loadings: Doubles, result: Doubles
) -> None:
    z, sums = np.zeros((len(x), AT_ONCE)), np.zeros((loadings.shape[1], AT_ONCE))
    for first in range(0, len(codes), AT_ONCE):
        n = min(AT_ONCE, len(codes) - first)
        for j in range(len(x)):
            _score(x[j, first : first + n], codes[first : first + n], center[j], gain[j], most, z[j])
        sums[:, :n] = result[:, first : first + n]
        for k in range(len(sums)):
            for j in range(0, len(x) - 3, 4):  # four features at a time, in their order: sums are written less often
                a, b, c, d = loadings[j, k], loadings[j + 1, k], loadings[j + 2, k], loadings[j + 3, k]
                for i in range(AT_ONCE):
                    sums[k, i] = sums[k, i] + a * z[j, i] + b * z[j + 1, i] + c * z[j + 2, i] + d * z[j + 3, i]
            for j in range(len(x) - len(x) % 4, len(x)):
                for i in range(AT_ONCE):
                    sums[k, i] += loadings[j, k] * z[j, i]
        result[:, first : first + n] = sums[:, :n]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _score(x: Floats, codes: Indices, center: Doubles, gain: Doubles, most: float, z: Doubles) -> None:
    for i in range(len(x)):
        g = codes[i]
        value = (np.float64(x[i]) - center[g]) * gain[g]
        z[i] = min(max(value, -most), most) if g >= 0 and value == value else 0.0
