"""Mean average precision of labelled wells against the controls of their block, for many ways to lay the labels."""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.metric import changed_wells, metric_change
from cellprofiling.kernels.retrieval.average_precision import precision_of
from cellprofiling.kernels.retrieval.control_refit import Blocks, origin_products, origin_shares

__all__ = ["Blocks", "mean_average_precisions", "observed_precision"]


ON_ORIGIN = 1e-10  # a squared length this much smaller than its terms is rounding error
FIRST, LAST, ABSENT = 2.0, -2.0, -3.0  # places in a ranking of cosines, for wells that have none


class View(NamedTuple):
    """How wells look in an assignment.

    Attributes
    ----------
    across : inner products of each origin with each chosen well, shape (n_blocks, n_chosen).
    origins : of the origins with each other, shape (n_blocks, n_blocks).
    along : V x of each well x, for the wells V that change sides, shape (n_changed, n_wells); none if the metric stays.
    bent : M V x of each chosen well, shape (n_chosen, n_changed).
    bend : by how much the metric shortens the square of each well, shape (n_wells,).
    """

    across: Doubles
    origins: Doubles
    along: Doubles
    bent: Doubles
    bend: Doubles


def mean_average_precisions(blocks: Blocks, chosen: Indices, least: float = -np.inf, *, refit: bool) -> Doubles:
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
    return _statistics(blocks, chosen, refit, least)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def observed_precision(within: Doubles, across: Doubles, squares: Doubles, block: Indices, starts: Indices) -> float:
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
def _statistics(blocks: Blocks, chosen: Indices, refit: bool, least: float) -> Doubles:
    result = np.empty(len(chosen))
    most = np.diff(blocks.starts).max()
    for draw in range(len(chosen)):
        result[draw] = _statistic(blocks, chosen[draw], refit, least, most)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _statistic(blocks: Blocks, chosen: Indices, refit: bool, least: float, most: int) -> float:
    """Return the statistic of one assignment; no block has more than `most` wells."""
    n_chosen = len(chosen)
    view = _view(blocks, chosen, refit)
    lengths = _inverse_lengths(blocks, chosen, view)
    own, inverse, negative = np.zeros(most), np.empty(most), np.empty(most)
    positive = np.empty(n_chosen - 1)
    total, open_ended = 0.0, float(n_chosen)
    for a in range(len(blocks.starts) - 1):
        if refit:
            _fill_own(blocks, chosen, a, own)
        _fill_inverse(blocks, view, a, own, inverse)
        for q in range(blocks.chosen_starts[a], blocks.chosen_starts[a + 1]):
            _fill_positive(blocks, chosen, view, lengths, a, q, positive)
            _fill_negative(blocks, chosen, view, own, inverse, lengths[q], a, q, negative)
            total += precision_of(positive, negative[: blocks.starts[a + 1] - blocks.starts[a]])
            open_ended -= 1.0
            if total + open_ended < least * n_chosen:
                return (total + open_ended) / n_chosen
    return total / n_chosen


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _view(blocks: Blocks, chosen: Indices, refit: bool) -> View:
    n_blocks, n = len(blocks.starts) - 1, len(chosen)
    along, bent, bend = np.empty((0, 0)), np.empty((0, 0)), np.empty(0)
    if not refit:
        return View(np.zeros((n_blocks, n)), np.zeros((n_blocks, n_blocks)), along, bent, bend)
    across = origin_shares(blocks, chosen, chosen)
    origins = origin_products(blocks, chosen, across)
    if blocks.omega > 0.0:
        along, bent, bend = _bend(blocks, chosen)
    return View(across, origins, along, bent, bend)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _inverse_length(square: float, terms: float) -> float:
    """Return 1 / distance from the origin, 0 for a well that lies on it."""
    return 1 / np.sqrt(square) if square > ON_ORIGIN * terms else 0.0


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _inverse_lengths(blocks: Blocks, chosen: Indices, view: View) -> Doubles:
    """Return 1 / distance from the origin of each chosen well."""
    lengths = np.empty(len(chosen))
    for a in range(len(blocks.starts) - 1):
        here = view.origins[a, a]
        for q in range(blocks.chosen_starts[a], blocks.chosen_starts[a + 1]):
            i = chosen[q]
            square = blocks.squares[i] - 2 * view.across[a, q] + here - (view.bend[i] if len(view.bend) else 0.0)
            lengths[q] = _inverse_length(square, blocks.squares[i] + here)
    return lengths


# What follows runs over the wells of a block that lie side by side in memory, one plain loop after the other, so that
# the compiler takes several wells at a time.


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fill_own(blocks: Blocks, chosen: Indices, a: int, own: Doubles) -> None:
    """Fill in the inner product of each well of block a with its origin, as `origin_shares` would."""
    first, last = blocks.starts[a], blocks.starts[a + 1]
    inside = chosen[blocks.chosen_starts[a] : blocks.chosen_starts[a + 1]]
    sums, n_controls = blocks.sums[a, first:last], last - first - len(inside)
    for j in range(last - first):
        own[j] = sums[j]
    for k in inside:
        row = blocks.gram[k, first:last]
        for j in range(last - first):
            own[j] -= row[j]
    for j in range(last - first):
        own[j] /= n_controls


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fill_inverse(blocks: Blocks, view: View, a: int, own: Doubles, inverse: Doubles) -> None:
    """Fill in 1 / distance from the origin of each well of block a."""
    first, last, here = blocks.starts[a], blocks.starts[a + 1], view.origins[a, a]
    squares, bend = blocks.squares[first:last], view.bend[first:last]
    for j in range(last - first):
        inverse[j] = squares[j] - 2 * own[j] + here
    for j in range(len(bend)):
        inverse[j] -= bend[j]
    for j in range(last - first):
        inverse[j] = _inverse_length(inverse[j], squares[j] + here)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fill_positive(
    blocks: Blocks, chosen: Indices, view: View, lengths: Doubles, a: int, q: int, positive: Doubles
) -> None:
    """Fill in the cosines of the q-th chosen well, of block a, with the other chosen wells."""
    n = 0
    for b in range(len(blocks.starts) - 1):
        for r in range(blocks.chosen_starts[b], blocks.chosen_starts[b + 1]):
            if r != q:
                inner = blocks.gram[chosen[q], chosen[r]] - view.across[b, q] - view.across[a, r] + view.origins[a, b]
                for v in range(len(view.along)):
                    inner -= view.bent[q, v] * view.along[v, chosen[r]]
                scale = lengths[q] * lengths[r]
                positive[n] = inner * scale if scale > 0.0 else LAST
                n += 1


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fill_negative(
    blocks: Blocks,
    chosen: Indices,
    view: View,
    own: Doubles,
    inverse: Doubles,
    length: float,
    a: int,
    q: int,
    negative: Doubles,
) -> None:
    """Fill in the cosines of the q-th chosen well, of block a, with the wells of its block; chosen ones are absent."""
    first, last = blocks.starts[a], blocks.starts[a + 1]
    row, mine, here = blocks.gram[chosen[q], first:last], view.across[a, q], view.origins[a, a]
    for j in range(last - first):
        negative[j] = row[j] - own[j] - mine + here
    for v in range(len(view.along)):
        step, along = view.bent[q, v], view.along[v, first:last]
        for j in range(last - first):
            negative[j] -= step * along[j]
    for j in range(last - first):
        scale = length * inverse[j]
        negative[j] = negative[j] * scale if scale > 0.0 else FIRST
    for r in range(blocks.chosen_starts[a], blocks.chosen_starts[a + 1]):
        negative[chosen[r] - first] = ABSENT


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _bend(blocks: Blocks, chosen: Indices) -> tuple[Doubles, Doubles, Doubles]:
    """Return what the metric of this assignment changes inner products by, and by how much each square shrinks."""
    wells, sign, block = changed_wells(blocks.starts, chosen, blocks.chosen_starts, blocks.n_new)
    change = metric_change(blocks.gram, wells, sign, block, blocks.starts, blocks.chosen_starts, blocks.omega)
    shares = origin_shares(blocks, chosen, wells)
    n, n_wells = len(wells), len(blocks.gram)
    along, bent, bend = np.empty((n, n_wells)), np.zeros((len(chosen), n)), np.zeros(n_wells)
    for v in range(n):
        row = blocks.gram[wells[v]]
        for b in range(len(blocks.starts) - 1):
            for i in range(blocks.starts[b], blocks.starts[b + 1]):
                along[v, i] = row[i] - shares[b, v]
    step = np.empty(n_wells)
    for v in range(n):
        step[:] = 0.0
        for u in range(n):
            for i in range(n_wells):
                step[i] += change[v, u] * along[u, i]
        for i in range(n_wells):
            bend[i] += along[v, i] * step[i]
        for q in range(len(chosen)):
            bent[q, v] = step[chosen[q]]
    return along, bent, bend
