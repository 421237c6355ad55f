"""The smooth shape of a plate in a few terms."""

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.scale.scale import Doubles

TERMS = ("row", "column", "row * column", "row^2", "column^2", "edge")


def surface_terms(
    row: NDArray[np.intp], column: NDArray[np.intp], edge: NDArray[np.bool_], shape: tuple[int, int]
) -> Doubles:
    """Return the terms of each well, shape (n_wells, 6): see `TERMS`.

    Parameters
    ----------
    row, column : of each well, from 0.
    edge : whether it lies on the edge.
    shape : rows and columns of the plate; both directions run from -1 to 1.
    """
    r = 2 * row / max(shape[0] - 1, 1) - 1
    c = 2 * column / max(shape[1] - 1, 1) - 1
    return np.column_stack([r, c, r * c, r**2, c**2, edge.astype(np.float64)])
