"""Rows and columns of plates taken out of the values by medians."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import medians


@dataclass(frozen=True)
class Polish:
    """An additive fit to grids of values, one grid per feature: overall + row + column.

    Attributes
    ----------
    overall : shape (n_features,).
    row, column : effects, shapes (n_rows, n_features) and (n_columns, n_features); 0 where there is no value.
    """

    overall: Doubles
    row: Doubles
    column: Doubles


def median_polish(grids: Floats, *, iterations: int = 10, tolerance: float = 0.01) -> Polish:
    """Return Tukey's median polish of each grid.

    Parameters
    ----------
    grids : shape (n_rows, n_columns, n_features); missing values, and wells that are not there, are NaN.
    iterations : at most so many sweeps over rows and then columns.
    tolerance : a grid is done when the sum of absolute residuals changes by less than this share of itself.

    Notes
    -----
    Each sweep subtracts the median of each row, then of each column, and moves the median of the other effects to the
    overall value, as R's `medpolish` does. Each grid stops by itself, so the result of a feature does not depend on the
    others.

    References
    ----------
    Tukey, J. W. (1977). Exploratory Data Analysis. Brideau, C. et al. (2003), J. Biomol. Screen. 8, 634,
    https://doi.org/10.1177/1087057103258285
    """
    residuals = np.array(grids, dtype=np.float64)
    n_rows, n_columns, n_features = residuals.shape
    overall, row, column = np.zeros(n_features), np.zeros((n_rows, n_features)), np.zeros((n_columns, n_features))
    size, going = np.zeros(n_features), np.arange(n_features)
    for _ in range(int(iterations)):
        part = residuals[:, :, going]
        swept = _medians(part, axis=1)
        row[:, going] += swept
        part -= swept[:, None]
        overall[going] += _recenter(column, going)
        swept = _medians(part, axis=0)
        column[:, going] += swept
        part -= swept
        overall[going] += _recenter(row, going)
        residuals[:, :, going] = part
        left = np.nansum(np.abs(part), axis=(0, 1))
        done = (left == 0) | (np.abs(left - size[going]) < tolerance * left)
        size[going] = left
        going = going[~done]
        if not len(going):
            break
    return Polish(overall, row, column)


def _medians(part: Doubles, axis: int) -> Doubles:
    """Return medians along one axis of the grids, 0 where there is no value."""
    lines = np.moveaxis(part, axis, 0)
    return np.nan_to_num(medians(lines.reshape(len(lines), -1))).reshape(lines.shape[1:])


def _recenter(effects: Doubles, going: Indices) -> Doubles:
    """Take the median out of the effects of some features, in place, and return it."""
    middle = np.median(effects[:, going], axis=0)
    effects[:, going] -= middle
    return middle
