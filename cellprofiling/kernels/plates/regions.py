"""Wells that lie together."""

import numpy as np
from scipy.ndimage import label

from cellprofiling.kernels.arrays import Mask


def largest_region(marked: Mask) -> Mask:
    """Return the largest set of marked wells that touch each other side by side; the first of equals, or nothing.

    Parameters
    ----------
    marked : shape (n_rows, n_columns).
    """
    codes, n = label(marked)
    if not n:
        return np.zeros_like(marked)
    return codes == np.bincount(codes.ravel())[1:].argmax() + 1


def chance_of_region(there: Mask, n_marked: int, size: int, n_draws: int, rng: np.random.Generator) -> float:
    """Return the chance that `n_marked` wells drawn at random hold a region of `size`: (b + 1) / (m + 1).

    Parameters
    ----------
    there : which wells of the plate are in use, shape (n_rows, n_columns).
    """
    wells = np.flatnonzero(there)
    as_large = 0
    for _ in range(n_draws):
        drawn = np.zeros(there.size, dtype=bool)
        drawn[rng.choice(wells, n_marked, replace=False)] = True
        as_large += int(largest_region(drawn.reshape(there.shape)).sum() >= size)
    return (as_large + 1) / (n_draws + 1)
