"""How far labelled wells lie from the controls of their blocks, and how alike they are, for many assignments."""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.retrieval.control_refit import Blocks, centered_products


def mean_distances(blocks: Blocks, chosen: Indices, _least: float = -np.inf, *, refit: bool) -> Doubles:
    """Return the length of the mean difference between chosen wells and the control mean of their block.

    One value per assignment; in coordinates in which the covariance of controls is the identity this is the Mahalanobis
    distance. Parameters as in `kernels.retrieval.mean_average_precisions`.
    """
    return _each(blocks, chosen, refit, False)


def median_similarities(blocks: Blocks, chosen: Indices, _least: float = -np.inf, *, refit: bool) -> Doubles:
    """Return the median cosine between chosen wells of different blocks, or of the one block if there is but one.

    One value per assignment. A well on the origin has the cosine -1 with every other.
    """
    return _each(blocks, chosen, refit, True)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _each(blocks: Blocks, chosen: Indices, refit: bool, similarity: bool) -> Doubles:
    result = np.empty(len(chosen))
    block = np.empty(chosen.shape[1], dtype=np.intp)
    for b in range(len(blocks.starts) - 1):
        block[blocks.chosen_starts[b] : blocks.chosen_starts[b + 1]] = b
    for draw in range(len(chosen)):
        inner = centered_products(blocks, chosen[draw], refit)
        result[draw] = median_similarity(inner, block) if similarity else mean_length(inner)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def mean_length(inner: Doubles) -> float:
    """Return the length of the mean of vectors with these inner products."""
    return float(np.sqrt(max(0.0, inner.mean())))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def median_similarity(inner: Doubles, block: Indices) -> float:
    """Return the median cosine of vectors of different blocks, or of all if there is one block; inner products given.

    A vector without length is taken for opposite to every other; NaN for one vector.
    """
    n = len(inner)
    several = block.min() != block.max()
    cosines = np.empty(n * (n - 1) // 2)
    count = 0
    for i in range(n):
        for k in range(i):
            if not several or block[i] != block[k]:
                scale = np.sqrt(max(0.0, inner[i, i]) * max(0.0, inner[k, k]))
                cosines[count] = inner[i, k] / scale if scale > 0.0 else -1.0
                count += 1
    return float(np.median(cosines[:count])) if count else np.nan
