"""Each group of rows against the controls of its own strata: a linear model with an intercept for each stratum."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.models.replicates import group_moments


class Contrast(NamedTuple):
    """The least-squares fit of each group, shape (n_groups, n_features) each.

    Attributes
    ----------
    n, n_controls : rows of the group, and control rows of its strata, that have a value and can be compared.
    difference : effect of the group, the same in all strata; NaN where nothing can be compared.
    weight : 1 / weight is the variance of the difference at a residual variance of 1.
    squares, df : sum of squares and degrees of freedom of the residuals.
    control_squares, control_df : the same of the controls alone, about the means of their strata.
    own_mean, own_squares : mean, and sum of squares about it, of the rows less the control mean of their stratum.
    """

    n: Doubles
    n_controls: Doubles
    difference: Doubles
    weight: Doubles
    squares: Doubles
    df: Doubles
    control_squares: Doubles
    control_df: Doubles
    own_mean: Doubles
    own_squares: Doubles


class Cells(NamedTuple):
    """Groups in strata: one entry for each pair that has rows, shape (n_cells, n_features).

    Attributes
    ----------
    total : sums cells to groups, shape (n_groups, n_cells).
    of_group : group of each cell.
    n, n_control : rows of the group, and controls of the stratum, that have a value.
    difference : difference of their means, 0 where one side has none.
    weight : n n_control / (n + n_control); 1 / weight is the variance of the difference at a residual variance of 1.
    squares, control_squares : sums of squares about both means.
    """

    total: csr_array
    of_group: Indices
    n: Doubles
    n_control: Doubles
    difference: Doubles
    weight: Doubles
    squares: Doubles
    control_squares: Doubles


def cells_of(x: Floats, group: Indices, stratum: Indices, n_groups: int) -> Cells:
    """Return each group in each of its strata, beside the controls there.

    Parameters
    ----------
    x : shape (n_rows, n_features); a missing value leaves its row out for its feature.
    group : number of the group of each row, 0 to n_groups - 1, or -1 for a control.
    stratum : number of the stratum (plate) of each row.
    """
    treated, controls = np.flatnonzero(group >= 0), np.flatnonzero(group < 0)
    n_strata = int(stratum.max(initial=-1)) + 1
    pairs, cell = np.unique(group[treated] * n_strata + stratum[treated], return_inverse=True)
    of_group, of_stratum = np.divmod(pairs, n_strata)
    beside = group_moments(x[controls], stratum[controls], n_strata)
    n_control, control_mean, control_squares = (values[of_stratum] for values in beside)
    n, mean, squares = group_moments(x[treated], cell.ravel(), len(pairs))
    total = csr_array((np.ones(len(pairs)), (of_group, np.arange(len(pairs)))), shape=(n_groups, len(pairs)))
    difference = np.where((n > 0) & (n_control > 0), mean - control_mean, 0.0)
    weight = n * n_control / np.maximum(n + n_control, 1)
    return Cells(total, of_group, n, n_control, difference, weight, squares, control_squares)


def contrast_with_controls(cells: Cells) -> Contrast:
    """Fit  x = stratum + effect of the group  to the rows of each group and the controls of its strata.

    Notes
    -----
    With n treated and N control rows in a stratum, d the difference of their means and w = n N / (n + N), the effect
    is sum w d / sum w, its variance that of the residuals over sum w. Residuals are taken about the means of treated
    and of controls in each stratum, and between the differences of strata (df: one less than there are strata with
    both). All sums run over groups and strata; no model is solved.
    """
    total, both, d, w = cells.total, cells.weight > 0, cells.difference, cells.weight
    n, n_controls, weight = total @ (cells.n * both), total @ (cells.n_control * both), total @ w
    difference = (total @ (w * d)) / np.where(weight > 0, weight, np.nan)
    own_mean = (total @ (cells.n * d)) / np.where(n > 0, n, np.nan)
    between = total @ (w * _squared_distance(d, difference, cells))
    own_squares = total @ (both * cells.squares + cells.n * both * _squared_distance(d, own_mean, cells))
    control_squares, control_df = total @ cells.control_squares, total @ np.maximum(cells.n_control - 1, 0)
    squares = control_squares + total @ cells.squares + between
    df = control_df + total @ np.maximum(cells.n - 1, 0) + np.maximum(total @ both.astype(np.float64) - 1, 0)
    return Contrast(n, n_controls, difference, weight, squares, df, control_squares, control_df, own_mean, own_squares)


def _squared_distance(d: Doubles, center: Doubles, cells: Cells) -> Doubles:
    return (d - np.nan_to_num(center)[cells.of_group]) ** 2
