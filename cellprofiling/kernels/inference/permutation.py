"""Whole wells permuted inside blocks, and the p-value that comes of it.

A design is a list of blocks (plates). Block b holds `n_treated[b] + n_control[b]` wells, of which `n_treated[b]` carry
the label. Wells are numbered through the blocks: first all of block 0, then all of block 1, and so on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

TIE = 1e-9  # statistics are means of fractions: equal ones may differ by rounding
ENOUGH = 50  # draws at least as large as the observed; a p-value is then known to about a seventh of itself
PORTION = 100  # draws at first; each time twice as many as before

OF_WELLS = "assignments of wells within plates"


class PermutationTest(NamedTuple):
    """What a permutation test says.

    Attributes
    ----------
    p_value : the chance of a statistic at least as large as the observed one, ties counted.
    p_floor : the smallest p-value that these assignments can give.
    n_assignments : how many were looked at: all there are, or random ones until the p-value was known well enough.
    exact : whether these are all there are.
    scheme : what was permuted and how often at most, in words.
    """

    p_value: float
    p_floor: float
    n_assignments: int
    exact: bool
    scheme: str


@dataclass(frozen=True)
class Assignments:
    """Ways to lay labels on units, all there are or random ones, and the test that comes of them.

    Attributes
    ----------
    chosen : the units that carry the label, shape (n_assignments, total treated), or numbers that stand for them.
    exact : whether these are all assignments there are, the observed one among them.
    units : what one of them is, in words, in the plural.

    Examples
    --------
    >>> values = np.array([3.0, 0.0, 1.0, 2.0])
    >>> laid = lay_assignments(np.array([1]), np.array([3]), 100, 0)
    >>> test = laid.test(3.0, lambda chosen: values[chosen].sum(axis=1))
    >>> test.p_value, test.p_floor, test.scheme
    (0.25, 0.25, 'all 4 assignments of wells within plates')
    """

    chosen: NDArray[np.intp]
    exact: bool
    units: str = OF_WELLS

    @property
    def p_floor(self) -> float:
        """The smallest p-value they can give: an observation that none of them reaches is still one of them."""
        return 1 / len(self.chosen) if self.exact else 1 / (len(self.chosen) + 1)

    @property
    def scheme(self) -> str:
        """What they are, in words."""
        return f"all {len(self.chosen)} {self.units}" if self.exact else f"up to {len(self.chosen)} random {self.units}"

    def test(self, observed: float, statistic: Callable[[NDArray[np.intp]], NDArray[np.float64]]) -> PermutationTest:
        """Return the test of an observed value; `statistic` takes some rows of `chosen` and gives one value for each.

        All assignments are looked at if they are all there are; random ones until `p_value` has enough.
        """
        if self.exact:
            return self.test_against(observed, statistic(self.chosen))
        return self._as_test(*p_value(observed, self.chosen, statistic))

    def test_against(self, observed: float, null: NDArray[np.float64]) -> PermutationTest:
        """Return the test of an observed value against the statistics of all rows of `chosen`, known already."""
        if self.exact:
            return self._as_test(exact_p_value(observed, null), len(null))
        return self._as_test(*sequential_p_value(observed, null))

    def _as_test(self, p: float, n: int) -> PermutationTest:
        return PermutationTest(p, self.p_floor, n, self.exact, self.scheme)


def lay_assignments(
    n_treated: NDArray[np.intp],
    n_control: NDArray[np.intp],
    permutations: int,
    seed: int | np.random.Generator,
    *,
    units: str = OF_WELLS,
) -> Assignments:
    """Return all assignments of a design, or as many random ones as `permutations` where there are more.

    Parameters
    ----------
    n_treated, n_control : units with and without the label in each block.
    permutations : assignments drawn at most; a design with no more is enumerated.
    seed : of the draws, which depend on it and on the design, and on nothing else; or the generator that draws.
    units : what one assignment is, in words, in the plural.
    """
    if n_assignments(n_treated, n_control) <= permutations:
        return Assignments(every_assignment(n_treated, n_control), exact=True, units=units)
    rng = (
        seed
        if isinstance(seed, np.random.Generator)
        else np.random.default_rng([seed, *n_treated.tolist(), *n_control.tolist()])
    )
    return Assignments(random_assignments(n_treated, n_control, permutations, rng), exact=False, units=units)


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
