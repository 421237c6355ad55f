"""Whole wells permuted inside blocks, and the p-value that comes of it.

A design is a list of blocks (plates). Block b holds `n_treated[b] + n_control[b]` wells, of which `n_treated[b]` carry
the label. Wells are numbered through the blocks: first all of block 0, then all of block 1, and so on.
"""

from itertools import combinations, product
from math import comb, prod

import numba as nb
import numpy as np
from numpy.typing import NDArray

TIE = 1e-9  # statistics are means of fractions: equal ones may differ by rounding


def n_assignments(n_treated: NDArray[np.intp], n_control: NDArray[np.intp]) -> int:
    """Return in how many ways the labels can be laid on the wells, inside blocks."""
    return prod(comb(int(t + c), int(t)) for t, c in zip(n_treated, n_control, strict=True))


def every_assignment(n_treated: NDArray[np.intp], n_control: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return all assignments, shape (n_assignments, total treated): the wells that carry the label, block by block."""
    sizes = n_treated + n_control
    starts = np.cumsum(sizes) - sizes
    in_block = [
        [tuple(start + well for well in chosen) for chosen in combinations(range(size), int(treated))]
        for start, size, treated in zip(starts, sizes, n_treated, strict=True)
    ]
    return np.array([sum(parts, ()) for parts in product(*in_block)], dtype=np.intp)


def random_assignments(
    n_treated: NDArray[np.intp], n_control: NDArray[np.intp], n_draws: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return random assignments, shape (n_draws, total treated), each drawn uniformly and independently."""
    sizes = n_treated + n_control
    starts = np.cumsum(sizes) - sizes
    parts = [
        start + _draw_subsets(int(size), rng.random((n_draws, int(treated))))
        for start, size, treated in zip(starts, sizes, n_treated, strict=True)
    ]
    return np.concatenate(parts, axis=1)


@nb.njit(cache=True, nogil=True)
def _draw_subsets(size: int, uniform: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return one subset of range(size) for each row of uniform numbers: the head of a Fisher-Yates shuffle."""
    n_draws, n_chosen = uniform.shape
    chosen = np.empty((n_draws, n_chosen), dtype=np.intp)
    for draw in range(n_draws):
        deck = np.arange(size)
        for i in range(n_chosen):
            j = i + int(uniform[draw, i] * (size - i))
            deck[i], deck[j] = deck[j], deck[i]
            chosen[draw, i] = deck[i]
    return chosen


def p_value(observed: float, null: NDArray[np.float64], *, exact: bool) -> float:
    """Return the chance of a statistic at least as large as `observed` under the null.

    Parameters
    ----------
    null : the statistic of random assignments, or of every assignment (the observed one among them) if `exact`.

    Notes
    -----
    Random draws give (b + 1) / (m + 1), b of m draws being at least as large; ties count against the observation.
    All assignments give b / m, the same formula with the observed assignment taken out of the m.

    References
    ----------
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585
    """
    at_least = int((null >= observed - TIE).sum())
    return at_least / len(null) if exact else (at_least + 1) / (len(null) + 1)
