"""The smooth shape of a plate in a few terms."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask


def surface_terms(row: Indices, column: Indices, edge: Mask, shape: tuple[int, int]) -> Doubles:
    """Return the terms of each well, shape (n_wells, 6): row, column, their product and squares, and edge.

    Parameters
    ----------
    row, column : of each well, from 0.
    edge : whether it lies on the edge.
    shape : rows and columns of the plate; both directions run from -1 to 1.
    """
    r = 2 * row / max(shape[0] - 1, 1) - 1
    c = 2 * column / max(shape[1] - 1, 1) - 1
    return np.column_stack([r, c, r * c, r**2, c**2, edge.astype(np.float64)])
