"""What was fitted on control wells, fitted anew for another choice of control wells, from inner products alone.

Wells are ordered by block (plate). In each assignment some wells are *chosen* (they carry the label) and the others of
their block are its controls. The *base* controls are those that the profiles were centered and whitened on: block by
block their mean is the origin, and their covariance gave the metric (see `kernels.metric`).
"""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.metric import changed_wells, metric_change


class Blocks(NamedTuple):
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
    omega : weight of one base control in the covariance that gave the metric, 0 if the metric knows no controls.
    """

    gram: Doubles
    starts: Indices
    chosen_starts: Indices
    sums: Doubles
    between: Doubles
    squares: Doubles
    n_new: Indices
    omega: float

    @classmethod
    def of(
        cls, gram: Doubles, sizes: Indices, n_treated: Indices, n_new: Indices | None = None, omega: float = 0.0
    ) -> "Blocks":
        """Return the blocks of wells with these inner products, from the sizes of blocks and their treated wells."""
        starts, chosen_starts = (np.concatenate([[0], np.cumsum(n)]).astype(np.intp) for n in (sizes, n_treated))
        sums = np.add.reduceat(gram, starts[:-1], axis=0)
        between = np.add.reduceat(sums, starts[:-1], axis=1)
        new = np.zeros(len(sizes), dtype=np.intp) if n_new is None else np.asarray(n_new, dtype=np.intp)
        return cls(gram, starts, chosen_starts, sums, between, np.diagonal(gram).copy(), new, float(omega))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def assemble(controls: Doubles, within: Doubles, across: Doubles, n_treated: Indices, n_control: Indices) -> Doubles:
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
def origin_shares(blocks: Blocks, chosen: Indices, wells: Indices) -> Doubles:
    """Return the inner products of each origin with some wells, shape (n_blocks, len(wells)).

    The origin of a block is the mean of the controls that an assignment leaves: its sum less its chosen wells.
    """
    n_blocks = len(blocks.starts) - 1
    shares = np.empty((n_blocks, len(wells)))
    for b in range(n_blocks):
        inside = chosen[blocks.chosen_starts[b] : blocks.chosen_starts[b + 1]]
        n_controls = blocks.starts[b + 1] - blocks.starts[b] - len(inside)
        for j in range(len(wells)):
            taken = 0.0
            for k in inside:
                taken += blocks.gram[k, wells[j]]
            shares[b, j] = (blocks.sums[b, wells[j]] - taken) / n_controls
    return shares


@nb.njit(cache=True, nogil=True, error_model="numpy")
def origin_products(blocks: Blocks, chosen: Indices, across: Doubles) -> Doubles:
    """Return the inner products of the origins, shape (n_blocks, n_blocks), from theirs with the chosen wells."""
    n_blocks = len(blocks.starts) - 1
    origins = np.empty((n_blocks, n_blocks))
    n_controls = np.diff(blocks.starts) - np.diff(blocks.chosen_starts)
    for a in range(n_blocks):
        for b in range(n_blocks):
            total = blocks.between[a, b]
            for q in range(blocks.chosen_starts[b], blocks.chosen_starts[b + 1]):
                total -= blocks.sums[a, chosen[q]]
            total /= n_controls[b]
            for q in range(blocks.chosen_starts[a], blocks.chosen_starts[a + 1]):
                total -= across[b, q]
            origins[a, b] = total / n_controls[a]
    return origins


@nb.njit(cache=True, nogil=True, error_model="numpy")
def centered_products(blocks: Blocks, chosen: Indices, refit: bool) -> Doubles:
    """Return inner products of the chosen wells, about the origins and in the metric of their assignment.

    Shape (n_chosen, n_chosen). Without `refit` the products stand as they are.
    """
    n = len(chosen)
    result = np.empty((n, n))
    for q in range(n):
        for r in range(n):
            result[q, r] = blocks.gram[chosen[q], chosen[r]]
    if not refit:
        return result
    across = origin_shares(blocks, chosen, chosen)
    origins = origin_products(blocks, chosen, across)
    own = np.empty(n, dtype=np.intp)
    for b in range(len(blocks.starts) - 1):
        own[blocks.chosen_starts[b] : blocks.chosen_starts[b + 1]] = b
    for q in range(n):
        for r in range(n):
            result[q, r] += origins[own[q], own[r]] - across[own[r], q] - across[own[q], r]
    if blocks.omega > 0.0:
        _bend(blocks, chosen, own, result)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _bend(blocks: Blocks, chosen: Indices, own: Indices, products: Doubles) -> None:
    """Take inner products of the chosen wells into the metric of their assignment."""
    wells, sign, block = changed_wells(blocks.starts, chosen, blocks.chosen_starts, blocks.n_new)
    change = metric_change(blocks.gram, wells, sign, block, blocks.starts, blocks.chosen_starts, blocks.omega)
    shares = origin_shares(blocks, chosen, wells)
    n = len(chosen)
    along = np.empty((n, len(wells)))
    for q in range(n):
        for j in range(len(wells)):
            along[q, j] = blocks.gram[wells[j], chosen[q]] - shares[own[q], j]
    for q in range(n):
        for j in range(len(wells)):
            step = 0.0
            for i in range(len(wells)):
                step += along[q, i] * change[i, j]
            for r in range(n):
                products[q, r] -= step * along[r, j]
