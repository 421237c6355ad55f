"""Mean average precision of labelled wells against the controls of their block, for many ways to lay the labels."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.precision import precision_of
from cellprofiling.kernels.refit import Blocks, changed_wells, metric_change, origin_shares, place_origins

__all__ = ["Blocks", "mean_average_precisions", "observed_precision"]

Doubles = NDArray[np.float64]
Starts = NDArray[np.intp]

ON_ORIGIN = 1e-10  # a squared length this much smaller than its terms is rounding error
FIRST, LAST, ABSENT = 2.0, -2.0, -3.0  # places in a ranking of cosines, for wells that have none


def mean_average_precisions(
    blocks: Blocks, chosen: NDArray[np.intp], least: float = -np.inf, *, refit: bool
) -> Doubles:
    """Return the mean average precision of the chosen wells, one value per assignment.

    Parameters
    ----------
    chosen : the wells that carry the label, ordered by block; shape (n_assignments, n_treated).
    least : a value of no interest if it is not reached; what stands for it is then some other value below `least`.
    refit : whether the origin of each block is the mean of the wells that are its controls *under that assignment*, and
        the metric that of their covariance where `blocks.omega` says that controls made it; otherwise the profiles
        stand as they are.

    Notes
    -----
    The query is a chosen well; its positives are the other chosen wells, its negatives the controls of its own block;
    the similarity is the cosine. Moving the origin needs no profile, only the Gram matrix G: with c_a the mean of the
    controls of block a,  (x_i - c_a)(x_k - c_b) = G_ik - x_i c_b - x_k c_a + c_a c_b.
    A well that lies on the origin has no direction: as a positive it stands last, as a negative it stands first.
    """
    b = blocks
    return _statistics(
        b.gram, b.sums, b.between, b.squares, b.starts, chosen, b.chosen_starts, b.n_new, b.omega, refit, least
    )


@nb.njit(cache=True, nogil=True, error_model="numpy")
def observed_precision(
    within: Doubles, across: Doubles, squares: Doubles, block: NDArray[np.intp], starts: Starts
) -> float:
    """Return the mean average precision of treated wells among the controls of their blocks, profiles as they stand.

    Parameters
    ----------
    within : inner products of the treated wells, shape (n_treated, n_treated).
    across : theirs with the controls, shape (n_treated, n_controls).
    squares : squared lengths of the controls.
    block : the block of each treated well.
    starts : first control of each block, then n_controls.
    """
    n = len(within)
    positive = np.empty(n - 1)
    total = 0.0
    for i in range(n):
        place = 0
        for k in range(n):
            if k != i:
                scale = np.sqrt(within[i, i] * within[k, k])
                positive[place] = within[i, k] / scale if scale > 0.0 else LAST
                place += 1
        first, last = starts[block[i]], starts[block[i] + 1]
        negative = np.empty(last - first)
        for j in range(first, last):
            scale = np.sqrt(within[i, i] * squares[j])
            negative[j - first] = across[i, j] / scale if scale > 0.0 else FIRST
        total += precision_of(positive, negative)
    return total / n


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _statistics(
    gram: Doubles,
    sums: Doubles,
    between: Doubles,
    squares: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    n_new: NDArray[np.intp],
    omega: float,
    refit: bool,
    least: float,
) -> Doubles:
    result = np.empty(len(chosen))
    for draw in range(len(chosen)):
        result[draw] = _statistic(
            gram, sums, between, squares, starts, chosen[draw], chosen_starts, n_new, omega, refit, least
        )
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _statistic(
    gram: Doubles,
    sums: Doubles,
    between: Doubles,
    squares: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    n_new: NDArray[np.intp],
    omega: float,
    refit: bool,
    least: float,
) -> float:
    n_blocks, n_chosen = len(starts) - 1, len(chosen)
    across = np.zeros((n_blocks, n_chosen))  # x_i c_b of each chosen well with each origin
    origins = np.zeros((n_blocks, n_blocks))  # c_a c_b
    if refit:
        place_origins(gram, sums, between, starts, chosen, chosen_starts, across, origins)
    n_changed = 0
    along, bent = np.zeros((1, 1)), np.zeros((1, 1))  # V x of each well, and M V x of each chosen one
    bend = np.zeros(1)  # by how much the metric shortens the square of each well
    if refit and omega > 0.0:
        along, bent, bend = _bend(gram, sums, starts, chosen, chosen_starts, n_new, omega)
        n_changed = along.shape[1]
    lengths = np.zeros(n_chosen)  # 1 / distance from the origin, 0 for a well that lies on it
    for a in range(n_blocks):
        for q in range(chosen_starts[a], chosen_starts[a + 1]):
            i = chosen[q]
            square = squares[i] - 2 * across[a, q] + origins[a, a] - (bend[i] if n_changed else 0.0)
            lengths[q] = 1 / np.sqrt(square) if square > ON_ORIGIN * (squares[i] + origins[a, a]) else 0.0
    positive = np.empty(n_chosen - 1)
    total, open_ended = 0.0, float(n_chosen)
    for a in range(n_blocks):
        size = starts[a + 1] - starts[a]
        own, inverse, negative = np.zeros(size), np.zeros(size), np.empty(size)
        if refit:
            _fill_own(gram, sums, starts, chosen, chosen_starts, a, own)
        for j in range(size):
            k = starts[a] + j
            square = squares[k] - 2 * own[j] + origins[a, a] - (bend[k] if n_changed else 0.0)
            inverse[j] = 1 / np.sqrt(square) if square > ON_ORIGIN * (squares[k] + origins[a, a]) else 0.0
        for q in range(chosen_starts[a], chosen_starts[a + 1]):
            i, n = chosen[q], 0
            for b in range(n_blocks):
                for r in range(chosen_starts[b], chosen_starts[b + 1]):
                    if r != q:
                        inner = gram[i, chosen[r]] - across[b, q] - across[a, r] + origins[a, b]
                        for v in range(n_changed):
                            inner -= bent[q, v] * along[chosen[r], v]
                        scale = lengths[q] * lengths[r]
                        positive[n] = inner * scale if scale > 0.0 else LAST
                        n += 1
            for j in range(size):
                inner = gram[i, starts[a] + j] - own[j] - across[a, q] + origins[a, a]
                for v in range(n_changed):
                    inner -= bent[q, v] * along[starts[a] + j, v]
                scale = lengths[q] * inverse[j]
                negative[j] = inner * scale if scale > 0.0 else FIRST
            for r in range(chosen_starts[a], chosen_starts[a + 1]):
                negative[chosen[r] - starts[a]] = ABSENT
            total += precision_of(positive, negative)
            open_ended -= 1.0
            if total + open_ended < least * n_chosen:
                return (total + open_ended) / n_chosen
    return total / n_chosen


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fill_own(
    gram: Doubles,
    sums: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    b: int,
    own: Doubles,
) -> None:
    """Fill in the inner product of each well of block b with its origin, for the controls that are left."""
    inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
    n_controls = starts[b + 1] - starts[b] - len(inside)
    for j in range(len(own)):
        own[j] = sums[b, starts[b] + j]
    for k in inside:
        for j in range(len(own)):
            own[j] -= gram[k, starts[b] + j]
    for j in range(len(own)):
        own[j] /= n_controls


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _bend(
    gram: Doubles,
    sums: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    n_new: NDArray[np.intp],
    omega: float,
) -> tuple[Doubles, Doubles, Doubles]:
    """Return what the metric of this assignment changes inner products by, and by how much each square shrinks."""
    wells, sign, block = changed_wells(starts, chosen, chosen_starts, n_new)
    change = metric_change(gram, wells, sign, block, starts, chosen_starts, omega)
    shares = origin_shares(gram, sums, starts, chosen, chosen_starts, wells)
    n = len(wells)
    along, bent, bend = np.empty((len(gram), n)), np.zeros((len(chosen), n)), np.zeros(len(gram))
    for b in range(len(starts) - 1):
        for i in range(starts[b], starts[b + 1]):
            for v in range(n):
                along[i, v] = gram[wells[v], i] - shares[b, v]
            for v in range(n):
                step = 0.0
                for u in range(n):
                    step += change[v, u] * along[i, u]
                bend[i] += along[i, v] * step
    for q in range(len(chosen)):
        for v in range(n):
            for u in range(n):
                bent[q, v] += change[v, u] * along[chosen[q], u]
    return along, bent, bend
