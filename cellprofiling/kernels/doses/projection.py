"""How far wells go along the way that the other wells of a dose series go."""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.doses.trend import Trial, explained_by_rise


def project(gram: Doubles, trial: Trial, arrangement: Indices) -> Doubles:
    """Return the response of each well of a trial in one arrangement.

    Parameters
    ----------
    gram : inner products of the wells, shape (n_wells, n_wells), those of a column in the metric of that well: the
        inverse of a covariance in which it had no part.
    trial : which wells belong to which block, and the dose levels; its response is not read.
    arrangement : the treated well of each slot, shape (n_slots,).

    Notes
    -----
    A block is a plate or a part of one, with controls of its own. The way is the sum over treated wells of the
    difference from the control mean of their block, times the level of the dose (1 for the lowest): later doses say
    more about it. Wells of a block are projected on the way of all other blocks, made a unit vector, so that neither
    a well nor the controls it is compared with had a part in it: without effect the mean response is 0.
    """
    out = np.empty((1, len(gram)))
    _project(gram, _block_sums(gram, trial), trial.n_treated, trial.n_control, trial.level, arrangement, out[0])
    return out[0]


def projected_shares(gram: Doubles, trial: Trial, arrangements: Indices) -> Doubles:
    """Return `monotone_shares` of the projections, rising alone, the way fitted anew in each arrangement."""
    sums = _block_sums(gram, trial)
    return _shares(gram, sums, trial.n_treated, trial.n_control, trial.level, arrangements)


def _block_sums(gram: Doubles, trial: Trial) -> Doubles:
    """Return the inner product of the sum of each block with each well, shape (n_blocks, n_wells)."""
    sizes = trial.n_treated + trial.n_control
    return np.add.reduceat(gram, np.cumsum(sizes) - sizes, axis=0)


@nb.njit(cache=True, nogil=True)
def _shares(
    gram: Doubles, sums: Doubles, n_treated: Indices, n_control: Indices, level: Indices, arrangements: Indices
) -> Doubles:
    counts = np.zeros(level.max() + 1)
    counts[0] = n_control.sum()
    for slot in range(len(level)):
        counts[level[slot]] += 1
    found, response = np.empty(len(arrangements)), np.empty(len(gram))
    for row in range(len(arrangements)):
        _project(gram, sums, n_treated, n_control, level, arrangements[row], response)
        by_level = np.zeros(len(counts))
        for slot in range(len(level)):
            by_level[level[slot]] += response[arrangements[row, slot]]
        total = response.sum()
        by_level[0] = total - by_level.sum()
        left = (response**2).sum() - total**2 / len(response)
        explained = explained_by_rise(by_level, counts, total / len(response))
        found[row] = explained / left if left > 0 else 0.0
    return found


@nb.njit(cache=True, nogil=True)
def _project(
    gram: Doubles, sums: Doubles, n_treated: Indices, n_control: Indices, level: Indices, wells: Indices, out: Doubles
) -> None:
    n_blocks, n_wells = len(n_treated), len(gram)
    # Products of each well with the way of each block. That is the sum over treated wells of level times the difference
    # from the center, so a treated well counts with its level and, because it is no control, once more with `share`.
    way, total = np.empty((n_blocks, n_wells)), np.zeros(n_wells)
    slot = 0
    for block in range(n_blocks):
        stop = slot + n_treated[block]
        share = level[slot:stop].sum() / n_control[block]
        for j in range(n_wells):
            way[block, j] = -share * sums[block, j]
        for i in range(slot, stop):
            weight, row = level[i] + share, gram[wells[i]]
            for j in range(n_wells):
                way[block, j] += weight * row[j]
        for j in range(n_wells):
            total[j] += way[block, j]
        slot = stop
    start, slot = 0, 0
    for block in range(n_blocks):
        stop = start + n_treated[block] + n_control[block]
        middle = 0.0
        for i in range(start, stop):
            out[i] = total[i] - way[block, i]
            middle += out[i]
        for i in range(slot, slot + n_treated[block]):
            middle -= out[wells[i]]
        middle /= n_control[block]
        squared = _squared(way, block, n_treated, n_control, level, wells)
        length = np.sqrt(squared) if squared > 0 else np.inf
        for i in range(start, stop):
            out[i] = (out[i] - middle) / length
        start, slot = stop, slot + n_treated[block]


@nb.njit(cache=True, nogil=True)
def _squared(
    way: Doubles, left_out: int, n_treated: Indices, n_control: Indices, level: Indices, wells: Indices
) -> float:
    """Return the squared length of the sum of the ways of all blocks but one."""
    squared = 0.0
    start, slot = 0, 0
    for block in range(len(way)):
        stop, last = start + n_treated[block] + n_control[block], slot + n_treated[block]
        if block != left_out:
            share = level[slot:last].sum() / n_control[block]
            for other in range(len(way)):
                if other != left_out:
                    for i in range(slot, last):
                        squared += (level[i] + share) * way[other, wells[i]]
                    for j in range(start, stop):
                        squared -= share * way[other, j]
        start, slot = stop, last
    return squared
