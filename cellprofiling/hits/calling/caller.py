"""The permutation test, the same for perturbations and for the control wells of an audit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from cellprofiling.core.threads import over
from cellprofiling.hits.calling.assignments import Assignments, Shared, read_assignments
from cellprofiling.hits.calling.metric import CONTROL_FITS, Space, directions, read_space
from cellprofiling.hits.calling.shared_controls import MOST_WELLS, Crew, gather_crews
from cellprofiling.hits.calling.statistics import METHODS, Statistic, TestStatistic
from cellprofiling.hits.design import Design, content_rank
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import exact_p_value, p_value
from cellprofiling.kernels.retrieval.control_refit import Blocks, assemble

__all__ = ["CONTROL_FITS", "Caller"]


MARGIN = 1e-6  # below the observed, far beyond what counts as a tie
HELD = 2_000_000  # inner products of treated wells with controls that are held at a time


@dataclass(frozen=True)
class Caller:
    """How to test: the screen, the statistic, how often to permute, and what is fitted anew each time."""

    design: Design
    method: str
    permutations: int
    seed: int
    control_fit: str
    method_options: Mapping[str, Any] = field(default_factory=dict)

    def test_all(self, pairs: list[tuple[Indices, Indices]]) -> list[dict]:
        """Return the test of each pair (treated wells, control wells), in the order given."""
        if not pairs:
            return []
        rank = content_rank(self.design.x)
        design = self.design.taken(np.argsort(rank))
        row = METHODS[self.method]
        method = row(**row.chosen(self.method_options))
        ranked = {id(controls): rank[controls] for _, controls in pairs}
        crews = gather_crews(design, [(rank[treated], ranked[id(controls)]) for treated, controls in pairs])
        space = read_space(design, method, self.control_fit)
        bench = Bench(design, method, space, self.permutations, self.seed, crews)
        found: list[dict] = [{}] * len(pairs)
        for tests in over(bench.test, bench.portions()):
            for number, test in tests:
                found[number] = test
        return found


@dataclass(frozen=True)
class Common:
    """What the tests of a crew have in common; the controls are worked out when the first of them is made."""

    bench: "Bench"
    crew: Crew
    assignments: Assignments
    _ready: list[tuple[Blocks, Shared]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @property
    def controls(self) -> Blocks:
        """The controls alone."""
        return self._get()[0]

    @property
    def shared(self) -> Shared:
        """What assignments of controls alone score."""
        return self._get()[1]

    def _get(self) -> tuple[Blocks, Shared]:
        with self._lock:
            if not self._ready:
                crew, bench = self.crew, self.bench
                gram = bench.products(crew.controls)
                blocks = Blocks.of(gram, crew.n_control, crew.n_treated, omega=bench.space.omega)
                self._ready.append((blocks, Shared(self.assignments.chosen, bench.prepared(blocks))))
        return self._ready[0]


class Portion(NamedTuple):
    """A few tests of a crew."""

    common: Common
    tests: Indices

    @property
    def crew(self) -> Crew:
        """Whose tests they are."""
        return self.common.crew


@dataclass(frozen=True)
class Bench:
    """Where tests are made: what all tests of a screen have in common."""

    design: Design
    method: TestStatistic
    space: Space
    permutations: int
    seed: int
    crews: list[Crew]

    @cached_property
    def _among(self) -> tuple[Indices, Doubles]:
        """Where each well stands among the controls of the screen, and their inner products if holding them pays."""
        controls = np.flatnonzero(self.design.is_control)
        for_each = sum(len(crew.controls) ** 2 * (1 if crew.are_new else len(crew.treated)) for crew in self.crews)
        pays = len(controls) <= MOST_WELLS and len(controls) ** 2 < for_each
        controls = controls if pays else controls[:0]
        place = np.full(len(self.design.x), -1, dtype=np.intp)
        place[controls] = np.arange(len(controls))
        return place, self.space.x[controls] @ self.space.x[controls].T

    def products(self, wells: Indices) -> Doubles:
        """Return the inner products of wells."""
        place, among = self._among
        if len(among) and (place[wells] >= 0).all():
            return among[np.ix_(place[wells], place[wells])]
        return self.space.x[wells] @ self.space.x[wells].T

    def portions(self) -> Iterator[Portion]:
        """Give the crews, a few tests at a time."""
        known: dict[tuple, Assignments] = {}
        self._among  # before there are threads  # noqa: B018
        for crew in self.crews:
            layout = (tuple(crew.n_treated), tuple(crew.n_control), crew.are_new)
            if layout not in known:
                known[layout] = read_assignments(crew, self.permutations, self.seed)
            common = Common(self, crew, known[layout])
            step = max(1, HELD // max(1, crew.treated.shape[1] * len(crew.controls)))
            for start in range(0, len(crew.treated), step):
                yield Portion(common, np.arange(start, min(start + step, len(crew.treated))))

    def test(self, portion: Portion) -> list[tuple[int, dict]]:
        """Return the tests of a portion with their numbers."""
        crew = portion.crew
        counts = {"n_wells": crew.n_wells, "n_plates": crew.n_plates, "n_controls": crew.n_controls}
        numbers = [crew.numbers[test] for test in portion.tests]
        if crew.n_wells < self.method.fewest:
            nothing = dict.fromkeys(("score", "statistic", "p_value", "p_floor"), np.nan)
            words = "none: one well has no replicate"
            return [(number, nothing | counts | {"n_permutations": 0, "null_scheme": words}) for number in numbers]
        scheme = portion.common.assignments.words + crew.in_words + ", " + self.space.words
        common = counts | {"p_floor": portion.common.assignments.p_floor, "null_scheme": scheme}
        scores = self._scores(portion) if self.method.by_direction and self.space.refit else None
        found = []
        for i, (observed, statistic) in enumerate(self._statistics(portion)):
            p, n_drawn = self._p_value(portion, observed, statistic)
            score = observed if scores is None else scores[i]
            test = {"score": score, "statistic": observed, "p_value": p, "n_permutations": n_drawn}
            found.append((numbers[i], test | common))
        return found

    def prepared(self, blocks: Blocks) -> Statistic:
        """Return the statistic of wells; what it needs to know of them is worked out when it is first asked for."""
        ready: list[Statistic] = []

        def statistic(chosen: Indices, least: float = -np.inf) -> Doubles:
            if not ready:
                ready.append(self.method.prepare(blocks, self.space.refit, self.space.bandwidth))
            return ready[0](chosen, least)

        return statistic

    def _p_value(self, portion: Portion, observed: float, statistic: Statistic) -> tuple[float, int]:
        assignments, least = portion.common.assignments, observed - MARGIN
        if assignments.exact:
            return exact_p_value(observed, statistic(assignments.chosen, least)), len(assignments.chosen)
        if assignments.shared:
            return p_value(observed, np.arange(len(assignments.chosen)), portion.common.shared.of)
        return p_value(observed, assignments.chosen, lambda chosen: statistic(chosen, least))

    def _scores(self, portion: Portion) -> list[float]:
        """Return the statistic of the profiles as given."""
        crew = portion.crew
        wells = crew.treated[portion.tests]
        treated, controls = (directions(self.design, self.method, rows) for rows in (wells.ravel(), crew.controls))
        squares = np.einsum("ij,ij->i", controls, controls)
        observe = self.method.observe(portion.common.controls._replace(squares=squares), self.space.bandwidth)
        return [observe(*found, crew.block) for found in _seen(crew, treated, controls, beside=True)]

    def _statistics(self, portion: Portion) -> Iterator[tuple[float, Statistic]]:
        """Give the observed statistic of each test, and the statistic of any wells of its pool."""
        crew, space = portion.crew, self.space
        if crew.are_new:
            observe = self.method.observe(portion.common.controls, space.bandwidth)
            wells = crew.treated[portion.tests].ravel()
            beside = portion.common.assignments.shared
            for within, across in _seen(crew, space.x[wells], space.x[crew.controls], beside=beside):
                yield observe(within, across, crew.block), self._of_pool(portion, within, across)
        else:
            pools = _with_controls(crew, portion.tests)
            for wells in pools:
                sizes = crew.n_treated + crew.n_control
                blocks = Blocks.of(self.products(wells), sizes, crew.n_treated, omega=space.omega)
                statistic = self.prepared(blocks)
                yield statistic(crew.places[None], -np.inf)[0], statistic

    def _of_pool(self, portion: Portion, within: Doubles, across: Doubles) -> Statistic:
        """Return the statistic of any wells among treated ones and controls, which most tests seldom need."""
        crew = portion.crew
        ready: list[Statistic] = []

        def statistic(chosen: Indices, least: float = -np.inf) -> Doubles:
            if not ready:
                gram = assemble(portion.common.controls.gram, within, across, crew.n_treated, crew.n_control)
                sizes = crew.n_treated + crew.n_control
                blocks = Blocks.of(gram, sizes, crew.n_treated, crew.n_treated, self.space.omega)
                ready.append(self.method.prepare(blocks, self.space.refit, self.space.bandwidth))
            return ready[0](chosen, least)

        return statistic


def _seen(crew: Crew, treated: Doubles, controls: Doubles, *, beside: bool) -> Iterator[tuple[Doubles, Doubles]]:
    """Give the inner products of the treated wells of each test, and of these with the controls, or those beside them.

    What the observed score needs are the controls of the same plate; with `beside` the rest is left at 0.
    """
    tests = treated.reshape(-1, crew.treated.shape[1], treated.shape[1])
    if beside:
        across = np.zeros((*tests.shape[:2], len(controls)))
        for b, (first, last) in enumerate(pairwise(crew.starts)):
            wells = crew.block == b
            own = tests[:, wells].reshape(-1, treated.shape[1]) @ controls[first:last].T
            across[:, wells, first:last] = own.reshape(len(tests), -1, last - first)
    else:
        across = (treated @ controls.T).reshape(*tests.shape[:2], -1)
    yield from zip(tests @ tests.transpose(0, 2, 1), across, strict=True)


def _with_controls(crew: Crew, tests: Indices) -> Iterator[Indices]:
    """Give the wells of each test, plate by plate, treated ones before controls."""
    first = np.split(np.arange(crew.treated.shape[1]), np.cumsum(crew.n_treated)[:-1])
    controls = np.split(crew.controls, np.cumsum(crew.n_control)[:-1])
    for test in tests:
        parts = [
            part for own, beside in zip(first, controls, strict=True) for part in (crew.treated[test, own], beside)
        ]
        yield np.concatenate(parts)
