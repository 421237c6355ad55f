"""Whole wells permuted inside blocks, and the p-value that comes of it.

A design is a list of blocks (plates). Block b holds `n_treated[b] + n_control[b]` wells, of which `n_treated[b]` carry
the label. Wells are numbered through the blocks: first all of block 0, then all of block 1, and so on.
"""

from collections.abc import Callable
from itertools import combinations, product
from math import comb, prod

import numba as nb
import numpy as np
from numpy.typing import NDArray

TIE = 1e-9  # statistics are means of fractions: equal ones may differ by rounding
ENOUGH = 50  # draws at least as large as the observed; a p-value is then known to about a seventh of itself
PORTION = 100  # draws at first; each time twice as many as before


def n_assignments(n_treated: NDArray[np.intp], n_control: NDArray[np.intp]) -> int:
    """Return in how many ways the labels can be laid on the wells, inside blocks."""
    return prod(comb(int(t + c), int(t)) for t, c in zip(n_treated, n_control, strict=True))


def chance_of_treated(n_treated: NDArray[np.intp], n_control: NDArray[np.intp]) -> float:
    """Return the chance that a random assignment gives the label to at least one treated well.

    Only such an assignment sets one perturbation apart from another with the same controls.
    """
    of_controls = [comb(int(c), int(t)) / comb(int(t + c), int(t)) for t, c in zip(n_treated, n_control, strict=True)]
    return 1 - prod(of_controls)


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


def p_value(
    observed: float, assignments: NDArray[np.intp], statistic: Callable[[NDArray[np.intp]], NDArray[np.float64]]
) -> tuple[float, int]:
    """Return the chance of a statistic at least as large as `observed` under the null, and the assignments it took.

    Parameters
    ----------
    assignments : random ones, shape (n_draws, total treated).
    statistic : its values for some of them.

    Notes
    -----
    With m draws of which b score at least as high, p = (b + 1) / (m + 1); ties count against the observation. Drawing
    stops at the 50th such draw; if that was the L-th, p = 50 / L. Such a sequential p-value is as valid as that of
    all draws, and known to about a seventh of itself, while a perturbation that does nothing costs some hundred draws.

    References
    ----------
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585;
    Besag and Clifford, Biometrika 78, 301 (1991), https://doi.org/10.1093/biomet/78.2.301
    """
    at_least = np.zeros(0, dtype=bool)
    portion = PORTION
    while len(at_least) < len(assignments):
        null = statistic(assignments[len(at_least) : len(at_least) + portion])
        at_least = np.concatenate([at_least, null >= observed - TIE])
        portion *= 2
        if at_least.sum() >= ENOUGH:
            n_draws = int(np.flatnonzero(at_least)[ENOUGH - 1]) + 1
            return ENOUGH / n_draws, n_draws
    return (int(at_least.sum()) + 1) / (len(at_least) + 1), len(at_least)


def sequential_p_value(observed: float, null: NDArray[np.float64]) -> tuple[float, int]:
    """Return the p-value of `p_value` from statistics that are known already, and how many of them it took."""
    at_least = np.flatnonzero(null >= observed - TIE)
    if len(at_least) >= ENOUGH:
        n_draws = int(at_least[ENOUGH - 1]) + 1
        return ENOUGH / n_draws, n_draws
    return (len(at_least) + 1) / (len(null) + 1), len(null)


def exact_p_value(observed: float, null: NDArray[np.float64]) -> float:
    """Return the share of all assignments, the observed one among them, that score at least as high."""
    return float((null >= observed - TIE).mean())
