"""Folders of csv files as CellProfiler's ExportToSpreadsheet writes them: which there are, and what lies in each."""

import csv
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from cellprofiling.core.columns import is_metadata
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.threads import over
from cellprofiling.io.storage.files import found
from cellprofiling.io.storage.text import read_bytes, utf8

DEEP = 5  # analysis / batch / plate / analysis / site
IMAGE = re.compile(r"(?P<prefix>.*)image\.csv(?:\.gz)?", re.IGNORECASE)
ENDS = re.compile(r"\.csv(?:\.gz)?$", re.IGNORECASE)
BESIDE = ("experiment", "image")  # tables that hold no objects
COPY = " (copy)"  # of a metadata column that ExportToSpreadsheet wrote twice
KEYS = ("ImageNumber", "ObjectNumber")


@dataclass(frozen=True)
class Columns:
    """The header of a file of objects.

    Attributes
    ----------
    names : the columns, each once; where a file holds several compartments, with the compartment in front. The
        copy of a metadata column has `COPY` behind its name.
    compartments : those whose columns lie side by side; none if the file is of one, which its name says.
    skip : bytes before the first row.
    """

    names: tuple[str, ...]
    compartments: tuple[str, ...]
    skip: int


@dataclass(frozen=True)
class Head:
    """One file of objects."""

    path: Path
    columns: Columns


@dataclass(frozen=True, eq=False)
class Site:
    """One folder: the table of images, and the file of each kind of object by what its name says."""

    image: Path
    objects: dict[str, Path]


@dataclass(frozen=True)
class ImageRows:
    """A table of images as text."""

    path: Path
    names: list[str]
    rows: list[list[str]]


def sites(path: Path) -> Iterator[Site]:
    """Give the folders that hold a table of images and files beside it: a folder, those below, or those of files."""
    if path.is_dir():
        yield from _below(path, DEEP)
        return
    files = [file for file in found(path) if IMAGE.fullmatch(file.name) or holds_objects(file)]
    for folder in sorted({file.parent for file in files}):
        yield from _below(folder, 0)


def heads(paths: Sequence[Path]) -> dict[Path, Head | None]:
    """Return the headers of files of objects; None for a file that is empty, or that holds something else."""
    return dict(zip(paths, over(_head, paths, waiting=True), strict=True))


def holds_objects(path: Path) -> bool:
    """Return whether the header of a csv file is that of objects; a damaged file may be one."""
    if not ENDS.search(path.name):
        return False
    try:
        return _head(path) is not None
    except FileFormatError:
        return True


def refuse_unlike_copies(head: Head) -> list[str]:
    """Return the metadata columns that are there twice with the same values; copies that differ are refused."""
    names = head.columns.names
    copied = [name.removesuffix(COPY) for name in names if name.endswith(COPY)]
    if copied:
        rows = list(csv.reader(utf8(read_bytes(head.path)[head.columns.skip :]).decode().splitlines()))
        for name in copied:
            _refuse_unlike(head.path, name, rows, names.index(name), names.index(name + COPY))
    return copied


def _refuse_unlike(path: Path, name: str, rows: Sequence[Sequence[str]], first: int, second: int) -> None:
    for number, row in enumerate(rows, 1):
        if len(row) > max(first, second) and row[first] != row[second]:
            raise FileFormatError(
                f"{str(path)!r}: column {name!r} is there twice and differs: in row {number} it is {row[first]!r} and "
                f"{row[second]!r}; remove the wrong one."
            )


def image_rows(path: Path) -> ImageRows:
    """Return a table of images as text; without rows if the file is empty."""
    lines = [row for row in csv.reader(utf8(read_bytes(path)).decode().splitlines()) if row]
    names, rows = (lines[0], lines[1:]) if lines else ([], [])
    for row in rows:
        if len(row) != len(names):
            raise FileFormatError(
                f"{str(path)!r}: damaged or cut off: a row of {len(row)} values below {len(names)} columns; copy or "
                "export it again."
            )
    for at, name in enumerate(names):
        if is_metadata(name) and name in names[:at]:
            _refuse_unlike(path, name, rows, names.index(name), at)
    return ImageRows(path, names, rows)


def _below(folder: Path, deep: int) -> Iterator[Site]:
    with os.scandir(folder) as entries:
        listing = sorted(entries, key=lambda entry: entry.name)
    site = _site(folder, [entry.name for entry in listing if ENDS.search(entry.name) and entry.is_file()])
    if site is not None:
        yield site
    elif deep:
        for entry in listing:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from _below(Path(entry.path), deep - 1)


def _site(folder: Path, names: Sequence[str]) -> Site | None:
    tables = [(name, match["prefix"]) for name in names if (match := IMAGE.fullmatch(name)) and name[0] != "."]
    if not tables:
        return None
    image, prefix = min(tables, key=lambda table: len(table[1]))
    others = {ENDS.sub("", name)[len(prefix) :]: folder / name for name in names if name.startswith(prefix)}
    objects = {name: path for name, path in others.items() if name and name.lower() not in BESIDE}
    return Site(folder / image, objects) if objects else None


def _head(path: Path) -> Head | None:
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            columns = _columns(file.readline(), file.readline())
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{str(path)!r}: cannot be read ({error}); copy it again.") from error
    if columns is None:
        return None
    columns = replace(columns, names=_copies_named(columns.names))
    if len(set(columns.names)) < len(columns.names):
        doubled = dict.fromkeys(name for name in columns.names if columns.names.count(name) > 1)
        raise FileFormatError(f"{str(path)!r}: columns {listed(doubled)} occur more than once; rename the copies.")
    return Head(path, columns)


@lru_cache(maxsize=64)
def _copies_named(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names with the second of two equal metadata columns marked as a copy."""
    return tuple(name + COPY if is_metadata(name) and name in names[:at] else name for at, name in enumerate(names))


def _columns(first: bytes, second: bytes) -> Columns | None:
    top = _fields(first)
    if top[:2] == KEYS:
        return Columns(top, (), len(first))
    names = _fields(second) if top[:1] == ("Image",) else ()
    if names[:2] != KEYS or len(names) != len(top):
        return None
    joined = [f"{kind}_{name}" for kind, name in zip(top[2:], names[2:], strict=True)]
    kinds = tuple(dict.fromkeys(kind for kind in top[1:] if kind != "Image"))
    return Columns((*KEYS, *joined), kinds, len(first) + len(second))


@lru_cache(maxsize=64)  # of a thousand sites the headers are the same
def _fields(line: bytes) -> tuple[str, ...]:
    text = line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    return tuple(name.strip() for name in next(csv.reader([text]), []))
