"""How some coordinates vary together within groups of rows, and the coordinates in which a sample varies evenly."""

from itertools import pairwise

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats
from cellprofiling.kernels.directions.principal import turned, widest_directions
from cellprofiling.kernels.scale.groups import Grouping

SMALLEST = 1e-10  # of the largest variance: directions in which a sample spreads less are rounding
ROWS_AT_ONCE = 1024


def principal_loadings(z: Floats, most: int) -> Doubles:
    """Return the widest directions of the rows of `z`, scaled so that the rows have variance one along each.

    Parameters
    ----------
    z : shape (n_rows, n_features), at least two rows, no missing value.
    most : number of directions; fewer come out where rows spread in fewer.

    Returns
    -------
    Shape (n_features, n_directions). A direction is turned so that its largest entry is positive.
    """
    n, center = len(z), z.mean(axis=0, dtype=np.float64)
    if n <= z.shape[1]:
        about = z - center
        squares, rows = _largest(about @ about.T, most)
        vectors = about.T @ rows / np.sqrt(squares)
    else:
        products = np.zeros((z.shape[1], z.shape[1]))
        for first in range(0, n, ROWS_AT_ONCE):
            about = z[first : first + ROWS_AT_ONCE] - center
            products += about.T @ about
        squares, vectors = _largest(products, most)
    return np.ascontiguousarray(turned(vectors) / np.sqrt(squares / (n - 1)))


def _largest(products: Doubles, most: int) -> tuple[Doubles, Doubles]:
    """Return the largest eigenvalues, falling, and their vectors; those that are rounding are left out."""
    values, vectors = widest_directions(products, most)
    kept = values > SMALLEST * max(values[0], np.finfo(float).tiny)
    return values[kept], vectors[:, kept]


def group_covariances(x: Doubles, rows: Grouping) -> Doubles:
    """Return the upper triangle of the covariance of each group, row by row, with the diagonal.

    Parameters
    ----------
    x : shape (n_coordinates, n_rows).
    rows : which row belongs to which group.

    Returns
    -------
    Shape (n_groups, n_coordinates (n_coordinates + 1) / 2), divided by n - 1 and about the mean of the group; NaN for
    a group with fewer than two rows.
    """
    upper = np.triu_indices(len(x))
    result = np.full((len(rows.starts) - 1, len(upper[0])), np.nan)
    order = None if rows.in_order else np.argsort(rows.places)
    for g, (first, end) in enumerate(pairwise(rows.starts)):
        own = x[:, first:end] if order is None else x[:, order[first:end]]
        if own.shape[1] > 1:
            about = own - own.mean(axis=1, keepdims=True)
            result[g] = (about @ about.T)[upper] / (own.shape[1] - 1)
    return result
