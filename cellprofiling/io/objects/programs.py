"""Object tables as programs write them: one row per object, the program's own column names, plate and well anywhere.

A program is a record: how its tables are recognized, which columns are metadata, which rows are cells. Plate and well
come from columns (the program's, or those that `columns` names), else from the names of the images in the table or of
the files, by `pattern` or the usual forms (`P1_A01_s1.csv`, `P1/A01_f2.csv`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import ColumnError, FileFormatError, InputError, listed, one_of
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.io.objects.partitions import (
    CellFormat,
    Opened,
    Partition,
    name_of,
    no_plate_column,
    total_size,
    without_cells,
)
from cellprofiling.io.objects.plate_and_well_names import EXAMPLE, USUAL, compiled, keys_of, matches, places
from cellprofiling.io.objects.reading import IMAGE, POPULATION, Reading, TakeApart, is_empty, is_parquet, names_of
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.keys import renames
from cellprofiling.io.storage.text import take_apart

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".xls", ".parquet")


def _all_of_cells(_: Sequence[str]) -> list[str]:
    return []


@dataclass(frozen=True)
class Program:
    """How one program writes its objects.

    Attributes
    ----------
    name, looks : what `format=` calls it, and what its files look like.
    recognizes : tells by the column names.
    labels : the metadata columns, and what they are called here.
    take_apart : splits header and rows, where the header is not the first line.
    not_of_cells : given the column names, returns those that are measured on anything but cells.
    cell : the column that is empty in rows that are no cells.
    populations : whether the table may hold several kinds of objects, one below the other.
    """

    name: str
    looks: str
    recognizes: Callable[[Sequence[str]], bool]
    labels: Mapping[str, str]
    take_apart: TakeApart = take_apart
    not_of_cells: Callable[[Sequence[str]], list[str]] = _all_of_cells
    cell: str | None = None
    populations: bool = False

    @property
    def format(self) -> CellFormat:
        """The program as a format of cells."""
        options = ("columns", "pattern", *(["population"] if self.populations else []))
        return CellFormat(self.name, self.looks, partial(_find, self), partial(_open, self), options)


def _find(program: Program, path: Path) -> list[Path]:
    files = [file for file in found(path) if ending(file, ENDINGS)]
    return [file for file in files if program.recognizes(names_of(file, program.take_apart))]


def _open(
    program: Program,
    files: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    pattern: str | None = None,
    population: str | None = None,
) -> Opened:
    """Look at headers, and at the columns that say plate, image or kind of object."""
    names = {path: names_of(path, program.take_apart) for path in files}
    _refuse_two_kinds(files)
    same_columns(names)
    filled = [path for path in files if not is_empty(path, program.take_apart)]
    reading, left_out = _reading(program, names[files[0]], columns)
    reading = _placed(_of_population(reading, filled, population), filled, pattern)
    schema = reading.cells(filled[:1], head=True).iloc[:0] if filled else pd.DataFrame()
    plates = {path: _plates(reading, path) for path in filled}
    partitions = tuple(_partition(reading, schema, *group) for group in _by_plate(plates))
    reason = f"left out: {program.name} measured it on something other than cells"
    return Opened(
        partitions,
        schema,
        [
            *_lines(reading, filled),
            *without_cells([path for path in files if path not in filled]),
            *lines("open_cells", "column", left_out, reason),
        ],
    )


def _refuse_two_kinds(files: Sequence[Path]) -> None:
    if len({is_parquet(path) for path in files}) > 1:
        raise FileFormatError(
            f"{str(files[0].parent)!r}: holds such tables both as text and as parquet; name one kind, with a pattern "
            f"such as {str(files[0].parent / '*.parquet')!r}."
        )


def _reading(program: Program, names: Sequence[str], columns: Mapping[str, str] | None) -> tuple[Reading, list[str]]:
    """Return how tables with these columns are read, and the columns that are left out."""
    renamed = renames(names, columns, program.labels)
    left_out = program.not_of_cells([name for name in names if name not in renamed])
    old = {renamed.get(name, name): name for name in names if name and name not in left_out}
    return Reading(program.take_apart, old, program.cell if program.cell in old else None), left_out


def _of_population(reading: Reading, files: Sequence[Path], population: str | None) -> Reading:
    """Return a reading of one kind of objects; with several, one must be chosen."""
    if POPULATION not in reading.old:
        if population is not None:
            raise InputError(f"population={population!r}: no column says of what kind the objects are; leave it out.")
        return reading
    populations = sorted(reading.distinct(files, POPULATION))
    if population is None and len(populations) > 1:
        raise InputError(f"the files hold {listed(populations)}: choose one with population={populations[0]!r}.")
    wanted = population if population is None else one_of("population", population, populations)
    return replace(reading, population=wanted)


def _placed(reading: Reading, files: Sequence[Path], pattern: str | None) -> Reading:
    """Return a reading that knows where its images or files lie, if no column says it."""
    if not files or (WELL in reading.old and pattern is None):
        return reading
    expression = USUAL if pattern is None else compiled(pattern)
    images = reading.distinct(files, IMAGE) if IMAGE in reading.old else []
    by_image = bool(images) and matches(images, expression)
    names = images if by_image else [str(path) for path in files]
    if pattern is None:
        _refuse_unplaced(names, files)
    else:
        _refuse_twice(reading, pattern)
    where = places(names, expression)
    known = {name: {key: place[key] for key in place if key not in reading.old} for name, place in where.items()}
    return replace(reading, place=known, by_image=by_image)


def _refuse_unplaced(names: Sequence[str], files: Sequence[Path]) -> None:
    if not matches(names, USUAL):
        raise FileFormatError(
            f"{str(files[0])!r}: no column says the well of its cells, nor does the name of the file. Say where plate "
            f"and well stand in the path with pattern={EXAMPLE!r}, or name a column with columns={{'well': ...}}."
        )


def _refuse_twice(reading: Reading, pattern: str) -> None:
    keys = keys_of(compiled(pattern))
    taken = [key for key in keys if key in reading.old]
    if taken:
        raise ColumnError(f"pattern={pattern!r}: the table has {listed(taken)} already; leave that group out.")
    if WELL not in (*keys, *reading.old):
        raise ColumnError(f"pattern={pattern!r}: no column says the well; add a group 'well', as in {EXAMPLE!r}.")


def _plates(reading: Reading, path: Path) -> list[str]:
    """Return the plates in a file."""
    if PLATE in reading.old:
        plates = reading.texts(path, PLATE)
        missing, name = plates.null_count, reading.old[PLATE]
        if missing:
            raise FileFormatError(f"{str(path)!r}: {missing} of {len(plates)} cells have no {name!r}; fill it in.")
        return plates.unique().to_pylist()
    names = reading.distinct([path], IMAGE) if reading.by_image else [str(path)]
    plates = {place[PLATE].as_py() for name, place in reading.place.items() if name in names and PLATE in place}
    return sorted(plates) or [name_of(path)]


def _by_plate(plates: Mapping[Path, Sequence[str]]) -> list[tuple[str | None, list[Path]]]:
    """Return the files of each plate; all together if one holds several, for text is read whole or not at all."""
    if any(len(names) > 1 for names in plates.values()):
        return [(None, list(plates))]
    names = sorted({name for (name,) in plates.values()})
    return [(plate, [path for path in plates if plates[path][0] == plate]) for plate in names]


def _partition(reading: Reading, schema: pd.DataFrame, plate: str | None, paths: list[Path]) -> Partition:
    names = tuple(map(str, schema.columns))
    load = partial(reading.cells, paths)
    return Partition(plate, names, load, columnar=False, paths=tuple(paths), size=total_size(paths))


def _lines(reading: Reading, files: Sequence[Path]) -> list[Line]:
    """Return what was taken from names, and the rows that were left out."""
    by_name = PLATE not in reading.old and not any(PLATE in place for place in reading.place.values())
    counts = {path: reading.other_rows(path) for path in files}
    rows = [
        lines("open_cells", "row", [path.name], "left out: of a site or a well, not of a cell", n=n)
        for path, n in counts.items()
        if n
    ]
    return [*_first_place(reading), *no_plate_column(files if by_name else []), *(line for row in rows for line in row)]


def _first_place(reading: Reading) -> list[Line]:
    if not reading.place:
        return []
    name, place = next(iter(reading.place.items()))
    said = listed(f"{key} {value.as_py()}" for key, value in place.items())
    kind = "image" if reading.by_image else "file"
    return lines(
        "open_cells", kind, [Path(name).name], f"its name says {said}; the other names likewise", n=len(reading.place)
    )
