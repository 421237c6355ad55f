"""Energy distance between labelled wells and the controls of their blocks, for many ways to lay the labels.

Szekely and Rizzo (2013), doi 10.1016/j.jspi.2013.03.018; with minus a kernel in place of the distance it is the squared
maximum mean discrepancy of Gretton et al., J. Mach. Learn. Res. 13, 723 (2012).
"""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.metric import changed_wells, metric_change
from cellprofiling.kernels.retrieval.control_refit import Blocks, centered_products


class Distances(NamedTuple):
    """Distances between the wells of a block, and their sums, beside the inner products of all wells.

    Attributes
    ----------
    blocks : the wells.
    apart : distances within blocks, shape (n_wells, n_wells); what lies between blocks is of no meaning.
    sums : sum of the distances of each well to the wells of its block.
    bandwidth : 0 for distances; otherwise minus exp(-d^2 / (2 bandwidth^2)) stands for a distance d.
    """

    blocks: Blocks
    apart: Doubles
    sums: Doubles
    bandwidth: float

    @classmethod
    def of(cls, blocks: Blocks, bandwidth: float = 0.0) -> "Distances":
        """Return the distances of wells with these inner products."""
        apart, sums = _apart(blocks.gram, blocks.squares, blocks.starts, bandwidth)
        return cls(blocks, apart, sums, float(bandwidth))


def energy_distances(distances: Distances, chosen: Indices, _least: float = -np.inf, *, refit: bool) -> Doubles:
    """Return 2 E|T - C| - E|T - T'| - E|C - C'| of chosen wells T and controls C, one value per assignment.

    Parameters
    ----------
    chosen : the wells that carry the label, ordered by block; shape (n_assignments, n_treated).
    refit : whether distances between wells of different blocks are taken after each block was centered on the wells
        that are its controls under that assignment; distances within a block know no origin.

    Notes
    -----
    Means over pairs of different wells, so that the expectation is 0 where nothing differs. |T - C| and |C - C'| are
    taken inside blocks, a block counting as often as it has chosen wells. Where controls made the metric, |C - C'| is
    left as it is among the base controls: each assignment measures its own controls in their own metric, and what that
    gives is nearly the same in all.
    """
    return _energies(distances, chosen, refit)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def apart_from(squared: float, bandwidth: float) -> float:
    """Return the distance, or minus the kernel, of two wells from their squared distance."""
    squared = max(0.0, squared)
    return float(np.sqrt(squared) if bandwidth == 0.0 else -np.exp(-squared / (2 * bandwidth * bandwidth)))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _apart(gram: Doubles, squares: Doubles, starts: Indices, bandwidth: float) -> tuple[Doubles, Doubles]:
    apart, sums = np.zeros(gram.shape), np.zeros(len(gram))
    for b in range(len(starts) - 1):
        for i in range(starts[b], starts[b + 1]):
            for k in range(starts[b], i):
                apart[i, k] = apart[k, i] = apart_from(squares[i] + squares[k] - 2 * gram[i, k], bandwidth)
                sums[i] += apart[i, k]
                sums[k] += apart[i, k]
    return apart, sums


@nb.njit(cache=True, nogil=True, error_model="numpy")
def among_controls(total: float, n: int) -> float:
    """Return the mean over pairs of n wells whose ordered pairs add up to `total`; 0 for one well."""
    return total / (n * (n - 1)) if n > 1 else 0.0


@nb.njit(cache=True, nogil=True, error_model="numpy")
def among_treated(inner: Doubles, bandwidth: float) -> float:
    """Return the mean over pairs of wells with these inner products."""
    n, total = len(inner), 0.0
    for i in range(n):
        for k in range(i):
            total += apart_from(inner[i, i] + inner[k, k] - 2 * inner[i, k], bandwidth)
    return 2 * total / (n * (n - 1))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _energies(distances: Distances, chosen: Indices, refit: bool) -> Doubles:
    blocks = distances.blocks
    bends = refit and blocks.omega > 0.0
    among = _among_base(distances) if bends else _totals(distances)
    result = np.empty(len(chosen))
    for draw in range(len(chosen)):
        inner = centered_products(blocks, chosen[draw], refit)
        beside = _beside_bent(distances, chosen[draw], among) if bends else _beside(distances, chosen[draw], among)
        result[draw] = beside / len(inner) - among_treated(inner, distances.bandwidth)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _totals(distances: Distances) -> Doubles:
    """Return the sum over ordered pairs of wells of each block."""
    starts = distances.blocks.starts
    return np.array([distances.sums[starts[b] : starts[b + 1]].sum() for b in range(len(starts) - 1)])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _among_base(distances: Distances) -> Doubles:
    """Return the mean distance among the base controls of each block."""
    starts, n_new = distances.blocks.starts, distances.blocks.n_new
    means = np.empty(len(n_new))
    for b in range(len(n_new)):
        base = distances.apart[starts[b] + n_new[b] : starts[b + 1], starts[b] + n_new[b] : starts[b + 1]]
        means[b] = among_controls(base.sum(), len(base))
    return means


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _beside(distances: Distances, chosen: Indices, totals: Doubles) -> float:
    """Return the sum over chosen wells of twice the mean distance to their controls less that among the controls."""
    starts, chosen_starts = distances.blocks.starts, distances.blocks.chosen_starts
    treated, control = 0.0, 0.0
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        n_controls = starts[b + 1] - starts[b] - len(inside)
        to_all, to_chosen = 0.0, 0.0
        for i in inside:
            to_all += distances.sums[i]
            for k in inside:
                to_chosen += distances.apart[i, k]
        treated += (to_all - to_chosen) / n_controls
        control += len(inside) * among_controls(totals[b] - 2 * to_all + to_chosen, n_controls)
    return 2 * treated - control


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _beside_bent(distances: Distances, chosen: Indices, means: Doubles) -> float:
    """Return the same in the metric of the assignment, with the mean distances among the base controls."""
    blocks = distances.blocks
    wells, sign, block = changed_wells(blocks.starts, chosen, blocks.chosen_starts, blocks.n_new)
    change = metric_change(blocks.gram, wells, sign, block, blocks.starts, blocks.chosen_starts, blocks.omega)
    treated, control = 0.0, 0.0
    for b in range(len(means)):
        inside = chosen[blocks.chosen_starts[b] : blocks.chosen_starts[b + 1]]
        treated += _to_controls(distances, b, inside, wells, change)
        control += len(inside) * means[b]
    return 2 * treated - control


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _to_controls(distances: Distances, b: int, inside: Indices, wells: Indices, change: Doubles) -> float:
    """Return the sum over chosen wells of block b of their mean distance to its controls, in the metric of these."""
    gram, start, stop = distances.blocks.gram, distances.blocks.starts[b], distances.blocks.starts[b + 1]
    total, n = 0.0, len(wells)
    along = np.empty(n)
    for i in inside:
        for k in range(start, stop):
            if np.any(inside == k):
                continue
            for v in range(n):
                along[v] = gram[wells[v], i] - gram[wells[v], k]
            squared = gram[i, i] + gram[k, k] - 2 * gram[i, k]
            for v in range(n):
                for u in range(n):
                    squared -= along[v] * change[v, u] * along[u]
            total += apart_from(squared, distances.bandwidth)
    return total / (stop - start - len(inside))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def observed_energy(
    within: Doubles,
    across: Doubles,
    squares: Doubles,
    block: Indices,
    starts: Indices,
    control: Doubles,
    bandwidth: float,
) -> float:
    """Return the energy distance of treated wells from the controls of their blocks, profiles as they stand.

    Parameters
    ----------
    within, across, squares, block, starts : as in `kernels.retrieval.observed_precision`.
    control : mean distance among the controls of each block.
    """
    n = len(within)
    total = 0.0
    for i in range(n):
        first, last = starts[block[i]], starts[block[i] + 1]
        apart = 0.0
        for j in range(first, last):
            squared = within[i, i] + squares[j] - 2 * across[i, j]
            apart += apart_from(squared, bandwidth)
        total += 2 * apart / (last - first) - control[block[i]]
    return total / n - among_treated(within, bandwidth)
