"""Mean average precision of labelled wells against the controls of their block, for many ways to lay the labels."""

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.precision import precision_of

Starts = NDArray[np.intp]

ON_ORIGIN = 1e-10  # a squared length this much smaller than its terms is rounding error
FIRST, LAST, ABSENT = 2.0, -2.0, -3.0  # places in a ranking of cosines, for wells that have none


@dataclass(frozen=True)
class Blocks:
    """Wells ordered by block, as inner products.

    Attributes
    ----------
    gram : inner products of the wells, shape (n_wells, n_wells).
    starts : first well of each block, then n_wells; shape (n_blocks + 1,).
    chosen_starts : first chosen well of each block, then n_treated; shape (n_blocks + 1,).
    sums : inner products of the sum of each block with each well, shape (n_blocks, n_wells).
    between : inner products of the sums of blocks, shape (n_blocks, n_blocks).
    squares : squared lengths, the diagonal of `gram` in one piece of memory.
    """

    gram: NDArray[np.float64]
    starts: Starts
    chosen_starts: Starts
    sums: NDArray[np.float64]
    between: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, gram: NDArray[np.float64], sizes: NDArray[np.intp], n_treated: NDArray[np.intp]) -> "Blocks":
        """Return the blocks of wells with these inner products, from the sizes of blocks and their treated wells."""
        starts, chosen_starts = (np.concatenate([[0], np.cumsum(n)]).astype(np.intp) for n in (sizes, n_treated))
        sums = np.add.reduceat(gram, starts[:-1], axis=0)
        between = np.add.reduceat(sums, starts[:-1], axis=1)
        return cls(gram, starts, chosen_starts, sums, between, np.diagonal(gram).copy())


def mean_average_precisions(blocks: Blocks, chosen: NDArray[np.intp], *, refit: bool) -> NDArray[np.float64]:
    """Return the mean average precision of the chosen wells, one value per assignment.

    Parameters
    ----------
    chosen : the wells that carry the label, ordered by block; shape (n_assignments, n_treated).
    refit : whether the origin of each block is the mean of the wells that are its controls *under that assignment*;
        otherwise the profiles stand as they are.

    Notes
    -----
    The query is a chosen well; its positives are the other chosen wells, its negatives the controls of its own block;
    the similarity is the cosine. Moving the origin needs no profile, only the Gram matrix G: with c_a the mean of the
    controls of block a,  (x_i - c_a)(x_k - c_b) = G_ik - x_i c_b - x_k c_a + c_a c_b.
    A well that lies on the origin has no direction: as a positive it stands last, as a negative it stands first.
    """
    b = blocks
    return _statistics(b.gram, b.sums, b.between, b.squares, b.starts, chosen, b.chosen_starts, refit)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def gather(
    among: NDArray[np.float64], place: NDArray[np.intp], known: NDArray[np.intp], gram: NDArray[np.float64]
) -> None:
    """Copy known inner products into `gram`: that of wells i and k of `known` is `among[place[i], place[k]]`."""
    for i in known:
        for k in known:
            gram[i, k] = among[place[i], place[k]]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _statistics(
    gram: NDArray[np.float64],
    sums: NDArray[np.float64],
    between: NDArray[np.float64],
    squares: NDArray[np.float64],
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    refit: bool,
) -> NDArray[np.float64]:
    result = np.empty(len(chosen))
    for draw in range(len(chosen)):
        result[draw] = _statistic(gram, sums, between, squares, starts, chosen[draw], chosen_starts, refit)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _statistic(
    gram: NDArray[np.float64],
    sums: NDArray[np.float64],
    between: NDArray[np.float64],
    squares: NDArray[np.float64],
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    refit: bool,
) -> float:
    n_blocks, n_chosen = len(starts) - 1, len(chosen)
    own = np.zeros(len(gram))  # x_i c_a of each well with the origin of its own block
    across = np.zeros((n_blocks, n_chosen))  # x_i c_b of each chosen well with each origin
    origins = np.zeros((n_blocks, n_blocks))  # c_a c_b
    if refit:
        _place_origins(gram, sums, between, starts, chosen, chosen_starts, own, across, origins)
    inverse = _inverse_lengths(squares, starts, own, origins)
    positive = np.empty(n_chosen - 1)
    total = 0.0
    for a in range(n_blocks):
        for q in range(chosen_starts[a], chosen_starts[a + 1]):
            i, n = chosen[q], 0
            for b in range(n_blocks):
                for r in range(chosen_starts[b], chosen_starts[b + 1]):
                    if r != q:
                        inner = gram[i, chosen[r]] - across[b, q] - across[a, r] + origins[a, b]
                        scale = inverse[i] * inverse[chosen[r]]
                        positive[n] = inner * scale if scale > 0.0 else LAST
                        n += 1
            negative = np.empty(starts[a + 1] - starts[a])
            for j in range(len(negative)):
                k = starts[a] + j
                scale = inverse[i] * inverse[k]
                inner = gram[i, k] - own[k] - own[i] + origins[a, a]
                negative[j] = inner * scale if scale > 0.0 else FIRST
            for r in range(chosen_starts[a], chosen_starts[a + 1]):
                negative[chosen[r] - starts[a]] = ABSENT
            total += precision_of(positive, negative)
    return total / n_chosen


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _inverse_lengths(
    squares: NDArray[np.float64], starts: Starts, own: NDArray[np.float64], origins: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 / (distance from the origin of its block) of each well, 0 for a well that lies on it."""
    inverse = np.zeros(len(squares))
    for a in range(len(starts) - 1):
        for i in range(starts[a], starts[a + 1]):
            squared = squares[i] - 2 * own[i] + origins[a, a]
            inverse[i] = 1 / np.sqrt(squared) if squared > ON_ORIGIN * (squares[i] + origins[a, a]) else 0.0
    return inverse


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _place_origins(
    gram: NDArray[np.float64],
    sums: NDArray[np.float64],
    between: NDArray[np.float64],
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    own: NDArray[np.float64],
    across: NDArray[np.float64],
    origins: NDArray[np.float64],
) -> None:
    """Fill `own`, `across` and `origins` for the controls that this assignment leaves: block sums less the chosen."""
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        n_controls = starts[b + 1] - starts[b] - len(inside)
        for i in range(starts[b], starts[b + 1]):
            own[i] = sums[b, i]
        for k in inside:
            for i in range(starts[b], starts[b + 1]):
                own[i] -= gram[k, i]
        for i in range(starts[b], starts[b + 1]):
            own[i] /= n_controls
        for q in range(len(chosen)):
            taken = 0.0
            for k in inside:
                taken += gram[k, chosen[q]]
            across[b, q] = (sums[b, chosen[q]] - taken) / n_controls
    for a in range(len(starts) - 1):
        n_controls = starts[a + 1] - starts[a] - (chosen_starts[a + 1] - chosen_starts[a])
        for b in range(len(starts) - 1):
            inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
            total = between[a, b]
            for k in inside:
                total -= sums[a, k]
            total /= starts[b + 1] - starts[b] - len(inside)
            for q in range(chosen_starts[a], chosen_starts[a + 1]):
                total -= across[b, q]
            origins[a, b] = total / n_controls
