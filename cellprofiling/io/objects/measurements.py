"""What CellProfiler measured, wherever it lies: compartments of objects and a table of images, opened in pieces."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from cellprofiling.core.columns import METADATA
from cellprofiling.core.errors import FileFormatError, InputError, listed, nearest, one_of
from cellprofiling.core.ledgers import KEY, Ledger, Line, lines
from cellprofiling.io.objects.compartments import USUAL, Joined, Objects, connected, hierarchy, join, one_to_one
from cellprofiling.io.objects.images import packs
from cellprofiling.io.objects.partitions import Opened, Partition
from cellprofiling.kernels.arrays import Doubles, Indices

OBJECT_NUMBER = f"{METADATA}ObjectNumber"
ANSWERS = ("matched", "all")
LOOKED_AT = 12  # images from which it is told whether objects are one to one


@dataclass(frozen=True)
class Compartment:
    """Objects of one kind, as their columns are called.

    Attributes
    ----------
    columns : the names that come out, all with the prefix of the compartment, and the names in the files.
    parents : for compartments that may hold a parent, the name in the files of its number.
    """

    name: str
    columns: Mapping[str, str]
    parents: Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """Objects of one compartment in some images, and the values of some columns."""

    objects: Objects
    columns: Sequence[str]
    values: Sequence[Doubles]
    lines: Sequence[Line] = ()


class Store(Protocol):
    """Files that hold images and objects.

    Attributes
    ----------
    images : one row per image, metadata that are typed already, plate and well among them.
    units : for each image what cannot be read in parts, as a folder of csv files.
    sizes : bytes of each image in the files, about.
    """

    @property
    def images(self) -> pd.DataFrame: ...

    @property
    def units(self) -> Sequence[object]: ...

    @property
    def sizes(self) -> Sequence[float]: ...

    @property
    def compartments(self) -> Mapping[str, Compartment]: ...

    def read(self, asked: Mapping[str, Sequence[str]], images: Indices) -> dict[str, Found]:
        """Return the objects of compartments in some images, with some columns each."""

    def paths(self, images: Indices) -> tuple[Path, ...]:
        """Return the files that hold some images."""


def chosen(store: Store, compartments: Sequence[str] | None) -> tuple[list[str], list[Line]]:
    """Return the compartments to join, parents first, and ledger lines for the others."""
    there = store.compartments
    if isinstance(compartments, str):
        compartments = [compartments]
    if compartments is not None:
        unknown = [name for name in compartments if name not in there]
        if unknown or not compartments:
            near = nearest(unknown[0], there) if unknown else ""
            raise InputError(f"compartments={listed(compartments)}: choose from {listed(there)}.{near}")
        names = list(dict.fromkeys(compartments))
    else:
        names = _usual(store)
    reason = "not read: not one to one with the compartments read; name it in compartments=[...]"
    if compartments is not None:
        reason = "not read: not among the compartments chosen"
    others = [name for name in there if name not in names]
    return hierarchy(_relations(there, names)), lines("open_cells", "compartment", others, reason)


def opened(stores: Sequence[Store], objects: str, names: Sequence[str], found: Sequence[Line]) -> Opened:
    """Return the cells of some stores in pieces of some wells each."""
    matched = one_of("objects", objects, ANSWERS) == "matched"
    schema = schema_of(stores[0], names, matched)
    partitions = [
        Partition(
            pack.plate,
            tuple(map(str, schema.columns)),
            partial(load, store, names, matched, pack.images),
            columnar=False,
            wells=pack.wells,
            paths=store.paths(pack.images),
            size=int(np.asarray(store.sizes)[pack.images].sum()),
        )
        for store in stores
        for pack in packs(store.images, store.units, store.sizes)
    ]
    return Opened(tuple(_apart(partitions)), schema, list(found))


def schema_of(store: Store, names: Sequence[str], matched: bool) -> pd.DataFrame:
    """Return a table without rows that has the columns and their types."""
    numbers = pd.Series([], dtype="int64" if matched else "float64", name=OBJECT_NUMBER)
    measured = [column for name in names for column in store.compartments[name].columns]
    return pd.concat(
        [store.images.iloc[:0].reset_index(drop=True), numbers, pd.DataFrame(columns=measured, dtype="float64")], axis=1
    )


def load(store: Store, names: Sequence[str], matched: bool, images: Indices, columns: Sequence[str]) -> pd.DataFrame:
    """Return the cells of some images with some columns, and in its ledger which objects had no partner."""
    asked = {name: [c for c in columns if c in store.compartments[name].columns] for name in names}
    found = store.read(asked, images)
    objects = {
        name: replace(read.objects, parents={key: of for key, of in read.objects.parents.items() if key in names})
        for name, read in found.items()
    }
    joined = join(objects, matched=matched, where=listed(map(str, store.paths(images)), limit=1))
    cells = _put_together(store.images, objects, found, joined, columns)
    if not matched and OBJECT_NUMBER in cells:
        cells[OBJECT_NUMBER] = np.where(joined.positions[names[0]] >= 0, cells[OBJECT_NUMBER], np.nan)
    cells = cells if list(cells) == list(columns) else cells[list(columns)]
    read = [line for part in found.values() for line in part.lines]
    cells.attrs[KEY] = Ledger([*read, *joined.lines])
    return cells


def _put_together(
    images: pd.DataFrame,
    objects: Mapping[str, Objects],
    found: Mapping[str, Found],
    joined: Joined,
    columns: Sequence[str],
) -> pd.DataFrame:
    n_rows = len(next(iter(joined.positions.values())))
    image, number = np.full(n_rows, -1), np.zeros(n_rows, np.int64)
    for name, at in list(joined.positions.items())[::-1]:
        there = at >= 0
        image[there], number[there] = objects[name].image[at[there]], objects[name].number[at[there]]
    keys = images[[name for name in columns if name in images]].take(image).reset_index(drop=True)
    if OBJECT_NUMBER in columns:
        keys[OBJECT_NUMBER] = number
    measured = [name for name in columns if name not in keys]
    block = np.empty((len(measured), n_rows))
    rows = {name: row for row, name in enumerate(measured)}
    for name, at in joined.positions.items():
        _fill(block, [rows[column] for column in found[name].columns], found[name].values, at)
    return pd.concat([keys, pd.DataFrame(block.T, columns=measured, copy=False)], axis=1)


def _fill(block: Doubles, rows: Sequence[int], values: Sequence[Doubles], at: Indices) -> None:
    """Write the values of one compartment into the rows of the block; a cell that has no such object has none."""
    there = at >= 0
    as_they_are = bool(values) and len(at) == len(values[0]) and np.array_equal(at, np.arange(len(at)))
    for row, of in zip(rows, values, strict=True):
        if as_they_are:
            block[row] = of
        elif there.all():
            np.take(of, at, out=block[row], mode="clip")
        else:
            block[row] = np.nan
            block[row, there] = of[at[there]]


def _usual(store: Store) -> list[str]:
    """Return the usual compartments, and others that are one to one with them; those of any name if none is usual."""
    there = store.compartments
    usual = [name for name in there if name in USUAL]
    if len(usual) == len(there) or len(there) == 1:
        return list(there)
    sample = _sample(store)
    links: dict[str, list[str]] = {name: [] for name in there}
    for name, compartment in there.items():
        for parent in [parent for parent in compartment.parents if parent in there]:
            if (name in usual and parent in usual) or one_to_one(sample, name, parent):
                links[name].append(parent)
    start = usual[0] if usual else max(links, key=lambda name: len(connected(links, name)))
    return list(dict.fromkeys([*usual, *connected(links, start)]))


def _sample(store: Store) -> dict[str, Objects]:
    at = np.unique(np.linspace(0, len(store.images) - 1, LOOKED_AT).astype(int))
    read = store.read({name: [] for name in store.compartments}, at)
    return {name: found.objects for name, found in read.items()}


def _relations(there: Mapping[str, Compartment], names: Sequence[str]) -> dict[str, list[str]]:
    return {name: [parent for parent in there[name].parents if parent in names] for name in there if name in names}


def _apart(partitions: Sequence[Partition]) -> list[Partition]:
    """Check that each well is in one piece; a plate that is in one piece names no wells."""
    owner: dict[tuple[str | None, str], Partition] = {}
    for partition in partitions:
        for well in partition.wells or ():
            other = owner.setdefault((partition.plate, well), partition)
            if other is not partition:
                raise FileFormatError(
                    f"well {well!r} of plate {partition.plate!r} is there twice, in {str(other.paths[0])!r} and in "
                    f"{str(partition.paths[0])!r}: move one of the two away."
                )
    pieces = Counter(partition.plate for partition in partitions)
    return [p if pieces[p.plate] > 1 else replace(p, wells=None) for p in partitions]
