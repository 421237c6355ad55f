"""Mean average precision of labelled wells against the controls of their block, for many ways to lay the labels."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.precision import precision_of

Starts = NDArray[np.intp]

ON_ORIGIN = 1e-10  # a squared length this much smaller than its terms is rounding error


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
    """Return the inner product of each well with the sum of each block, shape (n_wells, n_blocks)."""
    sums = np.empty((len(gram), len(starts) - 1))
    for well in range(len(gram)):
        for block in range(len(starts) - 1):
            sums[well, block] = gram[well, starts[block] : starts[block + 1]].sum()
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
    is_chosen = np.zeros(n_wells, dtype=np.bool_)
    is_chosen[chosen] = True
    to_origin = np.zeros((n_wells, n_blocks))  # x_i c_b
    origins = np.zeros((n_blocks, n_blocks))  # c_a c_b
    if refit:
        _place_origins(gram, block_sums, starts, chosen, chosen_starts, to_origin, origins)
    block_of = np.empty(n_wells, dtype=np.intp)
    length = np.empty(n_wells)
    for a in range(n_blocks):
        for i in range(starts[a], starts[a + 1]):
            block_of[i] = a
            squared = gram[i, i] - 2 * to_origin[i, a] + origins[a, a]
            length[i] = np.sqrt(squared) if squared > ON_ORIGIN * (gram[i, i] + origins[a, a]) else 0.0
    total = 0.0
    positive = np.empty(n_chosen - 1)
    for q in range(n_chosen):
        i, a = chosen[q], block_of[chosen[q]]
        n_positive = 0
        for k in chosen:
            if k != i:
                b = block_of[k]
                inner = gram[i, k] - to_origin[i, b] - to_origin[k, a] + origins[a, b]
                positive[n_positive] = _cosine(inner, length[i], length[k], -2.0)
                n_positive += 1
        negative = np.empty(starts[a + 1] - starts[a] - (chosen_starts[a + 1] - chosen_starts[a]))
        n_negative = 0
        for j in range(starts[a], starts[a + 1]):
            if not is_chosen[j]:
                inner = gram[i, j] - to_origin[i, a] - to_origin[j, a] + origins[a, a]
                negative[n_negative] = _cosine(inner, length[i], length[j], 2.0)
                n_negative += 1
        total += precision_of(positive, negative)
    return total / n_chosen


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
        n_controls = starts[b + 1] - starts[b] - len(inside)
        for i in range(len(gram)):
            taken = 0.0
            for k in inside:
                taken += gram[i, k]
            to_origin[i, b] = (block_sums[i, b] - taken) / n_controls
    for a in range(len(starts) - 1):
        inside = chosen[chosen_starts[a] : chosen_starts[a + 1]]
        n_controls = starts[a + 1] - starts[a] - len(inside)
        for b in range(len(starts) - 1):
            total = to_origin[starts[a] : starts[a + 1], b].sum()
            for k in inside:
                total -= to_origin[k, b]
            origins[a, b] = total / n_controls


@nb.njit(cache=True, nogil=True)
def _cosine(inner: float, length_a: float, length_b: float, undefined: float) -> float:
    """Return inner / (a b), or `undefined` where either length is zero."""
    scale = length_a * length_b
    return inner / scale if scale > 0.0 else undefined
