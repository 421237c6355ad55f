"""Mean average precision of labelled wells against the controls of their block, for many ways to lay the labels."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.precision import precision_of

Starts = NDArray[np.intp]

ON_ORIGIN = 1e-10  # a squared length this much smaller than its terms is rounding error
FIRST, LAST, ABSENT = 2.0, -2.0, -3.0  # places in a ranking of cosines, for wells that have none


@nb.njit(cache=True, nogil=True)
def mean_average_precisions(
    gram: NDArray[np.float64], starts: Starts, chosen: NDArray[np.intp], chosen_starts: Starts, refit: bool
) -> NDArray[np.float64]:
    """Return the mean average precision of the chosen wells, one value per assignment.

    Parameters
    ----------
    gram : inner products of the wells, shape (n_wells, n_wells); wells are ordered by block.
    starts : first well of each block, then n_wells; shape (n_blocks + 1,).
    chosen : the wells that carry the label, ordered by block; shape (n_assignments, n_treated).
    chosen_starts : first chosen well of each block, then n_treated; shape (n_blocks + 1,).
    refit : whether the origin of each block is the mean of the wells that are its controls *under that assignment*;
        otherwise the profiles stand as they are.

    Notes
    -----
    The query is a chosen well; its positives are the other chosen wells, its negatives the controls of its own block;
    the similarity is the cosine. Moving the origin needs no profile, only the Gram matrix G: with c_a the mean of the
    controls of block a,  (x_i - c_a)(x_k - c_b) = G_ik - x_i c_b - x_k c_a + c_a c_b.
    A well that lies on the origin has no direction: as a positive it stands last, as a negative it stands first.
    """
    block_sums = _block_sums(gram, starts)
    result = np.empty(len(chosen))
    for draw in range(len(chosen)):
        result[draw] = _statistic(gram, block_sums, starts, chosen[draw], chosen_starts, refit)
    return result


@nb.njit(cache=True, nogil=True)
def _block_sums(gram: NDArray[np.float64], starts: Starts) -> NDArray[np.float64]:
    """Return the inner product of the sum of each block with each well, shape (n_blocks, n_wells)."""
    sums = np.zeros((len(starts) - 1, len(gram)))
    for block in range(len(starts) - 1):
        for well in range(starts[block], starts[block + 1]):
            sums[block] += gram[well]
    return sums


@nb.njit(cache=True, nogil=True)
def _statistic(
    gram: NDArray[np.float64],
    block_sums: NDArray[np.float64],
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    refit: bool,
) -> float:
    n_wells, n_blocks, n_chosen = len(gram), len(starts) - 1, len(chosen)
    to_origin = np.zeros((n_blocks, n_wells))  # c_b x_i
    origins = np.zeros((n_blocks, n_blocks))  # c_a c_b
    if refit:
        _place_origins(gram, block_sums, starts, chosen, chosen_starts, to_origin, origins)
    inverse = _inverse_lengths(gram, starts, to_origin, origins)
    positive = np.empty(n_chosen - 1)
    total = 0.0
    for a in range(n_blocks):
        for i in chosen[chosen_starts[a] : chosen_starts[a + 1]]:
            n = 0
            for b in range(n_blocks):
                for k in chosen[chosen_starts[b] : chosen_starts[b + 1]]:
                    if k != i:
                        inner = gram[i, k] - to_origin[b, i] - to_origin[a, k] + origins[a, b]
                        scale = inverse[i] * inverse[k]
                        positive[n] = inner * scale if scale > 0.0 else LAST
                        n += 1
            beside = slice(starts[a], starts[a + 1])
            negative = gram[i, beside] - to_origin[a, beside] + (origins[a, a] - to_origin[a, i])
            negative *= inverse[beside] * inverse[i]
            for j in range(starts[a], starts[a + 1]):
                if inverse[j] * inverse[i] == 0.0:
                    negative[j - starts[a]] = FIRST
            for k in chosen[chosen_starts[a] : chosen_starts[a + 1]]:
                negative[k - starts[a]] = ABSENT
            total += precision_of(positive, negative)
    return total / n_chosen


@nb.njit(cache=True, nogil=True)
def _inverse_lengths(
    gram: NDArray[np.float64], starts: Starts, to_origin: NDArray[np.float64], origins: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 / (distance from the origin of its block) of each well, 0 for a well that lies on it."""
    inverse = np.zeros(len(gram))
    for a in range(len(starts) - 1):
        for i in range(starts[a], starts[a + 1]):
            squared = gram[i, i] - 2 * to_origin[a, i] + origins[a, a]
            if squared > ON_ORIGIN * (gram[i, i] + origins[a, a]):
                inverse[i] = 1 / np.sqrt(squared)
    return inverse


@nb.njit(cache=True, nogil=True)
def _place_origins(
    gram: NDArray[np.float64],
    block_sums: NDArray[np.float64],
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    to_origin: NDArray[np.float64],
    origins: NDArray[np.float64],
) -> None:
    """Fill `to_origin` and `origins` for the controls that this assignment leaves."""
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        to_origin[b] = block_sums[b]
        for k in inside:
            to_origin[b] -= gram[k]
        to_origin[b] /= starts[b + 1] - starts[b] - len(inside)
    for a in range(len(starts) - 1):
        inside = chosen[chosen_starts[a] : chosen_starts[a + 1]]
        for b in range(len(starts) - 1):
            total = to_origin[b, starts[a] : starts[a + 1]].sum()
            for k in inside:
                total -= to_origin[b, k]
            origins[a, b] = total / (starts[a + 1] - starts[a] - len(inside))
