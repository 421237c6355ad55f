"""Control wells put together to pseudo-compounds: at one position of several plates, or all at different ones."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.hits.design import FEWEST_CONTROLS, Design
from cellprofiling.kernels.arrays import Indices

LAYOUTS = {"same position": "at one position", "different positions": "at different positions"}  # name, in words
MOST_SETS = 200  # pseudo-compounds per layout
TRIES = 4  # draws for each of them
MOST_WELLS = 8  # of one pseudo-compound, unless asked for


@dataclass(frozen=True)
class ControlSets:
    """The wells of each pseudo-compound, or why there is none."""

    sets: list[Indices]
    why_none: str


@dataclass(frozen=True)
class _Controls:
    """Controls in an order that row order cannot change, on plates that can spare one.

    Attributes
    ----------
    wells : row numbers.
    plate, position : numbers, one per entry of `wells`.
    spare : how many controls each plate can give up and still be compared with.
    """

    wells: Indices
    plate: Indices
    position: Indices
    spare: Indices

    def on(self, plate: int) -> Indices:
        """Return the entries on one plate."""
        return np.flatnonzero(self.plate == plate)


def draw_control_sets(
    design: Design, position: Indices, n_wells: int | None, rng: np.random.Generator, *, copied: bool
) -> dict[str, ControlSets]:
    """Return the pseudo-compounds of each layout.

    Parameters
    ----------
    position : number of the well position of each well.
    n_wells : wells of one pseudo-compound.
    copied : whether they take the plates of the perturbations of the design.
    """
    number = _plate_numbers(design)
    controls = _spare_controls(design, position, number)
    if not len(controls.wells):
        why = f"no plate has the {FEWEST_CONTROLS + 1} controls it takes to spare one"
        return {layout: ControlSets([], why) for layout in LAYOUTS}
    if copied:
        plates = _copied(design, number, n_wells, rng)
    else:
        there = np.unique(controls.plate)
        n = min(MOST_WELLS, max(3, len(np.unique(design.plate[design.is_control])))) if n_wells is None else n_wells
        plates = [np.resize(rng.permutation(there), n) for _ in range(TRIES * MOST_SETS)]
    same = _copies_at_one_position(controls, plates, rng) if copied else _runs_at_one_position(controls, plates, rng)
    return {"same position": same, "different positions": _at_different_positions(controls, plates, rng)}


def _plate_numbers(design: Design) -> Indices:
    """Return a number of the plate of each well that neither names of plates nor the order of rows can change."""
    first = np.full(design.plate.max(initial=0) + 1, len(design.plate))
    np.minimum.at(first, design.plate, design.rank)
    return np.argsort(np.argsort(first))[design.plate]


def _spare_controls(design: Design, position: Indices, number: Indices) -> _Controls:
    wells = np.flatnonzero(design.is_control)
    spare = np.bincount(number[wells], minlength=number.max(initial=0) + 1) - FEWEST_CONTROLS
    wells = wells[spare[number[wells]] > 0]
    wells = wells[np.argsort(design.rank[wells])]
    return _Controls(wells, number[wells], position[wells], spare)


def _copied(design: Design, number: Indices, n_wells: int | None, rng: np.random.Generator) -> list[Indices]:
    """Return the plates of perturbations drawn at random, one entry per well: n_wells of them, or 8 at most."""
    everyone = [np.sort(number[design.wells_of(group)]) for group in range(len(design.keys))]
    everyone = sorted((plates for plates in everyone if len(plates) > 1), key=tuple)
    if not everyone:
        return []
    drawn = [everyone[i] for i in rng.integers(len(everyone), size=TRIES * MOST_SETS)]
    if n_wells is None:
        return [np.sort(rng.permutation(plates)[:MOST_WELLS]) for plates in drawn]
    return [np.resize(rng.permutation(plates), n_wells) for plates in drawn]


def _runs_at_one_position(controls: _Controls, plates: list[Indices], rng: np.random.Generator) -> ControlSets:
    """Return sets of controls of one position, on n plates or on all if there are fewer; a well is used once."""
    n = min(len(plates[0]), len(np.unique(controls.plate)))
    if n < 2:
        return ControlSets([], "one plate alone has controls to spare")
    sets: list[Indices] = []
    for place in np.unique(controls.position):
        here = controls.wells[controls.position == place]
        sets += [here[start : start + n] for start in range(0, len(here) - n + 1, n)]
    return _or_why(_at_most(sets, rng), f"no well position holds controls on {n} plates")


def _copies_at_one_position(controls: _Controls, plates: list[Indices], rng: np.random.Generator) -> ControlSets:
    """Return sets of controls of one position on the plates of perturbations that have one well on each of several."""
    spread = {tuple(np.unique(each)) for each in plates if len(np.unique(each)) == len(each) > 1}
    if not spread:
        return ControlSets([], "no perturbation has one well on each of several plates")
    of_place = {
        (plate, place): well
        for plate, place, well in zip(controls.plate, controls.position, controls.wells, strict=True)
    }
    found = [
        [of_place.get((plate, place), -1) for plate in each]
        for each in sorted(spread)
        for place in np.unique(controls.position)
    ]
    sets = [np.array(each, dtype=np.intp) for each in found if min(each) >= 0]
    why = "no well position holds controls on all the plates of a perturbation"
    return _or_why(_at_most(sets, rng), why)


def _at_different_positions(controls: _Controls, plates: list[Indices], rng: np.random.Generator) -> ControlSets:
    """Return sets of controls on the plates asked for, no two in the same position."""
    of_plate = {plate: controls.on(plate) for plate in np.unique(controls.plate)}
    sets: list[Indices] = []
    for each in plates:
        numbers, turns = np.unique(each, return_counts=True)
        if (controls.spare[numbers] < turns).any():
            continue
        chosen = np.concatenate(
            [rng.choice(of_plate[plate], k, replace=False) for plate, k in zip(numbers, turns, strict=True)]
        )
        if len(np.unique(controls.position[chosen])) == len(chosen):
            sets.append(controls.wells[chosen])
        if len(sets) == MOST_SETS:
            break
    return _or_why(sets, "plates have too few controls to spare, or all of them in the same positions")


def _or_why(sets: list[Indices], why: str) -> ControlSets:
    return ControlSets(sets, "" if sets else why)


def _at_most(sets: list[Indices], rng: np.random.Generator) -> list[Indices]:
    if len(sets) <= MOST_SETS:
        return sets
    return [sets[i] for i in np.sort(rng.choice(len(sets), MOST_SETS, replace=False))]
