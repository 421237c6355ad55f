"""What was fitted on control wells, fitted anew for another choice of control wells, from inner products alone.

Wells are ordered by block (plate). In each assignment some wells are *chosen* (they carry the label) and the others of
their block are its controls. The *base* controls are those that the profiles were centered and whitened on: block by
block their mean is the origin, and their covariance gave the metric. With `omega` the weight of one well in that
covariance (0 if the metric does not depend on controls), wells that leave or join the controls change the metric A by a
matrix of low rank, A' = A + V'EV, whose inverse needs inner products with these wells only (Woodbury):

    x A'^-1 y = x y - (Vx)' M (Vy),   M = (I + E V V')^-1 E,   in coordinates in which A is the identity.
"""

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Starts = NDArray[np.intp]

LEAST_PIVOT = 1e-9  # below it a well is all there is in some direction: without it, nothing would be known there


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
    n_new : how many wells of each block, the first ones, are no base controls, shape (n_blocks,).
    omega : weight of one base control in the covariance that gave the metric.
    """

    gram: Doubles
    starts: Starts
    chosen_starts: Starts
    sums: Doubles
    between: Doubles
    squares: Doubles
    n_new: NDArray[np.intp]
    omega: float

    @classmethod
    def of(
        cls,
        gram: Doubles,
        sizes: NDArray[np.intp],
        n_treated: NDArray[np.intp],
        n_new: NDArray[np.intp] | None = None,
        omega: float = 0.0,
    ) -> "Blocks":
        """Return the blocks of wells with these inner products, from the sizes of blocks and their treated wells."""
        starts, chosen_starts = (np.concatenate([[0], np.cumsum(n)]).astype(np.intp) for n in (sizes, n_treated))
        sums = np.add.reduceat(gram, starts[:-1], axis=0)
        between = np.add.reduceat(sums, starts[:-1], axis=1)
        new = np.zeros(len(sizes), dtype=np.intp) if n_new is None else np.asarray(n_new, dtype=np.intp)
        return cls(gram, starts, chosen_starts, sums, between, np.diagonal(gram).copy(), new, float(omega))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def assemble(
    controls: Doubles, within: Doubles, across: Doubles, n_treated: NDArray[np.intp], n_control: NDArray[np.intp]
) -> Doubles:
    """Return the inner products of treated wells and controls, plate by plate, treated wells before controls.

    Parameters
    ----------
    controls, within : inner products of controls, and of treated wells, both plate by plate.
    across : of treated wells with controls, shape (n_treated, n_controls).
    n_treated, n_control : how many stand on each plate.
    """
    n, m = len(within), len(controls)
    treated_at, control_at = np.empty(n, dtype=np.intp), np.empty(m, dtype=np.intp)
    place = i = j = 0
    for b in range(len(n_treated)):
        for _ in range(n_treated[b]):
            treated_at[i] = place
            place += 1
            i += 1
        for _ in range(n_control[b]):
            control_at[j] = place
            place += 1
            j += 1
    gram = np.empty((n + m, n + m))
    for i in range(n):
        for k in range(n):
            gram[treated_at[i], treated_at[k]] = within[i, k]
        for j in range(m):
            gram[treated_at[i], control_at[j]] = across[i, j]
            gram[control_at[j], treated_at[i]] = across[i, j]
    for j in range(m):
        for k in range(m):
            gram[control_at[j], control_at[k]] = controls[j, k]
    return gram


@nb.njit(cache=True, nogil=True, error_model="numpy")
def place_origins(
    gram: Doubles,
    sums: Doubles,
    between: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    across: Doubles,
    origins: Doubles,
) -> None:
    """Fill the inner products of the origins that an assignment leaves: block sums less the chosen wells.

    Parameters
    ----------
    across : shape (n_blocks, n_chosen); of each origin with each chosen well.
    origins : shape (n_blocks, n_blocks); of origins with each other.
    """
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        n_controls = starts[b + 1] - starts[b] - len(inside)
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


@nb.njit(cache=True, nogil=True, error_model="numpy")
def changed_wells(
    starts: Starts, chosen: NDArray[np.intp], chosen_starts: Starts, n_new: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Doubles, NDArray[np.intp]]:
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
    wells: NDArray[np.intp],
    sign: Doubles,
    block: NDArray[np.intp],
    starts: Starts,
    chosen_starts: Starts,
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


@nb.njit(cache=True, nogil=True, error_model="numpy")
def origin_shares(
    gram: Doubles,
    sums: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    wells: NDArray[np.intp],
) -> Doubles:
    """Return the inner products of each origin with some wells, shape (n_blocks, len(wells))."""
    shares = np.empty((len(starts) - 1, len(wells)))
    for b in range(len(starts) - 1):
        inside = chosen[chosen_starts[b] : chosen_starts[b + 1]]
        n_controls = starts[b + 1] - starts[b] - len(inside)
        for j in range(len(wells)):
            total = sums[b, wells[j]]
            for k in inside:
                total -= gram[k, wells[j]]
            shares[b, j] = total / n_controls
    return shares


@nb.njit(cache=True, nogil=True, error_model="numpy")
def centered_products(
    gram: Doubles,
    sums: Doubles,
    between: Doubles,
    starts: Starts,
    chosen: NDArray[np.intp],
    chosen_starts: Starts,
    n_new: NDArray[np.intp],
    omega: float,
    refit: bool,
) -> Doubles:
    """Return inner products of the chosen wells, about the origins and in the metric of their assignment.

    Shape (n_chosen, n_chosen). Without `refit` the products stand as they are.
    """
    n = len(chosen)
    n_blocks = len(starts) - 1
    result = np.empty((n, n))
    for q in range(n):
        for r in range(n):
            result[q, r] = gram[chosen[q], chosen[r]]
    if not refit:
        return result
    across, origins = np.zeros((n_blocks, n)), np.zeros((n_blocks, n_blocks))
    place_origins(gram, sums, between, starts, chosen, chosen_starts, across, origins)
    own = np.empty(n, dtype=np.intp)
    for b in range(n_blocks):
        own[chosen_starts[b] : chosen_starts[b + 1]] = b
    for q in range(n):
        for r in range(n):
            result[q, r] += origins[own[q], own[r]] - across[own[r], q] - across[own[q], r]
    if omega == 0.0:
        return result
    wells, sign, block = changed_wells(starts, chosen, chosen_starts, n_new)
    change = metric_change(gram, wells, sign, block, starts, chosen_starts, omega)
    shares = origin_shares(gram, sums, starts, chosen, chosen_starts, wells)
    along = np.empty((n, len(wells)))
    for q in range(n):
        for j in range(len(wells)):
            along[q, j] = gram[wells[j], chosen[q]] - shares[own[q], j]
    for q in range(n):
        for j in range(len(wells)):
            step = 0.0
            for i in range(len(wells)):
                step += along[q, i] * change[i, j]
            for r in range(n):
                result[q, r] -= step * along[r, j]
    return result
