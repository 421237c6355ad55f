"""By how much a metric changes where wells leave or join the controls that it was fitted on.

With `omega` the weight of one control in the covariance that gave the metric A, wells V that leave or join the controls
make it A' = A + V'EV, whose inverse needs inner products with these wells only (Woodbury):

    x A'^-1 y = x y - (Vx)' M (Vy),   M = (I + E V V')^-1 E,   in coordinates in which A is the identity.
"""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices

LEAST_PIVOT = 1e-9  # below it a well is all there is in some direction: without it, nothing would be known there


@nb.njit(cache=True, nogil=True, error_model="numpy")
def changed_wells(
    starts: Indices, chosen: Indices, chosen_starts: Indices, n_new: Indices
) -> tuple[Indices, Doubles, Indices]:
    """Return the wells that leave (-1) or join (+1) the controls in an assignment, these signs, and their blocks."""
    most = len(chosen) + n_new.sum()
    wells, block = np.empty(most, dtype=np.intp), np.empty(most, dtype=np.intp)
    sign = np.empty(most)
    n = 0
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        first_base = starts[b] + n_new[b]
        for k in inside:
            if k >= first_base:
                wells[n], sign[n], block[n] = k, -1.0, b
                n += 1
        for k in range(starts[b], first_base):
            if not np.any(inside == k):
                wells[n], sign[n], block[n] = k, 1.0, b
                n += 1
    return wells[:n], sign[:n], block[:n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def metric_change(
    gram: Doubles,
    wells: Indices,
    sign: Doubles,
    block: Indices,
    starts: Indices,
    chosen_starts: Indices,
    omega: float,
) -> Doubles:
    """Return M = (I + E V V')^-1 E for the wells V that leave or join the controls, shape (n_changed, n_changed).

    The scatter of a block about its own mean changes by sum s xx' - ss'/n, with s the signs, x the wells as seen from
    the mean of the base controls, and n the number of controls that there are then.
    """
    n = len(wells)
    change = np.zeros((n, n))
    for i in range(n):
        b = block[i]
        n_controls = starts[b + 1] - starts[b] - (chosen_starts[b + 1] - chosen_starts[b])
        for j in range(n):
            if block[j] == b:
                change[i, j] = -omega * sign[i] * sign[j] / n_controls
        change[i, i] += omega * sign[i]
    system = np.zeros((n, n))
    for i in range(n):
        system[i, i] = 1.0
        for k in range(n):
            if change[i, k] != 0.0:
                for j in range(n):
                    system[i, j] += change[i, k] * gram[wells[k], wells[j]]
    _solve(system, change)
    return change


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _solve(system: Doubles, right: Doubles) -> None:
    """Solve system x = right in place by elimination with pivots; `right` becomes x."""
    n = len(system)
    for i in range(n):
        best = i
        for k in range(i + 1, n):
            if abs(system[k, i]) > abs(system[best, i]):
                best = k
        if best != i:
            for j in range(n):
                system[i, j], system[best, j] = system[best, j], system[i, j]
                right[i, j], right[best, j] = right[best, j], right[i, j]
        pivot = system[i, i]
        if abs(pivot) < LEAST_PIVOT:
            pivot = LEAST_PIVOT
        for k in range(i + 1, n):
            factor = system[k, i] / pivot
            if factor != 0.0:
                for j in range(i, n):
                    system[k, j] -= factor * system[i, j]
                for j in range(n):
                    right[k, j] -= factor * right[i, j]
        system[i, i] = pivot
    for i in range(n - 1, -1, -1):
        for j in range(n):
            value = right[i, j]
            for k in range(i + 1, n):
                value -= system[i, k] * right[k, j]
            right[i, j] = value / system[i, i]
