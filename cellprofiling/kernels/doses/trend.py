"""How much of the spread of a response a monotone function of the dose explains, for many assignments of wells."""

from collections.abc import Iterator
from itertools import combinations, product
from math import factorial, prod
from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices


class Trial(NamedTuple):
    """The wells of one compound and the controls of their plates.

    Wells are numbered plate after plate. An assignment says which wells are treated: one well per slot, the slots of
    the first plate first; `level` says which dose a slot has, 1 for the lowest. All other wells are controls, level 0.

    Attributes
    ----------
    response : of each well.
    n_treated, n_control : how many of each, per plate.
    level : dose level of each slot.
    """

    response: Doubles
    n_treated: Indices
    n_control: Indices
    level: Indices

    @property
    def own(self) -> Indices:
        """The arrangement made in the laboratory: the first wells of each plate, in the order of the slots."""
        sizes = self.n_treated + self.n_control
        starts = np.cumsum(sizes) - sizes
        wells = [np.arange(start, start + n) for start, n in zip(starts, self.n_treated, strict=True)]
        return np.concatenate(wells).astype(np.intp)

    @property
    def slots(self) -> list[Indices]:
        """The dose levels on each plate."""
        return np.split(self.level, np.cumsum(self.n_treated)[:-1])


def n_arrangements(trial: Trial) -> int:
    """Return in how many ways the doses of a trial, controls included, can be laid on its wells, inside plates."""
    total = 1
    for slots, n_control in zip(trial.slots, trial.n_control, strict=True):
        same = prod(factorial(int(n)) for n in np.unique(slots, return_counts=True)[1])
        total *= factorial(len(slots) + int(n_control)) // (same * factorial(int(n_control)))
    return total


def every_arrangement(trial: Trial) -> Indices:
    """Return all arrangements, shape (n_arrangements, n_slots)."""
    sizes = trial.n_treated + trial.n_control
    starts = np.cumsum(sizes) - sizes
    in_plate = [
        list(_placed(tuple(slots.tolist()), tuple(range(start, start + size))))
        for slots, start, size in zip(trial.slots, starts.tolist(), sizes.tolist(), strict=True)
    ]
    return np.array([sum(parts, ()) for parts in product(*in_plate)], dtype=np.intp)


def _placed(slots: tuple[int, ...], wells: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Give every choice of wells for slots that stand in the order of their level."""
    if not slots:
        yield ()
        return
    n_same = slots.count(slots[0])
    for chosen in combinations(wells, n_same):
        rest = tuple(well for well in wells if well not in chosen)
        for others in _placed(slots[n_same:], rest):
            yield chosen + others


def monotone_shares(trial: Trial, arrangements: Indices, two_sided: bool) -> Doubles:
    """Return the share of the sum of squares that the best monotone function of the dose explains: 0 to 1.

    Parameters
    ----------
    trial : a response, and how many wells have which dose.
    arrangements : shape (n_arrangements, n_slots).
    two_sided : whether falling functions count too, or rising ones alone.

    Notes
    -----
    In each arrangement the mean of the wells that are controls in it is subtracted, plate by plate; then the means of
    the levels, controls first, are replaced by the closest rising ones (pool adjacent violators). The share is
    Bartholomew's statistic E-bar-squared. A response without spread has the share 0.

    References
    ----------
    Bartholomew, Biometrika 46, 36 (1959), https://doi.org/10.1093/biomet/46.1-2.36;
    Robertson, Wright and Dykstra, Order Restricted Statistical Inference (Wiley 1988), ISBN 978-0-471-91787-8
    """
    # Around the mean of all wells, so that large numbers with a small spread lose no digits to the sums of squares.
    centered = trial.response - trial.response.mean()
    scale = np.abs(centered).max(initial=0.0)
    noise = 64 * np.finfo(np.float64).eps * np.abs(trial.response).max(initial=0.0)
    if scale <= noise:
        return np.zeros(len(arrangements))
    return _shares(centered / scale, trial.n_treated, trial.n_control, trial.level, arrangements, two_sided)


@nb.njit(cache=True, nogil=True)
def _shares(
    y: Doubles, n_treated: Indices, n_control: Indices, level: Indices, arrangements: Indices, two_sided: bool
) -> Doubles:
    n_levels = level.max() + 1
    totals, squares = np.zeros(len(n_treated)), 0.0
    start = 0
    for plate in range(len(n_treated)):
        stop = start + n_treated[plate] + n_control[plate]
        for well in range(start, stop):
            totals[plate] += y[well]
            squares += y[well] ** 2
        start = stop
    counts = np.zeros(n_levels)
    counts[0] = n_control.sum()
    for slot in range(len(level)):
        counts[level[slot]] += 1
    found = np.empty(len(arrangements))
    for row in range(len(arrangements)):
        sums = np.zeros(n_levels)
        left, slot = squares, 0
        for plate in range(len(n_treated)):
            first, treated = slot, 0.0
            for slot in range(first, first + n_treated[plate]):
                treated += y[arrangements[row, slot]]
            center = (totals[plate] - treated) / n_control[plate]
            # The sum of squares about `center` of all wells of the plate, from the one about zero.
            left += -2 * center * totals[plate] + (n_treated[plate] + n_control[plate]) * center**2
            for i in range(first, first + n_treated[plate]):
                sums[level[i]] += y[arrangements[row, i]] - center
            slot = first + n_treated[plate]
        middle = sums.sum() / counts.sum()
        left -= counts.sum() * middle**2
        explained = explained_by_rise(sums, counts, middle)
        if two_sided:
            explained = max(explained, explained_by_rise(-sums, counts, -middle))
        found[row] = explained / left if left > 0 else 0.0
    return found


@nb.njit(cache=True, nogil=True)
def explained_by_rise(sums: Doubles, counts: Doubles, middle: float) -> float:
    """Return the sum of squares between levels that a rising function explains: pool adjacent violators.

    Parameters
    ----------
    sums, counts : of the responses of each level.
    middle : mean of all responses.
    """
    block_sum, block_n = np.empty(len(sums)), np.empty(len(sums))
    n = 0
    for level in range(len(sums)):
        if counts[level] == 0:
            continue
        block_sum[n], block_n[n] = sums[level], counts[level]
        n += 1
        while n > 1 and block_sum[n - 2] / block_n[n - 2] >= block_sum[n - 1] / block_n[n - 1]:
            block_sum[n - 2] += block_sum[n - 1]
            block_n[n - 2] += block_n[n - 1]
            n -= 1
    explained = 0.0
    for i in range(n):
        explained += block_n[i] * (block_sum[i] / block_n[i] - middle) ** 2
    return explained
