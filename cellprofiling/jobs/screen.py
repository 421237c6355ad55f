"""The cells of a screen, plate by plate, and the files of it that cannot be opened."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cellprofiling.core.account.spelling import one_spelling
from cellprofiling.core.errors import FileFormatError, InputError, listed
from cellprofiling.core.ledgers import Ledger, Line
from cellprofiling.io.cells import FORMATS, Cells, open_cells
from cellprofiling.io.objects.partitions import CellFormat, Partition, name_of
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.files import PathLike

CellsAnywhere = Cells | PathLike | Sequence[PathLike]


@dataclass(frozen=True)
class Screen:
    """What there is to aggregate.

    Attributes
    ----------
    plates : the cells of each plate alone.
    damaged : why a file cannot be opened, by the name of the plate that is missing for it.
    lines : what was left out of all plates when they were opened.
    """

    plates: dict[str, Cells]
    damaged: dict[str, str] = field(default_factory=dict)
    lines: Ledger = field(default_factory=Ledger)


def find_plates(cells: CellsAnywhere, format: str = "auto", options: Mapping[str, Any] | None = None) -> Screen:
    """Return the plates in some cells, in a path, or in several paths that share no plate."""
    options = dict(options or {})
    if isinstance(cells, Cells):
        if format != "auto" or options:
            raise InputError(f"format={format!r}, options={options}: are for paths; these cells are open already.")
        return _by_plate(cells)
    paths = [Path(cells)] if isinstance(cells, str | os.PathLike) else [Path(path) for path in cells]
    if not paths:
        raise InputError("cells=[]: name at least one file or folder of cells.")
    return _together({path: _found(path, format, options, alone=len(paths) == 1) for path in paths})


def _found(path: Path, format: str, options: dict[str, Any], *, alone: bool) -> Screen:
    """Return the plates in one path; a damaged file among others costs only its own plate."""
    try:
        return _by_plate(open_cells(path, format=format, **options))
    except FileFormatError as error:
        screen = _without_damaged(path, format, options) if path.exists() else None
        if screen is not None:
            return screen
        if alone or not path.is_file():
            raise
        return Screen({}, {name_of(path): str(error)})


def _without_damaged(path: Path, format: str, options: dict[str, Any]) -> Screen | None:
    """Return the plates in the files that can be opened, or None if it is not certain which plates the others hold.

    It is certain where every file holds one plate and every plate lies in one file.
    """
    reader = FORMATS.get(format) or next((form for form in FORMATS.values() if form.find(path)), None)
    files = reader.find(path) if reader else []
    errors = {file: _error(reader, file, options) for file in files} if reader else {}
    sound = [file for file, error in errors.items() if error is None]
    if reader is None or not sound or len(sound) == len(files):
        return None
    opened = reader.open(sound, **options)
    screen = _by_plate(Cells(reader.name, opened.partitions, opened.schema, Ledger(opened.lines), options))
    damaged = {name_of(file): error for file, error in errors.items() if error is not None}
    holders = [{file for piece in cells.partitions for file in piece.paths} for cells in screen.plates.values()]
    one_each = all(len(held) == 1 for held in holders) and len(set().union(*holders)) == len(holders)
    if not one_each or set(damaged) & set(screen.plates):
        return None
    return replace(screen, damaged=damaged)


def _error(reader: CellFormat, file: Path, options: dict[str, Any]) -> str | None:
    """Return why a file cannot be opened on its own, None if it can."""
    try:
        reader.open([file], **options)
    except FileFormatError as error:
        return str(error)
    return None


def _by_plate(cells: Cells) -> Screen:
    pieces: dict[str, list[Partition]] = {}
    names = one_spelling(partition.plate for partition in cells.partitions if partition.plate is not None)
    for partition in cells.partitions:
        if partition.plate is None:
            files = listed(path.name for path in partition.paths) or "these cells"
            raise FileFormatError(
                f"{files}: hold several plates that can only be read together. Divide them first, with "
                "'cellprofiling convert PATH -o FOLDER', and aggregate the folder."
            )
        pieces.setdefault(names[partition.plate], []).append(replace(partition, within=None))
    plates = {
        plate: replace(cells, partitions=tuple(parts), lines=_lines_of(parts, cells.lines))
        for plate, parts in pieces.items()
    }
    return Screen(plates, {}, cells.lines)


def _lines_of(partitions: Sequence[Partition], lines: Sequence[Line]) -> Ledger:
    """Return the lines without those about files of other plates: a result must not depend on what lies beside."""
    names = {path.name for partition in partitions for path in partition.paths}
    return Ledger(line for line in lines if line["item"] != "file" or line["name"] in names)


def _together(screens: Mapping[Path, Screen]) -> Screen:
    plates: dict[str, Cells] = {}
    source: dict[str, Path] = {}
    for path, screen in screens.items():
        doubled = [plate for plate in [*screen.plates, *screen.damaged] if source.setdefault(plate, path) != path]
        if doubled:
            raise InputError(
                f"plate {doubled[0]!r} lies in {str(source[doubled[0]])!r} and in {str(path)!r}: name their folder, or "
                "a pattern in quotes, so that both are read together."
            )
        plates |= screen.plates
    damaged = {plate: reason for screen in screens.values() for plate, reason in screen.damaged.items()}
    if not plates:
        raise FileFormatError(next(iter(damaged.values())))
    one_each = {source[plate]: cells for plate, cells in plates.items()}
    same_columns({path: list(cells.schema.columns) for path, cells in one_each.items()})
    return Screen(plates, damaged, Ledger(line for screen in screens.values() for line in screen.lines))
