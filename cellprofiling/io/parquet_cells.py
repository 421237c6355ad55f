"""Cells in parquet: a file for each plate, several plates in a file, or several files for a plate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.frame import PLATE
from cellprofiling.io.arrow import as_text, concatenated, to_profiles
from cellprofiling.io.files import ending, found
from cellprofiling.io.keys import renames
from cellprofiling.io.parquet import column_names, opened
from cellprofiling.io.partitions import CellFormat, Opened, Partition, name_of, no_plate_column, without_cells


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes
    ----------
    old : the name in the file of each column.
    empty : a table without rows that has the columns and their types.
    plates : the plates in each row group.
    """

    path: Path
    old: Mapping[str, str]
    empty: pa.Table
    plates: tuple[frozenset[str], ...]


def find(path: Path) -> list[Path]:
    """Return the parquet files that `path` means."""
    return [file for file in found(path) if ending(file, [".parquet"])]


def open_files(files: Sequence[Path], *, columns: Mapping[str, str] | None = None) -> Opened:
    """Look which plates lie in which row groups of which file; of the values only the plates are read."""
    sources = [_look(path, columns) for path in files]
    schema = to_profiles(concatenated({source.path: source.empty for source in sources}))
    plates = sorted({plate for source in sources for group in source.plates for plate in group})
    names = tuple(map(str, schema.columns))
    load = [partial(_load, plate, [source for source in sources if _groups(source, plate)]) for plate in plates]
    return Opened(
        tuple(Partition(plate, names, loads, columnar=True) for plate, loads in zip(plates, load, strict=True)),
        schema,
        [
            *no_plate_column([source.path for source in sources if PLATE not in source.old]),
            *without_cells([source.path for source in sources if not any(source.plates)]),
        ],
    )


def _look(path: Path, columns: Mapping[str, str] | None) -> Source:
    with opened(path) as file:
        names = column_names(file)
        renamed = renames(names, columns)
        old = {renamed.get(name, name): name for name in names}
        empty = file.schema_arrow.empty_table().select(names).rename_columns(list(old))
        if PLATE in old:
            return Source(path, old, empty, _plates(file, old[PLATE]))
        empty = empty.append_column(PLATE, pa.array([], pa.string()))
        plates = [[name_of(path)] if size else [] for size in _sizes(file)]
        return Source(path, old, empty, tuple(frozenset(plate) for plate in plates))


def _plates(file: parquet.ParquetFile, name: str) -> tuple[frozenset[str], ...]:
    plates = as_text(file.read([name])[name])
    if plates.null_count:
        raise FileFormatError(f"column {name!r}: {plates.null_count} of {len(plates)} cells have no plate; fill it in.")
    sizes = _sizes(file)
    starts = accumulate(sizes, initial=0)
    slices = [plates.slice(start, size) for start, size in zip(starts, sizes, strict=False)]
    return tuple(frozenset(pc.unique(rows).to_pylist()) for rows in slices)


def _sizes(file: parquet.ParquetFile) -> list[int]:
    return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]


def _groups(source: Source, plate: str) -> list[int]:
    return [i for i, plates in enumerate(source.plates) if plate in plates]


def _load(plate: str, sources: Sequence[Source], columns: Sequence[str]) -> pd.DataFrame:
    tables = {source.path: _rows(source, plate, columns) for source in sources}
    cells = to_profiles(concatenated(tables))
    return cells if list(cells) == list(columns) else cells[list(columns)]


def _rows(source: Source, plate: str, columns: Sequence[str]) -> pa.Table:
    groups = _groups(source, plate)
    names = [name for name in columns if name != PLATE]
    mixed = any(len(source.plates[i]) > 1 for i in groups)
    needed = [*names, PLATE] if mixed else names
    with opened(source.path) as file:
        table = file.read_row_groups(groups, [source.old[name] for name in needed])
    table = table.select([source.old[name] for name in needed]).rename_columns(needed)
    if mixed:
        table = table.filter(pc.equal(as_text(table[PLATE]), plate)).select(names)
    return table.append_column(PLATE, pa.repeat(plate, len(table))) if PLATE in columns else table


PARQUET = CellFormat("parquet", "parquet files", find, open_files, ("columns",))
