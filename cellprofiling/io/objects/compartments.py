"""Compartments put together: the nucleus, the cytoplasm and the whole of a cell, measured apart, become one row.

An object names its parent in another compartment by number (`Parent_Nuclei`), within the image. Equal numbers mean
nothing: where some nuclei have no cell, cell 5 may belong to nucleus 8.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprofiling.core.errors import FileFormatError, InputError, listed
from cellprofiling.core.ledgers import Line, lines

USUAL = ("Nuclei", "Cells", "Cytoplasm")  # one to one in every pipeline that measures them
SAME, COVERED = 0.95, 0.5  # of other compartments: how many must be the only one of their parent; how many have one

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Objects:
    """Objects of one compartment, in some images.

    Attributes
    ----------
    image : the image of each, as a number.
    number : its number in the image, from 1 up.
    parents : for compartments that may hold its parent, the parent's number in the same image; 0 where there is none.
    """

    image: Integers
    number: Integers
    parents: Mapping[str, Integers]

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class Joined:
    """One row per cell.

    Attributes
    ----------
    positions : for each compartment, which of its objects stands in each row; -1 where none does.
    lines : what was found without partner, and what became of it.
    """

    positions: Mapping[str, NDArray[np.intp]]
    lines: list[Line]


def hierarchy(parents: Mapping[str, Collection[str]]) -> list[str]:
    """Return the compartments with parents before their children; they must hang together."""
    names = list(parents)
    order: list[str] = []
    while len(order) < len(names):
        ready = [name for name in names if name not in order and not (set(parents[name]) & set(names)) - set(order)]
        if not ready:
            raise InputError(
                f"compartments={listed(n for n in names if n not in order)}: each is a parent of the other."
            )
        order += ready
    apart = [name for name in order if name not in connected(parents, order[0])]
    if apart:
        raise InputError(
            f"compartments={listed(names)}: no Parent_ column relates {listed(apart)} to {order[0]!r}; open them one "
            f"by one, with compartments=[{order[0]!r}] and so on."
        )
    return order


def connected(parents: Mapping[str, Collection[str]], start: str) -> list[str]:
    """Return the compartments that hang together with one of them."""
    reached = [start]
    for name in reached:  # grows while it is walked through
        near = [other for other in parents if other in parents[name] or name in parents[other]]
        reached += [other for other in near if other not in reached]
    return [name for name in parents if name in reached]


def one_to_one(objects: Mapping[str, Objects], child: str, parent: str) -> bool:
    """Return whether most parents have one child and most children a parent, as cells and nuclei do and foci do not."""
    found = _places(objects[parent], objects[child].image, objects[child].parents[parent])
    linked = found[found >= 0]
    alone = len(np.unique(linked))
    return (
        alone > 0 and alone >= SAME * len(linked) and alone >= COVERED * max(len(objects[parent]), len(objects[child]))
    )


def join(objects: Mapping[str, Objects], *, matched: bool, where: str) -> Joined:
    """
    Return which objects are of one cell.

    Each compartment is joined to the nearest one that is joined already, by the parent numbers of either. Where several
    objects have the same parent, the one with the lowest number is its partner. Every other Parent column is checked:
    a row in which one says otherwise is not matched. With `matched`, rows that lack a compartment are left out. `where`
    says in messages which files these are.
    """
    objects = {name: objects[name] for name in hierarchy({name: found.parents for name, found in objects.items()})}
    for name, found in objects.items():
        _refuse_doubled(name, found, where)
    rows, second, n_rows = _rows(objects)
    positions = {name: _positions(row, n_rows) for name, row in rows.items()}
    whole = np.all([at >= 0 for at in positions.values()], axis=0)
    against = _contradicted(objects, rows, n_rows)
    kept = whole & ~against if matched else np.ones(n_rows, bool)
    left_out = _lines({name: (row, second[name]) for name, row in rows.items()}, whole, against, matched)
    return Joined({name: at if kept.all() else at[kept] for name, at in positions.items()}, left_out)


def _rows(
    objects: Mapping[str, Objects],
) -> tuple[dict[str, NDArray[np.intp]], dict[str, NDArray[np.bool_]], int]:
    """Return the row of each object, whether it is a second one of its parent, and how many rows there are."""
    first, *others = objects
    n_rows = len(objects[first])
    rows: dict[str, NDArray[np.intp]] = {first: np.arange(n_rows)}
    second = {first: np.zeros(n_rows, bool)}
    waiting = others
    while waiting:
        name = next(name for name in waiting if _nearest(objects, rows, name))
        waiting = [other for other in waiting if other != name]
        partner = _nearest(objects, rows, name)
        at, doubled = _partners(objects, name, partner)
        alone = at < 0
        row = np.empty(len(at), np.intp)
        row[~alone] = rows[partner][at[~alone]]
        row[alone] = n_rows + np.arange(alone.sum())
        n_rows += int(alone.sum())
        rows[name], second[name] = row, doubled
    return rows, second, n_rows


def _nearest(objects: Mapping[str, Objects], rows: Mapping[str, object], name: str) -> str:
    """Return the compartment, among those with rows, to which another is joined: its parent, or else its child."""
    above = [other for other in rows if other in objects[name].parents]
    below = [other for other in rows if name in objects[other].parents]
    return above[-1] if above else next(iter(below), "")


def _partners(objects: Mapping[str, Objects], name: str, partner: str) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where the partner of each object stands (-1: nowhere), and which are second objects of a parent."""
    ours, theirs = objects[name], objects[partner]
    if partner in ours.parents:
        at = _places(theirs, ours.image, ours.parents[partner])
        second = (at >= 0) & ~_first(ours, at)
        return np.where(second, -1, at), second
    down = _places(ours, theirs.image, theirs.parents[name])
    taken = (down >= 0) & _first(theirs, down)
    at = np.full(len(ours), -1)
    at[down[taken]] = np.flatnonzero(taken)
    return at, np.zeros(len(ours), bool)


def _first(children: Objects, parents: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which children have the lowest number among those of their parent."""
    order = np.lexsort((children.number, parents))
    start = np.ones(len(order), bool)
    start[1:] = np.diff(parents[order]) != 0
    first = np.empty(len(order), bool)
    first[order] = start
    return first


def _positions(row: NDArray[np.intp], n_rows: int) -> NDArray[np.intp]:
    positions = np.full(n_rows, -1)
    positions[row] = np.arange(len(row))
    return positions


def _contradicted(
    objects: Mapping[str, Objects], rows: Mapping[str, NDArray[np.intp]], n_rows: int
) -> NDArray[np.bool_]:
    """Return the rows that hold an object and not the parent that it names in a further column."""
    against = np.zeros(n_rows, bool)
    for name, found in objects.items():
        for parent in [parent for parent in found.parents if parent in objects]:
            at = _places(objects[parent], found.image, found.parents[parent])
            there = at >= 0
            against[rows[name][there]] |= rows[parent][at[there]] != rows[name][there]
    return against


def _places(objects: Objects, image: Integers, number: Integers) -> NDArray[np.intp]:
    """Return where the objects of these numbers stand, -1 where there is no such object."""
    if not len(objects):
        return np.full(len(number), -1)
    span = 1 + max(int(objects.number.max()), int(number.max(initial=0)))
    keys, wanted = objects.image * span + objects.number, image * span + number
    if np.array_equal(keys, wanted):
        return np.arange(len(wanted))
    order = np.argsort(keys, kind="stable")
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1)


def _refuse_doubled(name: str, objects: Objects, where: str) -> None:
    order = np.lexsort((objects.number, objects.image))
    image, number = objects.image[order], objects.number[order]
    doubled = np.flatnonzero((np.diff(image) == 0) & (np.diff(number) == 0))
    if len(doubled):
        raise FileFormatError(
            f"{where}: object {number[doubled[0]]} of {name} is there twice in one image ({len(doubled)} doubles): "
            "the same images were exported twice; remove one copy."
        )


def _lines(
    found: Mapping[str, tuple[NDArray[np.intp], NDArray[np.bool_]]],
    whole: NDArray[np.bool_],
    against: NDArray[np.bool_],
    matched: bool,
) -> list[Line]:
    """Return a line for each compartment and reason for which objects have no partner."""
    fate = "left out" if matched else "kept"
    counted: list[Line] = []
    for name, (row, second) in found.items():
        apart = (against & whole)[row]
        without = ~second & ~whole[row]
        reasons = {
            f"{fate}: its parent has another object with a lower number": second,
            f"{fate}: its Parent_ columns and those of its partners contradict each other": apart,
            f"{fate}: without a partner in every compartment": without,
        }
        for reason, these in reasons.items():
            counted += lines("open_cells", "object", [name] if these.any() else [], reason, n=int(these.sum()))
    return counted
