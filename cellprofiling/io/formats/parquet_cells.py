"""Cells in parquet: a file for each plate, several plates in a file, or several files for a plate."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from cellprofiling.core.columns import PLATE
from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.objects.embeddings import refuse_lists
from cellprofiling.io.objects.partitions import CellFormat, Opened, Partition, name_of, no_plate_column, without_cells
from cellprofiling.io.objects.plate_and_well_names import Place, located, with_place
from cellprofiling.io.storage.arrow import as_text, concatenated, to_profiles
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.keys import renames
from cellprofiling.io.storage.parquet import column_names, opened
from cellprofiling.io.storage.parquet_blocks import arrays, read_columns


@dataclass(frozen=True)
class ParquetCells:
    """One file.

    Attributes
    ----------
    old : the name in the file of each column.
    empty : a table without rows that has the columns and their types.
    plates : of each row group, how many cells each plate has in it.
    place : the columns that the path says.
    """

    path: Path
    old: Mapping[str, str]
    empty: pa.Table
    plates: tuple[Mapping[str, int], ...]
    place: Place = field(default_factory=dict)


def find(path: Path) -> list[Path]:
    """Return the parquet files that `path` means."""
    return [file for file in found(path) if ending(file, [".parquet"])]


def open_files(
    files: Sequence[Path], *, columns: Mapping[str, str] | None = None, pattern: str | None = None
) -> Opened:
    """Look which plates lie in which row groups of which file; of the values only the plates are read."""
    looked = [_look(path, columns) for path in files]
    places = located(files, pattern, looked[0].old)
    sources = [_placed(source, places[source.path]) for source in looked]
    schema = to_profiles(concatenated({source.path: source.empty for source in sources}))
    return Opened(
        _partitions(sources, tuple(map(str, schema.columns))),
        schema,
        [
            *no_plate_column([source.path for source in sources if PLATE not in (*source.old, *source.place)]),
            *without_cells([source.path for source in sources if not any(source.plates)]),
        ],
    )


def _look(path: Path, columns: Mapping[str, str] | None) -> ParquetCells:
    with opened(path) as file:
        refuse_lists(file.schema_arrow, path.name)
        names = column_names(file)
        renamed = renames(names, columns)
        old = {renamed.get(name, name): name for name in names}
        empty = file.schema_arrow.empty_table().select(names).rename_columns(list(old))
        if PLATE in old:
            return ParquetCells(path, old, empty, _plates(file, old[PLATE]))
        empty = empty.append_column(PLATE, pa.array([], pa.string()))
        return ParquetCells(path, old, empty, tuple({name_of(path): size} if size else {} for size in _sizes(file)))


def _placed(source: ParquetCells, place: Place) -> ParquetCells:
    """Return a source with the columns that its path says."""
    if PLATE not in place:
        return replace(source, place=place, empty=with_place(source.empty, place))
    plate = place[PLATE].as_py()
    plates = tuple({plate: sum(group.values())} if group else {} for group in source.plates)
    empty = with_place(source.empty.drop_columns([PLATE]), place)
    return replace(source, place=place, empty=empty, plates=plates)


def _plates(file: parquet.ParquetFile, name: str) -> tuple[dict[str, int], ...]:
    plates = as_text(file.read([name])[name])
    if plates.null_count:
        raise FileFormatError(f"column {name!r}: {plates.null_count} of {len(plates)} cells have no plate; fill it in.")
    sizes = _sizes(file)
    starts = accumulate(sizes, initial=0)
    slices = [plates.slice(start, size) for start, size in zip(starts, sizes, strict=False)]
    counts = [pc.value_counts(rows) for rows in slices]
    return tuple(dict(zip(*(part.to_pylist() for part in count.flatten()), strict=True)) for count in counts)


def _sizes(file: parquet.ParquetFile) -> list[int]:
    return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]


def _partitions(sources: Sequence[ParquetCells], names: tuple[str, ...]) -> tuple[Partition, ...]:
    """Return a partition for each plate; plates in common row groups also know the whole that they are part of."""
    parts: dict[str, Partition] = {}
    for together in _interleaved(sources):
        files = [source for source in sources if any(together & set(group) for group in source.plates)]
        whole = _partition(None, files, together, names) if len(together) > 1 else None
        parts |= {plate: replace(_partition(plate, files, {plate}, names), within=whole) for plate in together}
    return tuple(parts[plate] for plate in sorted(parts))


def _interleaved(sources: Sequence[ParquetCells]) -> list[frozenset[str]]:
    """Return the plates, those that lie in common row groups together."""
    sets: list[frozenset[str]] = []
    for plates in sorted({frozenset(group) for source in sources for group in source.plates if group}, key=sorted):
        joined = [other for other in sets if other & plates]
        sets = [other for other in sets if not other & plates] + [plates.union(*joined)]
    return sets


def _partition(
    plate: str | None, sources: Sequence[ParquetCells], plates: AbstractSet[str], names: tuple[str, ...]
) -> Partition:
    pieces = [Piece(source, plate, groups) for source in sources if (groups := _groups(source, plates))]
    paths = tuple(piece.source.path for piece in pieces)
    cells = [sum(group[name] for group in piece.source.plates for name in plates & set(group)) for piece in pieces]
    in_file = [sum(sum(group.values()) for group in piece.source.plates) for piece in pieces]
    size = sum(path.stat().st_size * n // of for path, n, of in zip(paths, cells, in_file, strict=True))
    load, block = partial(_load, pieces), partial(_block, pieces)
    return Partition(plate, names, load, True, paths=paths, n_cells=sum(cells), size=size, block=block)


def _groups(source: ParquetCells, plates: AbstractSet[str]) -> tuple[int, ...]:
    return tuple(i for i, group in enumerate(source.plates) if plates & set(group))


@dataclass(frozen=True)
class Piece:
    """The rows of a plate in one file, or all rows of some row groups if no plate is named."""

    source: ParquetCells
    plate: str | None
    groups: tuple[int, ...]

    @property
    def mixed(self) -> bool:
        """Whether the row groups hold other plates, too."""
        return self.plate is not None and any(len(self.source.plates[i]) > 1 for i in self.groups)


def _load(pieces: Sequence[Piece], columns: Sequence[str]) -> pd.DataFrame:
    tables = {piece.source.path: _rows(piece, columns) for piece in pieces}
    cells = to_profiles(concatenated(tables))
    return cells if list(cells) == list(columns) else cells[list(columns)]


def _block(pieces: Sequence[Piece], features: Sequence[str]) -> Sequence[NDArray[np.floating]]:
    parts = [arrays(_of_plate(piece, features, keep_open=True)) for piece in pieces]
    return parts[0] if len(parts) == 1 else [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def _rows(piece: Piece, columns: Sequence[str]) -> pa.Table:
    source = piece.source
    own = [name for name in columns if name in source.old and (name != PLATE or piece.plate is None)]
    table = _of_plate(piece, own, keep_open=False)
    plate = pa.scalar(piece.plate or name_of(source.path))
    known = {PLATE: plate} | dict(source.place)
    return with_place(table, {name: known[name] for name in columns if name not in own})


def _of_plate(piece: Piece, names: Sequence[str], *, keep_open: bool) -> pa.Table:
    """Return columns of the file, the rows of the plate."""
    source = piece.source
    needed = [*names, PLATE] if piece.mixed else list(names)
    table = read_columns(source.path, piece.groups, [source.old[name] for name in needed], keep_open=keep_open)
    table = table.rename_columns(needed)
    if not piece.mixed:
        return table
    return table.filter(pc.equal(as_text(table[PLATE]), piece.plate)).select(names).combine_chunks()


PARQUET = CellFormat("parquet", "parquet files", find, open_files, ("columns", "pattern"))
