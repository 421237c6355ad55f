"""The assignments of a design, and what they score: once for all perturbations where only controls are chosen."""

from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from cellprofiling.hits.calling.families import Family
from cellprofiling.hits.calling.statistics import Statistic
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import (
    Assignments,
    chance_of_treated,
    lay_assignments,
    n_assignments,
    random_assignments,
)

OF_CONTROLS = "draws of control wells within plates, shared"
SHARED = 0.10  # chance of a treated well among those drawn below which draws of controls alone make the null


@dataclass(frozen=True)
class FamilyAssignments:
    """Ways to lay the labels of a family of tests.

    Attributes
    ----------
    laid : the test that they give. Wells are numbered plate by plate, treated ones before controls; with `draws` an
        assignment is the number of a draw.
    draws : control wells that carry the label, shape (n_draws, n_treated), where controls alone are drawn, so that
        perturbations with the same controls have one null; else None.
    """

    laid: Assignments
    draws: Indices | None


def lay_family(family: Family, permutations: int, seed: int) -> FamilyAssignments:
    """Return the assignments of a family; they depend on the seed and on how many wells stand on each plate alone.

    Notes
    -----
    The labels of treated wells and controls are laid anew in each assignment. Where controls are many, few assignments
    choose a treated well at all; leaving these out, and the treated wells with them, changes p-values by less than that
    share of them, and one null serves all perturbations.
    """
    n_treated, n_control = family.n_treated, family.n_control
    few = n_assignments(n_treated, n_control) <= permutations
    if few or not family.are_new or chance_of_treated(n_treated, n_control) >= SHARED:
        return FamilyAssignments(lay_assignments(n_treated, n_control, permutations, seed), None)
    rng = np.random.default_rng([seed, *n_treated.tolist(), *n_control.tolist()])
    draws = random_assignments(n_treated, n_control - n_treated, permutations, rng)
    return FamilyAssignments(Assignments(np.arange(len(draws)), exact=False, units=OF_CONTROLS), draws)


@dataclass
class SharedNull:
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
