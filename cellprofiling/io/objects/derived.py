"""Columns that no file holds: computed from others whenever cells are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from cellprofiling.io.objects.partitions import Partition


@dataclass(frozen=True)
class Derived:
    """Columns computed from others.

    Attributes
    ----------
    columns : their names; one that the cells have already is replaced.
    needs : the columns to read for them; those of them that the cells have already are read as well.
    compute : turns a table that has these, one row for each cell of a partition, into some of the columns.
    """

    columns: tuple[str, ...]
    needs: tuple[str, ...]
    compute: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]


def with_derived(partition: Partition, derived: Derived) -> Partition:
    """Return a partition that can also be read for the derived columns."""
    known = set(partition.columns)
    new = [name for name in derived.columns if name not in known]
    return replace(
        partition,
        columns=(*partition.columns, *new),
        load=partial(_load, partition.load, derived, frozenset(known)),
        block=partition.block if len(new) == len(derived.columns) else None,  # it would read what is in the files
    )


def _load(
    load: Callable[[Sequence[str]], pd.DataFrame], derived: Derived, known: frozenset[str], columns: Sequence[str]
) -> pd.DataFrame:
    asked = [name for name in columns if name in derived.columns]
    if not asked:
        return load(columns)
    plain = [name for name in columns if name not in derived.columns]
    replaced = [name for name in asked if name in known]
    cells = load(list(dict.fromkeys([*plain, *derived.needs, *replaced])))
    found = pd.concat([cells[plain], derived.compute(cells, asked)], axis=1)
    found.attrs = cells.attrs
    return found if list(found) == list(columns) else found[list(columns)]
