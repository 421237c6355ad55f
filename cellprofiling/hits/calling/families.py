"""Perturbations that are tested against the same control wells, with as many wells on each plate."""

from dataclasses import dataclass
from itertools import count

import numpy as np

from cellprofiling.hits.design import Design
from cellprofiling.kernels.arrays import Indices

TestSet = tuple[Indices, list[Indices]]  # control wells, and the wells of each perturbation tested against them

MOST_WELLS = 4000  # of one test: their inner products are held at a time, and their number is the square of this


@dataclass(frozen=True)
class Family:
    """Tests that share their controls. Plates stand in an order that their controls decide, wells plate by plate.

    Attributes
    ----------
    numbers : which of the pairs given they are.
    treated : wells of each perturbation, shape (n_tests, n_wells).
    controls : wells, shape (n_controls,).
    n_treated, n_control : how many of each stand on each plate.
    are_new : whether the treated wells are no controls of the screen.
    n_wells, n_plates, n_controls : of the perturbations, also where there are too many to use all.
    """

    numbers: list[int]
    treated: Indices
    controls: Indices
    n_treated: Indices
    n_control: Indices
    are_new: bool
    n_wells: int
    n_plates: int
    n_controls: int

    @property
    def starts(self) -> Indices:
        """The first control of each plate, then their number."""
        return np.concatenate([[0], np.cumsum(self.n_control)]).astype(np.intp)

    @property
    def block(self) -> Indices:
        """The number of the plate of each treated well."""
        return np.repeat(np.arange(len(self.n_treated)), self.n_treated)

    @property
    def places(self) -> Indices:
        """Where the treated wells stand if on each plate they come before the controls."""
        return np.arange(self.n_treated.sum()) + np.repeat(self.starts[:-1], self.n_treated)

    @property
    def in_words(self) -> str:
        """What is left out, if anything is."""
        if len(self.n_treated) < self.n_plates:
            return f" on {len(self.n_treated)} of {self.n_plates} plates"
        return (
            f" with {len(self.controls)} of {self.n_controls} controls" if len(self.controls) < self.n_controls else ""
        )


def find_families(design: Design, sets: list[TestSet]) -> list[Family]:
    """Return all tests by family, numbered through `sets`; the rows of `design` stand in canonical order."""
    families, number = [], count()
    for controls, perturbations in sets:
        beside = _by_plate(design, controls)
        members: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, list[int]]]] = {}
        for treated in perturbations:
            own = _by_plate(design, treated)
            plates = tuple(sorted(own, key=lambda plate: (len(own[plate]), len(beside[plate]), beside[plate][0])))
            wells = [well for plate in plates for well in own[plate]]
            members.setdefault((plates, tuple(len(own[plate]) for plate in plates)), []).append((next(number), wells))
        families += [_family(design, beside, *key, those) for key, those in members.items()]
    return families


def _family(
    design: Design,
    beside: dict[int, list[int]],
    plates: tuple[int, ...],
    n_treated: tuple[int, ...],
    members: list[tuple[int, list[int]]],
) -> Family:
    members = sorted(members, key=lambda member: member[1])
    parts = [np.array(beside[plate], dtype=np.intp) for plate in plates]
    sizes = np.array([len(part) for part in parts]) + n_treated
    kept = max(1, int((np.cumsum(sizes) <= MOST_WELLS).sum()))
    while kept < len(sizes) and sum(n_treated[:kept]) < 2:
        kept += 1
    parts_kept = parts[:kept]
    if kept == 1:
        parts_kept = [parts[0][:: -(-len(parts[0]) // MOST_WELLS)]]
    treated = np.array([wells[: sum(n_treated[:kept])] for _, wells in members], dtype=np.intp)
    return Family(
        numbers=[number for number, _ in members],
        treated=treated,
        controls=np.concatenate(parts_kept),
        n_treated=np.array(n_treated[:kept], dtype=np.intp),
        n_control=np.array([len(part) for part in parts_kept], dtype=np.intp),
        are_new=not design.is_control[treated].any(),
        n_wells=sum(n_treated),
        n_plates=len(plates),
        n_controls=sum(len(part) for part in parts),
    )


def _by_plate(design: Design, wells: Indices) -> dict[int, list[int]]:
    """Return wells by plate, in canonical order."""
    of_plate: dict[int, list[int]] = {}
    wells = np.sort(wells)
    for well, plate in zip(wells.tolist(), design.plate[wells].tolist(), strict=True):
        of_plate.setdefault(plate, []).append(well)
    return of_plate
