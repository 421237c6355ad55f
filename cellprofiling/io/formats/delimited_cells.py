"""Cells in delimited text: one row per cell, and a column, or the file name, that says the plate."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.columns import PLATE
from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.objects.partitions import (
    CellFormat,
    Opened,
    Partition,
    name_of,
    no_plate_column,
    stacked,
    total_size,
    without_cells,
)
from cellprofiling.io.objects.plate_and_well_names import Place, located, with_place
from cellprofiling.io.storage.arrow import same_columns, to_profiles
from cellprofiling.io.storage.columns import texts_table, typed
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.keys import renames
from cellprofiling.io.storage.text import read_bytes, read_head, read_text, take_apart, utf8

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")

Renamed = Mapping[str, str]


def find(path: Path) -> list[Path]:
    """Return the text files that `path` means."""
    return [file for file in found(path) if ending(file, ENDINGS)]


def open_files(
    files: Sequence[Path], *, columns: Mapping[str, str] | None = None, pattern: str | None = None
) -> Opened:
    """Read the plate column whole, and of the others the first rows, by which their types are told."""
    heads = {path: take_apart(read_head(path) or utf8(read_bytes(path)), path) for path in files}  # or what is damaged
    same_columns({path: head.names for path, head in heads.items()})
    filled = [path for path, head in heads.items() if not head.empty]
    sample = texts_table([heads[path] for path in filled[:1] or files[:1]])
    renamed = renames(sample.column_names, columns)
    places = located(files, pattern, _renamed(sample, renamed).column_names)
    has_plate = PLATE in _renamed(sample, renamed).column_names
    placed = with_place(typed(_renamed(sample, renamed)), places[files[0]])
    schema = to_profiles(_with_plate(placed, "")).iloc[:0]
    plates = {path: _plates(path, renamed) if has_plate else [_plate(path, places)] for path in filled}
    names = tuple(map(str, schema.columns))
    partitions = [
        Partition(
            plate, names, partial(_load, paths, renamed, places), False, paths=tuple(paths), size=total_size(paths)
        )
        for plate, paths in _by_plate(plates)
    ]
    empty = [path for path in files if path not in filled]
    return Opened(
        tuple(partitions),
        schema,
        [*no_plate_column([] if has_plate or PLATE in places[files[0]] else filled), *without_cells(empty)],
    )


def _plates(path: Path, renamed: Renamed) -> list[str]:
    name = next((old for old, new in renamed.items() if new == PLATE), PLATE)
    plates = texts_table([read_text(path)], columns=[name])[name]
    missing = pc.sum(pc.equal(plates, "")).as_py()
    if missing:
        raise FileFormatError(f"{str(path)!r}: {missing} of {len(plates)} cells have no value in {name!r}; fill it in.")
    return pc.unique(plates).to_pylist()


def _plate(path: Path, places: Mapping[Path, Place]) -> str:
    return places[path][PLATE].as_py() if PLATE in places[path] else name_of(path)


def _by_plate(plates: Mapping[Path, Sequence[str]]) -> list[tuple[str | None, list[Path]]]:
    """Return the files of each plate; all together if one holds several, for text is read whole or not at all."""
    if any(len(names) > 1 for names in plates.values()):
        return [(None, list(plates))]
    return [
        (plate, [path for path in plates if plates[path][0] == plate])
        for plate in sorted({p for (p,) in plates.values()})
    ]


def _load(
    paths: Sequence[Path], renamed: Renamed, places: Mapping[Path, Place], columns: Sequence[str]
) -> pd.DataFrame:
    if not any(name in places[paths[0]] for name in columns):
        return _read(paths, renamed, columns)
    return stacked([_read_placed(path, renamed, places[path], columns) for path in paths])


def _read_placed(path: Path, renamed: Renamed, place: Place, columns: Sequence[str]) -> pd.DataFrame:
    """Return the rows of one file, with columns that its path says."""
    inside = [name for name in columns if name not in place]
    head = take_apart(read_head(path), path).names
    cells = _read([path], renamed, inside or [renamed.get(head[0], head[0])])
    said = {name: pd.array([value.as_py()]).repeat(len(cells)) for name, value in place.items()}
    return cells.assign(**said)[list(columns)]


def _read(paths: Sequence[Path], renamed: Renamed, columns: Sequence[str]) -> pd.DataFrame:
    old = {new: name for name, new in renamed.items()}
    texts = [read_text(path) for path in paths]
    names = [old.get(name, name) for name in columns if name != PLATE or PLATE in texts[0].names or PLATE in old]
    table = typed(_renamed(texts_table(texts, columns=names), renamed))
    cells = to_profiles(_with_plate(table, name_of(paths[0])) if PLATE in columns else table)
    return cells if list(cells) == list(columns) else cells[list(columns)]


def _renamed(table: pa.Table, renamed: Renamed) -> pa.Table:
    return table.rename_columns([renamed.get(name, name) for name in table.column_names])


def _with_plate(table: pa.Table, plate: str) -> pa.Table:
    return table if PLATE in table.column_names else table.append_column(PLATE, pa.repeat(plate, len(table)))


DELIMITED = CellFormat("delimited", "csv, tsv or txt tables (also as gz)", find, open_files, ("columns", "pattern"))
