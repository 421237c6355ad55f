"""Cells from anywhere: a path, opened cells or a table, as pieces to read; which rows are meant; what is refused."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cellprofiling.core.columns import Reference, columns_once, matches, refuse_mask
from cellprofiling.core.errors import InputError
from cellprofiling.core.ledgers import KEY
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects.partitions import Partition, in_memory, read_once
from cellprofiling.io.storage.files import PathLike

CellsLike = pd.DataFrame | Cells | PathLike

NEGCON = "Metadata_Role == 'negcon'"
MASK = "Metadata__Reference"  # a mask among the columns of a table in memory


@dataclass(frozen=True)
class CellSource:
    """Cells wherever they are.

    Attributes
    ----------
    partitions : pieces to read, each once.
    schema : a table without rows that has their columns, types and ledger.
    table : the cells themselves if they are in memory; its ledger is that of the schema.
    """

    partitions: Sequence[Partition]
    schema: pd.DataFrame
    table: pd.DataFrame | None = None

    def meant(self, reference: Reference, argument: str = "reference", *, example: str = NEGCON) -> Reference:
        """Return which rows are meant: a query as it is, a mask as an array; cells in files have no mask."""
        if reference is None or isinstance(reference, str | Mapping):
            return reference
        if self.table is None:
            refuse_mask(reference, argument, example=example)
            return reference
        return matches(self.table, reference, argument)

    def marked(self, reference: Reference) -> tuple["CellSource", Reference]:
        """Return cells that carry a mask as a column, and what means it; with a query both are as they were."""
        mask = self.meant(reference)
        if self.table is None or mask is None or isinstance(mask, str | Mapping):
            return self, mask
        table = self.table.copy(deep=False)
        table[MASK] = mask
        return CellSource([in_memory(table)], self.schema, table), {MASK: True}


def opened(cells: CellsLike) -> pd.DataFrame | Cells:
    """Return cells in files as `Cells`, a table as it is; what is neither, or a table without rows, is refused."""
    if isinstance(cells, str | os.PathLike):
        return open_cells(cells)
    if isinstance(cells, Cells):
        return cells
    if not isinstance(cells, pd.DataFrame):
        raise InputError(f"cells: expected a table, cells of open_cells() or a path, got {type(cells).__name__}.")
    columns_once(cells)
    if not len(cells):
        raise InputError("cells: the table has no rows.")
    return cells


def source_of(cells: CellsLike) -> CellSource:
    """Return the cells as pieces to read."""
    cells = opened(cells)
    if isinstance(cells, Cells):
        schema = cells.schema.copy()
        schema.attrs[KEY] = cells.lines
        return CellSource(read_once(cells.partitions), schema)
    plain = cells.copy(deep=False)
    plain.attrs = {}
    return CellSource([in_memory(plain)], cells.iloc[:0], plain)
