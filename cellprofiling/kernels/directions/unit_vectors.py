"""Profiles as directions: rows of length 1."""

import numpy as np
from numpy.typing import NDArray


def direction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows as unit vectors, so that inner products are cosines; a row of length zero stays zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
