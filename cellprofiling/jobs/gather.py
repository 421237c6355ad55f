"""The results of all plates, checked and put together."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from cellprofiling.core import checks
from cellprofiling.core.account.spelling import spelled_once
from cellprofiling.core.columns import PLATE, WELL, is_metadata
from cellprofiling.core.errors import FileFormatError, InputError, KeyMatchError, listed
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.io.cells import Cells
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.files import PathLike, atomic, files_of
from cellprofiling.io.storage.parquet import write_parquet
from cellprofiling.io.tables import read_profiles
from cellprofiling.jobs.record import Record, read_record
from cellprofiling.jobs.screen import find_plates


def gather_plates(
    folder: PathLike, plates: Iterable[str] | Cells | PathLike | None = None, *, partial: bool = False
) -> pd.DataFrame:
    """
    Put the wells of all plates together, after a check that none is missing and that they belong together.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder into which `aggregate_plates`, or the command ``cellprofiling aggregate``, has written.
    plates : list of str, Cells, path or None, default None
        The plates that should be there: their names, the cells they are made from, or the path of those. None takes
        those that are there.
    partial : bool, default False
        Whether to go on if plates are missing.

    Returns
    -------
    pandas.DataFrame
        One row per well, plate by plate in the order of their names, with the `ledger` of all of them. A metadata
        column that not all plates have is left out, with a line there.

    Raises
    ------
    KeyMatchError
        If plates are missing, or others lie there as well.
    FileFormatError
        If a file is damaged, is no result of a plate, or lacks features of the others.
    InputError
        If the results were made with different settings or versions.

    Notes
    -----
    `read_profiles` reads the folder as well, without these checks.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> cells = pd.DataFrame(
    ...     {"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A01", "A02"], "Cells_Area": [1.0, 2, 4]}
    ... )
    >>> file = cpf.write_profiles(cells, folder / "cells.parquet")
    >>> plates = cpf.aggregate_plates(file, folder / "wells")
    >>> cpf.gather_plates(folder / "wells", plates=["P1"])
      Metadata_Plate Metadata_Well  Metadata_Object_Count  Cells_Area
    0             P1           A01                      2         1.5
    1             P1           A02                      1         4.0
    """
    checks.arguments(
        locals(),
        plates=checks.optional(checks.either(checks.several(checks.text), checks.cells)),
        folder=checks.path,
        partial=checks.flag,
    )
    files = files_of(Path(folder), [".parquet"])
    records = {path: _record(path) for path in files}
    _check_settings(records)
    _check_plates(folder, [record.plate for record in records.values()], plates, partial)
    tables = {path: read_profiles(path) for path in files}
    uneven = _uneven(map(_names, tables.values()))
    tables = {path: table.drop(columns=uneven, errors="ignore") for path, table in tables.items()}
    same_columns({path: _names(table) for path, table in tables.items()})
    order = _names(next(iter(tables.values())))
    wells = pd.concat([table[order] for table in tables.values()], ignore_index=True)
    wells, spelled = spelled_once(wells, plate=PLATE, well=WELL, step="gather_plates")
    old = [line for record in records.values() for line in record.ledger]
    return written(wells, new=[*_once(old), *_left_out(uneven), *spelled])


def settle(files: Sequence[Path]) -> list[Line]:
    """Take metadata columns that not all plates have out of the others, so that the files are parts of one table.

    A column that differs between the cells of some wells is left out of the plate of these wells alone; aggregating
    all plates at once would leave it out of all.
    """
    columns = {path: _columns(path) for path in files}
    uneven = _uneven(columns.values())
    if not files:
        return []
    same_columns({path: [name for name in names if name not in uneven] for path, names in columns.items()})
    for path, names in columns.items():
        extra = [name for name in uneven if name in names]
        if extra:
            record = _record(path)
            record = replace(record, ledger=(*record.ledger, *_left_out(extra)))
            with atomic(path) as temporary:
                write_parquet(read_profiles(path).drop(columns=extra), temporary, record.notes())
    return _left_out(uneven)


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table]


def _columns(path: Path) -> list[str]:
    """Return the names of the columns, from the end of the file alone: there may be thousands of files."""
    return list(parquet.read_metadata(path).schema.names)


def _record(path: Path) -> Record:
    record = read_record(path)
    if record is None:
        raise FileFormatError(f"{str(path)!r}: is no result of aggregate_plates; take it out of the folder.")
    return record


def _check_settings(records: dict[Path, Record]) -> None:
    first, *others = records
    different = [path.name for path in others if records[path].made != records[first].made]
    if different:
        raise InputError(
            f"{listed(different)} were made with other settings, or by another version, than {first.name!r}; make "
            "them again, with the same."
        )


def _check_plates(
    folder: PathLike, there: Sequence[str], plates: Iterable[str] | Cells | PathLike | None, partial: bool
) -> None:
    if plates is None:
        return
    if isinstance(plates, Cells | str | os.PathLike):
        screen = find_plates(plates)
        plates = [*screen.plates, *screen.damaged]
    wanted = list(plates)
    missing = [plate for plate in wanted if plate not in set(there)]
    extra = [plate for plate in there if plate not in set(wanted)]
    if extra:
        raise KeyMatchError(f"folder={str(folder)!r}: also holds plates {listed(extra)}, which are not among `plates`.")
    if missing and not partial:
        raise KeyMatchError(
            f"folder={str(folder)!r}: {len(missing)} of {len(wanted)} plates are missing: {listed(missing)}. Make "
            "them, or go on without them with partial=True."
        )


def _uneven(columns: Iterable[Iterable[str]]) -> list[str]:
    """Return metadata columns that some tables have and others do not."""
    tables = [set(names) for names in columns]
    names = sorted(set().union(*tables))
    return [name for name in names if is_metadata(name) and not all(name in table for table in tables)]


def _left_out(columns: Sequence[str]) -> list[Line]:
    return lines("gather_plates", "column", columns, "not in all plates")


def _once(found: Iterable[Line]) -> list[Line]:
    """Return lines without repetition: each plate has those about its columns."""
    return list({tuple(line.values()): line for line in found}.values())
