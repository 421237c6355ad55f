"""Rows of object tables, text or parquet: columns renamed, other rows left out, plate and well put in front."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.plates import standard_wells
from cellprofiling.io.objects.partitions import name_of
from cellprofiling.io.objects.plate_and_well_names import Place
from cellprofiling.io.storage.arrow import as_text, concatenated, to_profiles
from cellprofiling.io.storage.columns import texts_table, typed
from cellprofiling.io.storage.files import ending
from cellprofiling.io.storage.parquet import names_in, opened
from cellprofiling.io.storage.text import Text, header, read_bytes, read_head, utf8

POPULATION, NUMBER, IMAGE = "Metadata_Population", "Metadata_ObjectNumber", "Metadata_Image"

TakeApart = Callable[[bytes, Path], Text]


@dataclass(frozen=True)
class Reading:
    """How the files at hand are read.

    Attributes
    ----------
    take_apart : splits header and rows of a text.
    old : the name in the files of each column.
    cell : the column that is empty in rows that are no cells; None if all rows are.
    place : where files or images lie, by name; empty if columns say it.
    by_image : whether the names are those of images.
    population : the one kind of objects that is wanted.
    """

    take_apart: TakeApart
    old: Mapping[str, str]
    cell: str | None = None
    place: Mapping[str, Place] = field(default_factory=dict)
    by_image: bool = False
    population: str | None = None

    def cells(self, paths: Sequence[Path], columns: Sequence[str] | None = None, *, head: bool = False) -> pd.DataFrame:
        """Return the cells in some files, with these columns or with all; with `head` only the first ones."""
        parts = {path: self._rows(path, self._needed(columns), head) for path in paths}
        whole = concatenated(parts)
        table = whole if is_parquet(paths[0]) else typed(whole)
        table = self._placed(table, self._names(whole, parts))
        cells = to_profiles(table)
        cells = cells.assign(**{WELL: standard_wells(cells[WELL])}) if WELL in cells else cells
        return cells if columns is None else cells[list(columns)]

    def texts(self, path: Path, name: str) -> pa.ChunkedArray:
        """Return one column of a file as text, empty values as missing."""
        also = [self.cell] if self.cell and self.cell != name else []
        texts = as_text(self._rows(path, [name, *also])[name])
        return pc.if_else(pc.equal(texts, ""), None, texts)

    def distinct(self, paths: Sequence[Path], name: str) -> list[str]:
        """Return the different values of a column, as text, in the order they occur."""
        return list(
            dict.fromkeys(str(value) for path in paths for value in self.texts(path, name).unique().to_pylist())
        )

    def other_rows(self, path: Path) -> int:
        """Return how many rows of a file are no cells."""
        if self.cell is None:
            return 0
        column = self._read(path, [self.old[self.cell]])[self.old[self.cell]]
        return len(column) - pc.sum(_present(column)).as_py()

    def _needed(self, columns: Sequence[str] | None) -> list[str]:
        """Return the columns to read for those wanted: also those that choose rows, and one at least, to count them."""
        wanted = list(self.old) if columns is None else [name for name in columns if name in self.old]
        also = [self.cell, self.population and POPULATION, IMAGE if self.by_image else None]
        wanted += [name for name in also if name]
        return list(dict.fromkeys(wanted or list(self.old)[:1]))

    def _rows(self, path: Path, columns: Sequence[str], head: bool = False) -> pa.Table:
        """Return the rows of a file that are cells, values as texts if it is a text."""
        table = self._read(path, [self.old[name] for name in columns], head).rename_columns(list(columns))
        if self.cell in columns:
            table = table.filter(_present(table[self.cell]))
        if self.population is not None and POPULATION in columns:
            table = table.filter(pc.equal(as_text(table[POPULATION]), self.population))
        return table

    def _read(self, path: Path, names: Sequence[str], head: bool = False) -> pa.Table:
        if is_parquet(path):
            with opened(path) as file:
                return file.read(list(names)).select(list(names))
        data = read_head(path) if head else utf8(read_bytes(path))
        return texts_table([self.take_apart(data, path)], columns=names).select(list(names))

    def _names(self, rows: pa.Table, parts: Mapping[Path, pa.Table]) -> pa.DictionaryArray:
        """Return for each row the name of its image or file."""
        if self.by_image:
            return as_text(rows[IMAGE]).combine_chunks().dictionary_encode()
        chunks = [pa.repeat(str(path), len(part)) for path, part in parts.items()]
        return pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()

    def _placed(self, table: pa.Table, names: pa.DictionaryArray) -> pa.Table:
        """Return the table with plate, well and site in front."""
        unique = names.dictionary.to_pylist()
        example = next(iter(self.place.values()), {})
        for key in reversed(list(example)):
            values = pa.array([self.place[name][key].as_py() for name in unique], example[key].type)
            table = table.add_column(0, key, values.take(names.indices))
        if PLATE not in table.column_names and PLATE not in self.old:
            plates = pa.array([name_of(Path(name)) for name in unique], pa.string())
            table = table.add_column(0, PLATE, plates.take(names.indices))
        return table


def names_of(path: Path, take_apart: TakeApart) -> tuple[str, ...]:
    """Return the column names of a text or parquet file; none if it is damaged or another kind of file."""
    if not is_parquet(path):
        return header(path, take_apart)
    try:
        return names_in(path)
    except FileFormatError:
        return ()


def is_empty(path: Path, take_apart: TakeApart) -> bool:
    """Return whether a file has a header only."""
    if not is_parquet(path):
        return take_apart(read_head(path), path).empty
    with opened(path) as file:
        return file.metadata.num_rows == 0


def is_parquet(path: Path) -> bool:
    """Return whether a file is parquet, by its name."""
    return ending(path, [".parquet"]) is not None


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(as_text(column)), ""), False)
