"""The permutation test, the same for perturbations and for the control wells of an audit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np

from cellprofiling.core.threads import over
from cellprofiling.hits.calling.assignments import FamilyAssignments, SharedNull, lay_family
from cellprofiling.hits.calling.families import MOST_WELLS, Family, TestSet, find_families
from cellprofiling.hits.calling.metric import Metric, directions, fit_metric
from cellprofiling.hits.calling.settings import Settings
from cellprofiling.hits.calling.statistics import Statistic, TestStatistic
from cellprofiling.hits.design import Design
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import PermutationTest
from cellprofiling.kernels.retrieval.control_refit import Blocks, assemble

MARGIN = 1e-6  # below the observed, far beyond what counts as a tie
HELD = 2_000_000  # inner products of treated wells with controls that are held at a time


def run_tests(design: Design, settings: Settings, sets: list[TestSet]) -> list[dict]:
    """Return the test of each perturbation, through all sets in the order given."""
    n_tests = sum(len(perturbations) for _, perturbations in sets)
    rank, ordered = design.rank, design.taken(np.argsort(design.rank))
    ranked = [(rank[controls], [rank[treated] for treated in perturbations]) for controls, perturbations in sets]
    families = find_families(ordered, ranked)
    method = settings.statistic()
    tester = Tester(ordered, method, fit_metric(ordered, method, settings.control_fit), settings, families)
    tests: list[dict] = [{}] * n_tests
    for chunk in over(tester.test, tester.chunks()) if n_tests else ():
        for number, test in chunk:
            tests[number] = test
    return tests


@dataclass(frozen=True)
class FamilyNull:
    """What the tests of a family have in common; the controls are worked out when the first of them is made."""

    tester: "Tester"
    family: Family
    assignments: FamilyAssignments
    _lock: Lock = field(default_factory=Lock)

    @property
    def controls(self) -> Blocks:
        """The controls alone."""
        return self._once[0]

    @property
    def shared(self) -> SharedNull:
        """What draws of controls alone score."""
        return self._once[1]

    @property
    def _once(self) -> tuple[Blocks, SharedNull]:
        with self._lock:
            return self._computed

    @cached_property
    def _computed(self) -> tuple[Blocks, SharedNull]:
        family, tester = self.family, self.tester
        gram = tester.products(family.controls)
        blocks = Blocks.of(gram, family.n_control, family.n_treated, omega=tester.metric.omega)
        draws = self.assignments.draws
        return blocks, SharedNull(np.empty((0, 0), np.intp) if draws is None else draws, tester.prepared(blocks))


class Chunk(NamedTuple):
    """A few tests of a family."""

    null: FamilyNull
    tests: Indices

    @property
    def family(self) -> Family:
        """Whose tests they are."""
        return self.null.family


@dataclass(frozen=True)
class Tester:
    """What all tests of a screen have in common; the rows of `design` stand in canonical order."""

    design: Design
    method: TestStatistic
    metric: Metric
    settings: Settings
    families: list[Family]

    @cached_property
    def _among(self) -> tuple[Indices, Doubles]:
        """Where each well stands among the controls of the screen, and their inner products if holding them pays."""
        controls = np.flatnonzero(self.design.is_control)
        for_each = sum(
            len(family.controls) ** 2 * (1 if family.are_new else len(family.treated)) for family in self.families
        )
        pays = len(controls) <= MOST_WELLS and len(controls) ** 2 < for_each
        controls = controls if pays else controls[:0]
        place = np.full(len(self.design.x), -1, dtype=np.intp)
        place[controls] = np.arange(len(controls))
        return place, self.metric.x[controls] @ self.metric.x[controls].T

    def products(self, wells: Indices) -> Doubles:
        """Return the inner products of wells."""
        place, among = self._among
        if len(among) and (place[wells] >= 0).all():
            return among[np.ix_(place[wells], place[wells])]
        return self.metric.x[wells] @ self.metric.x[wells].T

    def chunks(self) -> Iterator[Chunk]:
        """Give the families, a few tests at a time."""
        laid: dict[tuple, FamilyAssignments] = {}
        self._among  # before there are threads  # noqa: B018
        for family in self.families:
            layout = (tuple(family.n_treated), tuple(family.n_control), family.are_new)
            if layout not in laid:
                laid[layout] = lay_family(family, self.settings.permutations, self.settings.seed)
            null = FamilyNull(self, family, laid[layout])
            step = max(1, HELD // max(1, family.treated.shape[1] * len(family.controls)))
            for start in range(0, len(family.treated), step):
                yield Chunk(null, np.arange(start, min(start + step, len(family.treated))))

    def test(self, chunk: Chunk) -> list[tuple[int, dict]]:
        """Return the tests of a chunk with their numbers."""
        family = chunk.family
        counts = {"n_wells": family.n_wells, "n_plates": family.n_plates, "n_controls": family.n_controls}
        numbers = [family.numbers[test] for test in chunk.tests]
        if family.n_wells < self.method.fewest:
            nothing = dict.fromkeys(("score", "statistic", "p_value", "p_floor"), np.nan)
            words = "none: one well has no replicate"
            return [(number, nothing | counts | {"n_permutations": 0, "null_scheme": words}) for number in numbers]
        scheme = chunk.null.assignments.laid.scheme + family.in_words + ", " + self.metric.words
        scores = self._scores(chunk) if self.method.by_direction and self.metric.refit else None
        tests = []
        for i, (observed, statistic) in enumerate(self._statistics(chunk)):
            test = self._tested(chunk, observed, statistic)
            of_test = {
                "score": observed if scores is None else scores[i],
                "statistic": observed,
                "p_value": test.p_value,
                "p_floor": test.p_floor,
                "n_permutations": test.n_assignments,
                "null_scheme": scheme,
            }
            tests.append((numbers[i], of_test | counts))
        return tests

    def prepared(self, blocks: Blocks) -> Statistic:
        """Return the statistic of wells; what it needs to know of them is worked out when it is first asked for."""
        ready = cache(lambda: self.method.prepare(blocks, self.metric.refit, self.metric.bandwidth))

        def statistic(chosen: Indices, least: float = -np.inf) -> Doubles:
            return ready()(chosen, least)

        return statistic

    def _tested(self, chunk: Chunk, observed: float, statistic: Statistic) -> PermutationTest:
        assignments, least = chunk.null.assignments, observed - MARGIN
        if assignments.draws is not None:
            return assignments.laid.test(observed, chunk.null.shared.of)
        return assignments.laid.test(observed, lambda chosen: statistic(chosen, least))

    def _scores(self, chunk: Chunk) -> list[float]:
        """Return the statistic of the profiles as given."""
        family = chunk.family
        wells = family.treated[chunk.tests]
        treated, controls = (directions(self.design, self.method, rows) for rows in (wells.ravel(), family.controls))
        squares = np.einsum("ij,ij->i", controls, controls)
        observe = self.method.observe(chunk.null.controls._replace(squares=squares), self.metric.bandwidth)
        return [observe(*products, family.block) for products in _seen(family, treated, controls, beside=True)]

    def _statistics(self, chunk: Chunk) -> Iterator[tuple[float, Statistic]]:
        """Give the observed statistic of each test, and the statistic of any wells of its pool."""
        family, metric = chunk.family, self.metric
        if family.are_new:
            observe = self.method.observe(chunk.null.controls, metric.bandwidth)
            wells = family.treated[chunk.tests].ravel()
            beside = chunk.null.assignments.draws is not None
            for within, across in _seen(family, metric.x[wells], metric.x[family.controls], beside=beside):
                yield observe(within, across, family.block), self._of_pool(chunk, within, across)
        else:
            for wells in _with_controls(family, chunk.tests):
                sizes = family.n_treated + family.n_control
                blocks = Blocks.of(self.products(wells), sizes, family.n_treated, omega=metric.omega)
                statistic = self.prepared(blocks)
                yield statistic(family.places[None], -np.inf)[0], statistic

    def _of_pool(self, chunk: Chunk, within: Doubles, across: Doubles) -> Statistic:
        """Return the statistic of any wells among treated ones and controls, which most tests seldom need."""
        family = chunk.family

        @cache
        def ready() -> Statistic:
            gram = assemble(chunk.null.controls.gram, within, across, family.n_treated, family.n_control)
            sizes = family.n_treated + family.n_control
            blocks = Blocks.of(gram, sizes, family.n_treated, family.n_treated, self.metric.omega)
            return self.method.prepare(blocks, self.metric.refit, self.metric.bandwidth)

        def statistic(chosen: Indices, least: float = -np.inf) -> Doubles:
            return ready()(chosen, least)

        return statistic


def _seen(family: Family, treated: Doubles, controls: Doubles, *, beside: bool) -> Iterator[tuple[Doubles, Doubles]]:
    """Give the inner products of the treated wells of each test, and of these with the controls, or those beside them.

    What the observed score needs are the controls of the same plate; with `beside` the rest is left at 0.
    """
    tests = treated.reshape(-1, family.treated.shape[1], treated.shape[1])
    if beside:
        across = np.zeros((*tests.shape[:2], len(controls)))
        for b, (first, last) in enumerate(pairwise(family.starts)):
            wells = family.block == b
            own = tests[:, wells].reshape(-1, treated.shape[1]) @ controls[first:last].T
            across[:, wells, first:last] = own.reshape(len(tests), -1, last - first)
    else:
        across = (treated @ controls.T).reshape(*tests.shape[:2], -1)
    yield from zip(tests @ tests.transpose(0, 2, 1), across, strict=True)


def _with_controls(family: Family, tests: Indices) -> Iterator[Indices]:
    """Give the wells of each test, plate by plate, treated ones before controls."""
    first = np.split(np.arange(family.treated.shape[1]), np.cumsum(family.n_treated)[:-1])
    controls = np.split(family.controls, np.cumsum(family.n_control)[:-1])
    for test in tests:
        parts = [
            part for own, beside in zip(first, controls, strict=True) for part in (family.treated[test, own], beside)
        ]
        yield np.concatenate(parts)
