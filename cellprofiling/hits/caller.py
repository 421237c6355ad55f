"""The permutation test, the same for perturbations and for the control wells of an audit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cellprofiling.hits.design import Design, Pool, content_rank, read_pool
from cellprofiling.hits.methods import METHODS, MOST_WELLS, Products
from cellprofiling.kernels.permutation import (
    every_assignment,
    exact_p_value,
    n_assignments,
    p_value,
    random_assignments,
)

CONTROL_FITS = ("refit", "as_given")


@dataclass(frozen=True)
class Caller:
    """How to test: the screen, the statistic, how often to permute, and whether controls are fitted anew each time."""

    design: Design
    method: str
    permutations: int
    seed: int
    refit: bool
    _assignments: dict = field(default_factory=dict)

    def test_all(self, pairs: list[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> list[dict]:
        """Return the test of each pair (treated wells, control wells), in the order given."""
        rank = content_rank(self.design.x)
        x = plate_scaled(self.design) if self.refit else self.design.unit
        products = Products.of(x, self.design.is_control)
        for pool in (pools := [read_pool(self.design, *pair, rank) for pair in pairs]):
            self._draw(pool)
        with ThreadPoolExecutor() as threads:
            return list(threads.map(partial(self._test, products), pools))

    def _test(self, products: Products, pool: Pool) -> dict:
        n_plates = len(pool.n_treated)
        counts = {"n_wells": int(pool.n_treated.sum()), "n_plates": n_plates, "n_controls": int(pool.n_control.sum())}
        nothing = {"score": np.nan, "statistic": np.nan, "p_value": np.nan, "p_floor": np.nan}
        if counts["n_wells"] < 2:
            return nothing | counts | {"n_permutations": 0, "null_scheme": "none: one well has no replicate"}
        method = METHODS[self.method]
        tested, chosen, exact, scheme = self._draw(pool)
        statistic = method.prepare(products, tested, self.refit)
        observed = statistic(tested.treated[None])[0]
        if exact:
            p, n_drawn, p_floor = exact_p_value(observed, statistic(chosen)), len(chosen), 1 / len(chosen)
        else:
            (p, n_drawn), p_floor = p_value(observed, chosen, statistic), 1 / (len(chosen) + 1)
        found = {"score": method.score(self.design, pool), "statistic": observed, "p_value": p, "p_floor": p_floor}
        return found | counts | {"n_permutations": n_drawn, "null_scheme": scheme}

    def _draw(self, pool: Pool) -> tuple[Pool, NDArray[np.intp], bool, str]:
        """Return the pool as tested, the assignments of its design, whether they are all, and the words for it.

        The random numbers depend on the seed and the design alone: not on names, row order or threads.
        """
        tested = _first_plates(pool)
        layout = (tuple(tested.n_treated.tolist()), tuple(tested.n_control.tolist()))
        if layout not in self._assignments:
            exact = n_assignments(tested.n_treated, tested.n_control) <= self.permutations
            if exact:
                chosen = every_assignment(tested.n_treated, tested.n_control)
            else:
                rng = np.random.default_rng([self.seed, *layout[0], *layout[1]])
                chosen = random_assignments(tested.n_treated, tested.n_control, self.permutations, rng)
            self._assignments[layout] = (chosen, exact)
        chosen, exact = self._assignments[layout]
        return tested, chosen, exact, self._scheme(pool, tested, len(chosen), exact)

    def _scheme(self, pool: Pool, tested: Pool, n: int, exact: bool) -> str:
        words = [f"all {n}" if exact else f"up to {n} random", "assignments of wells within plates"]
        if len(tested.n_treated) < len(pool.n_treated):
            words.append(f"on {len(tested.n_treated)} of {len(pool.n_treated)} plates")
        return " ".join(words) + (", controls refitted in each" if self.refit else ", controls as given")


def plate_scaled(design: Design) -> NDArray[np.float64]:
    """Return profiles in units of the spread of all wells of their plate, about the median of all wells.

    Both are the same whichever wells of the plate carry the label, so they do not disturb a permutation test.
    The spread is the median absolute deviation, or the standard deviation where more than half of the wells tie.
    """
    scaled = np.empty_like(design.x)
    for plate in np.unique(design.plate):
        rows = design.plate == plate
        centered = design.x[rows] - np.median(design.x[rows], axis=0)
        spread = np.median(np.abs(centered), axis=0)
        spread = np.where(spread > 0, spread, centered.std(axis=0))
        scaled[rows] = np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0)
    return scaled


def _first_plates(pool: Pool) -> Pool:
    """Return the part of a pool whose Gram matrix fits: its first plates, all of them almost always."""
    sizes = pool.n_treated + pool.n_control
    kept = max(1, int((np.cumsum(sizes) <= MOST_WELLS).sum()))
    while kept < len(sizes) and pool.n_treated[:kept].sum() < 2:
        kept += 1
    return Pool(pool.wells[: sizes[:kept].sum()], pool.n_treated[:kept], pool.n_control[:kept])
