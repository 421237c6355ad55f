"""Which compartments lie in which files or tables, and what their columns are called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellprofiling.core.columns import is_metadata
from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.io.objects.compartments import USUAL, Objects
from cellprofiling.io.objects.measurements import Compartment, Found

IMAGE, NUMBER, OWN_NUMBER = "ImageNumber", "ObjectNumber", "Number_Object_Number"
LARGEST = 2**31  # a number beyond it is no number of an object

_PARENT = re.compile(r"Parent_(.+)")


@dataclass(frozen=True)
class Kind:
    """How a compartment lies in a file or table.

    Attributes
    ----------
    number : the column of the object's number.
    shared : whether other compartments lie beside it, so that a row may hold no object of this one.
    """

    compartment: Compartment
    number: str
    shared: bool = False

    def needed(self, columns: Sequence[str]) -> list[str]:
        """Return the columns of the file to read: numbers, and those asked for."""
        read = [self.compartment.columns[name] for name in columns]
        return list(dict.fromkeys([self.number, *self.compartment.parents.values(), *read]))


def kind_of(name: str, columns: Sequence[str], *, shared: bool = False) -> Kind:
    """Return how a compartment lies in a table, its columns with or without the prefix of the compartment."""
    prefix = f"{name}_"
    measured = [column for column in columns if column not in (IMAGE, NUMBER) and not is_metadata(column)]
    measured = [column for column in measured if column != "TableNumber"]
    if shared:
        measured = [column for column in measured if column.startswith(prefix)]
    bare = {column.removeprefix(prefix): column for column in measured}
    number = NUMBER if NUMBER in columns and not shared else bare.get(OWN_NUMBER, NUMBER)
    out = {prefix + feature: column for feature, column in bare.items()}
    if number in columns:
        out.setdefault(prefix + OWN_NUMBER, number)
    parents = {match[1]: column for feature, column in bare.items() if (match := _PARENT.fullmatch(feature))}
    return Kind(Compartment(name, out, parents), number, shared)


def related(kinds: Mapping[str, Kind]) -> dict[str, Kind]:
    """Return compartments with parents among themselves; those that share a table and say nothing share its rows."""
    first = next((name for name, kind in kinds.items() if kind.shared), "")
    found = {}
    for name, kind in kinds.items():
        parents = {parent: column for parent, column in kind.compartment.parents.items() if parent in kinds}
        if kind.shared and name != first and not parents and first not in _parents_of_any(kinds, name):
            parents = {first: NUMBER}
        found[name] = replace(kind, compartment=replace(kind.compartment, parents=parents))
    return found


def spelled(name: str, kinds: Sequence[str]) -> str:
    """Return the name of a compartment as its children write it: a file may be called cells.csv."""
    known = {other.casefold(): other for other in (*USUAL, *kinds)}
    return known.get(name.casefold(), name)


def named_parents(columns: Sequence[str]) -> list[str]:
    """Return the compartments that columns name as parents."""
    return [match[1] for column in columns if (match := re.search(r"(?:^|_)Parent_(.+)$", column))]


def objects_of(
    kind: Kind, columns: Sequence[str], values: Mapping[str, NDArray[np.float64]], image: NDArray[np.int64], where: str
) -> Found:
    """Return objects whose numbers are checked; those of unknown images (-1) are left out, with a ledger line."""
    there = ~np.isnan(values[kind.number]) if kind.shared else np.ones(len(image), bool)
    lost = there & (image < 0)
    reason = "left out: the table of images has no row of their image"
    left_out: list[Line] = lines(
        "open_cells", "object", [kind.compartment.name] * int(lost.any()), reason, n=lost.sum()
    )
    kept = there & ~lost
    whole = bool(kept.all())
    read = {name: column if whole else column[kept] for name, column in values.items()}
    parents = {
        parent: _numbers(np.nan_to_num(read[column]), column, where, least=0)
        for parent, column in kind.compartment.parents.items()
    }
    number = _numbers(read[kind.number], kind.number, where, least=1)
    asked = [read[kind.compartment.columns[name]] for name in columns]
    return Found(Objects(image if whole else image[kept], number, parents), columns, asked, left_out)


def _numbers(values: NDArray[np.float64], column: str, where: str, *, least: int) -> NDArray[np.int64]:
    good = (values >= least) & (values < LARGEST) & (values == np.floor(values))
    if not good.all():
        raise FileFormatError(
            f"{where}: {values[~good][0]} in column {column!r} is no number of an object; the file is damaged, copy or "
            "export it again."
        )
    return values.astype(np.int64)


def _parents_of_any(kinds: Mapping[str, Kind], name: str) -> list[str]:
    """Return the compartments that name this one as their parent."""
    return [other for other, kind in kinds.items() if name in kind.compartment.parents]
