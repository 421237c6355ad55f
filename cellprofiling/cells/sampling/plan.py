"""What is asked of a sample of cells, checked before anything is read."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cellprofiling.core.errors import InputError
from cellprofiling.core.frame import By, Reference, columns_once, feature_columns, matches, named, refuse_mask, require
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects.partitions import Partition, in_memory, read_once
from cellprofiling.io.storage.files import PathLike

MASK = "Metadata__reference"


@dataclass(frozen=True)
class Plan:
    """What is asked for, checked.

    Attributes
    ----------
    labels : columns that say what a well is, and are read from the cells.
    beside : columns that say what a cell is, read along for the sampled cells.
    """

    by: list[str]
    reference: Reference
    treated: Reference
    plate: str | None
    well: str
    platemap: pd.DataFrame | None
    features: list[str]
    labels: list[str]
    beside: list[str]
    max_cells: int
    seed: int

    @property
    def place(self) -> list[str]:
        """The columns that name a well."""
        return [*([] if self.plate is None else [self.plate]), self.well]


def read_source(
    cells: pd.DataFrame | Cells | PathLike, reference: Reference
) -> tuple[Sequence[Partition], pd.DataFrame, Reference]:
    """Return the cells as partitions, a table without rows that has their columns, and a reference that fits both."""
    if reference is None:
        raise InputError("reference=None: say which wells are the controls, as in \"Metadata_Role == 'negcon'\".")
    if isinstance(cells, str | os.PathLike):
        cells = open_cells(cells)
    if isinstance(cells, Cells):
        refuse_mask(reference, "reference")
        return read_once(cells.partitions), cells.schema, reference
    columns_once(cells)
    if not len(cells):
        raise InputError("cells: the table has no rows.")
    plain = cells.copy(deep=False)
    plain.attrs = {}
    if not isinstance(reference, str | Mapping):
        plain[MASK] = matches(cells, reference)
        reference = {MASK: True}
    return [in_memory(plain)], plain.iloc[:0], reference


def read_plan(
    schema: pd.DataFrame,
    by: By,
    reference: Reference,
    treated: Reference,
    plate: str | None,
    well: str,
    platemap: pd.DataFrame | None,
    features: Sequence[str] | None,
    max_cells: int,
    seed: int,
    identity: bool,
) -> Plan:
    """Return what is asked for; columns that are not there are errors."""
    place = require(schema, [*([] if plate is None else [plate]), well], "well")
    if max_cells < 10:
        raise InputError(f"max_cells={max_cells}: give a whole number of 10 or more cells per well.")
    mapped = [] if platemap is None else [name for name in platemap if name not in place]
    known = schema.assign(**{str(name): 0 for name in mapped if name not in schema})
    keys = require(known, by, "by")
    if not keys:
        raise InputError(f"by={by!r}: name the columns that make a perturbation.")
    asked = [*require(known, named(reference, []), "reference"), *require(known, named(treated, []), "treated")]
    labels = [name for name in dict.fromkeys([*keys, *asked]) if name not in mapped and name not in place]
    measured = feature_columns(schema.drop(columns=MASK, errors="ignore"), features)
    others = [str(name) for name in schema if name not in {*measured, *place, *labels, MASK}]
    return Plan(
        keys, reference, treated, plate, well, platemap, measured, labels, others if identity else [], max_cells, seed
    )
