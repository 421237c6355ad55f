"""Whether a response rises with the dose: wells of one compound and the controls of their plates, permuted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cellprofiling.hits.doses.compound import Compound
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.doses.projection import projected_shares
from cellprofiling.kernels.doses.trend import Trial, every_arrangement, monotone_shares, n_arrangements
from cellprofiling.kernels.inference.permutation import exact_p_value, p_value, random_assignments

Statistic = Callable[[Indices], Doubles]


@dataclass(frozen=True)
class Trend:
    """The result of a trend test.

    Attributes
    ----------
    share : of the sum of squares that the best monotone function of the dose explains.
    p_value, p_floor : the former, and the smallest that this design can reach.
    sign : 1 where the response rises, -1 where it falls.
    n_controls : on the plates of the compound.
    scheme : the words for the null.
    """

    share: float
    p_value: float
    p_floor: float
    sign: float
    n_controls: int
    scheme: str


@dataclass(frozen=True)
class TrendTest:
    """How to test: how often to permute at most, and the seed. Arrangements of a design are drawn once."""

    permutations: int
    seed: int
    rising: bool
    _drawn: dict = field(default_factory=dict)

    def test(self, compound: Compound) -> Trend:
        """Return the test of one compound."""
        trial = compound.trial
        arrangements, exact = self._draw(trial)
        own = trial.own[None]
        statistic: Statistic
        if compound.gram is None:
            statistic = partial(monotone_shares, trial, two_sided=not self.rising)
        else:
            statistic = partial(projected_shares, compound.gram, trial)
        observed = float(statistic(own)[0])
        if exact:
            p, p_floor = exact_p_value(observed, statistic(arrangements)), 1 / len(arrangements)
        else:
            p, p_floor = p_value(observed, arrangements, statistic)[0], 1 / (len(arrangements) + 1)
        rises = self.rising or float(monotone_shares(trial, own, two_sided=False)[0]) >= observed
        words = f"all {len(arrangements)}" if exact else f"up to {len(arrangements)} random"
        scheme = f"{words} arrangements of doses within plates, controls refitted in each"
        return Trend(observed, p, p_floor, 1.0 if rises else -1.0, int(trial.n_control.sum()), scheme)

    def _draw(self, trial: Trial) -> tuple[Indices, bool]:
        """Return the arrangements of a design, and whether they are all there are."""
        design = tuple(tuple(part.tolist()) for part in (trial.n_treated, trial.n_control, trial.level))
        if design not in self._drawn:
            exact = n_arrangements(trial) <= self.permutations
            if exact:
                drawn = every_arrangement(trial)
            else:
                rng = np.random.default_rng([self.seed, *design[0], *design[1], *design[2]])
                drawn = random_assignments(trial.n_treated, trial.n_control, self.permutations, rng)
            self._drawn[design] = drawn, exact
        return self._drawn[design]
