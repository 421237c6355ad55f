"""The assignments of a design, and what they score: once for all perturbations where only controls are chosen."""

from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from cellprofiling.hits.calling.shared_controls import Crew
from cellprofiling.hits.calling.statistics import Statistic
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import (
    chance_of_treated,
    every_assignment,
    n_assignments,
    random_assignments,
)

SHARED = 0.10  # chance of a treated well among those drawn below which draws of controls alone make the null


@dataclass(frozen=True)
class Assignments:
    """Ways to lay the labels of a design.

    Attributes
    ----------
    chosen : the wells that carry the label, shape (n_draws, n_treated). They are numbered plate by plate, treated wells
        before controls, or among controls alone if `shared`.
    shared : whether controls alone are drawn, so that perturbations with the same controls have one null.
    exact : whether these are all assignments there are.
    words : what they are, for people.
    """

    chosen: Indices
    shared: bool
    exact: bool
    words: str

    @property
    def p_floor(self) -> float:
        """The smallest p-value they can give."""
        return 1 / len(self.chosen) if self.exact else 1 / (len(self.chosen) + 1)


def read_assignments(crew: Crew, permutations: int, seed: int) -> Assignments:
    """Return the assignments of a crew; they depend on the seed and on how many wells stand on each plate alone.

    Notes
    -----
    The labels of treated wells and controls are laid anew in each assignment. Where controls are many, few assignments
    choose a treated well at all; leaving these out, and the treated wells with them, changes p-values by less than that
    share of them, and one null serves all perturbations.
    """
    n_treated, n_control = crew.n_treated, crew.n_control
    rng = np.random.default_rng([seed, *n_treated.tolist(), *n_control.tolist()])
    if n_assignments(n_treated, n_control) <= permutations:
        chosen = every_assignment(n_treated, n_control)
        return Assignments(chosen, False, True, f"all {len(chosen)} assignments of wells within plates")
    if crew.are_new and chance_of_treated(n_treated, n_control) < SHARED:
        chosen = random_assignments(n_treated, n_control - n_treated, permutations, rng)
        return Assignments(
            chosen, True, False, f"up to {permutations} random draws of control wells within plates, shared"
        )
    chosen = random_assignments(n_treated, n_control, permutations, rng)
    return Assignments(chosen, False, False, f"up to {permutations} random assignments of wells within plates")


@dataclass
class Shared:
    """The statistics of draws of controls, computed when they are first asked for.

    Attributes
    ----------
    chosen : the draws, wells numbered among controls.
    statistic : of such wells.
    """

    chosen: Indices
    statistic: Statistic
    _known: Doubles = field(init=False)
    _done: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Make room."""
        self._known = np.empty(len(self.chosen))

    def of(self, draws: Indices) -> Doubles:
        """Return the statistics of some consecutive draws."""
        with self._lock:
            first, last = self._done, int(draws[-1]) + 1
            if first < last:
                self._known[first:last] = self.statistic(self.chosen[first:last], -np.inf)
                self._done = last
        return self._known[draws[0] : draws[-1] + 1]
