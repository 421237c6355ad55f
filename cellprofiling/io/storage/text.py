"""Delimited text taken apart: bytes in any usual encoding to a header and the lines below it."""

import codecs
import csv
import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cellprofiling.core.errors import FileFormatError, listed

DELIMITERS = (",", "\t", ";")  # in the order tried; tab first where the name does not say csv
HEAD = 1 << 20  # bytes that hold the header and some rows of any table; headers of 3000 features have 150 kB

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# One sign, many spellings: Greek mu, and UTF-8 that was read as Latin-1 or Mac Roman
_SPELLINGS = {"Âµ": "µ", "¬µ": "µ", "Î¼": "µ", "μ": "µ", "Â²": "²", "¬≤": "²"}


@dataclass(frozen=True)
class Text:
    """A delimited text file taken apart.

    Attributes
    ----------
    names : the header, units spelled one way; the last name is empty where lines end in a delimiter.
    body : the lines below it, UTF-8.
    delimiter : what stands between two values.
    source : the file, for messages.
    """

    names: tuple[str, ...]
    body: bytes
    delimiter: str
    source: Path

    @property
    def empty(self) -> bool:
        """Whether there is no row below the header."""
        return not self.body.strip()

    def first(self) -> dict[str, str]:
        """Return the first row, by column."""
        return dict(zip(self.names, _fields(_first_line(self.body), self.delimiter), strict=False))


def read_text(path: Path) -> Text:
    """Read a delimited text file (`.gz` too) whose first line is the header."""
    return take_apart(utf8(read_bytes(path)), path)


def read_head(path: Path) -> bytes:
    """Return the first lines of a text file as UTF-8, enough to see what it is; nothing if it is damaged."""
    try:
        with gzip.open(path) if _is_gzip(path) else path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, EOFError, zlib.error):
        return b""  # what is wrong is said when the file is read
    whole = len(head) < HEAD or head.startswith(_UTF16)
    return utf8(head if whole else head.rpartition(b"\n")[0])


def header(path: Path, split: Callable[[bytes, Path], Text] | None = None) -> tuple[str, ...]:
    """Return the column names of a delimited text file; none if it is no such file.

    `split` takes apart files whose header is not their first line. Several formats look at each file of a folder:
    the names are kept until the file changes.
    """
    stat = path.stat()
    return _header(path, split or take_apart, stat.st_mtime_ns, stat.st_size)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if its name ends in `.gz`."""
    data = path.read_bytes()
    if not _is_gzip(path):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{str(path)!r}: not a whole gzip file ({error}); copy it again.") from error


def utf8(data: bytes) -> bytes:
    """Return text as UTF-8 without byte order mark: from UTF-16 if so marked, else UTF-8, else Latin-1."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1").encode()
    return data


def take_apart(data: bytes, source: Path) -> Text:
    """Split the header from the lines below it; every name must occur once."""
    if not data.strip():
        raise FileFormatError(f"{str(source)!r}: is empty ({len(data)} bytes); export it again, or leave it out.")
    if b"\0" in data[:HEAD]:
        raise FileFormatError(f"{str(source)!r}: is not a text file; export it as text.")
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # line ends of old spreadsheets
    line, _, body = data.partition(b"\n")
    top = line.decode().rstrip("\r")
    delimiter = _delimiter(top, _first_line(body), source)
    names = [spelled(name.strip()) for name in _fields(top, delimiter)]
    row = _fields(_first_line(body), delimiter)
    if len(row) == len(names) + 1 and row[-1] == "":
        names.append("")
    doubled = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if doubled:
        raise FileFormatError(f"{str(source)!r}: columns {listed(doubled)} occur more than once; rename the copies.")
    return Text(tuple(names), body, delimiter, source)


def spelled(name: str) -> str:
    """Return a column name with the signs of its unit (µ, ²) spelled one way."""
    for spelling, sign in _SPELLINGS.items():
        name = name.replace(spelling, sign)
    return name


@lru_cache(maxsize=1 << 16)
def _header(path: Path, split: Callable[[bytes, Path], Text], _changed: int, _size: int) -> tuple[str, ...]:
    try:
        return _shared(split(read_head(path), path).names)
    except FileFormatError:
        return ()


@lru_cache(maxsize=64)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of equal headers, so that a folder of files keeps one and not thousands."""
    return names


def _delimiter(top: str, row: str, source: Path) -> str:
    """Return the first delimiter that gives header and first row the same number of values; names may hold others."""
    order = sorted(DELIMITERS, key=lambda delimiter: delimiter != "\t") if ".csv" not in source.name else DELIMITERS
    for delimiter in order:
        names, values = _fields(top, delimiter), _fields(row, delimiter)
        if len(names) > 1 and len(values) in (0, len(names), len(names) + 1):
            return delimiter
    return max(order, key=top.count)


def _first_line(body: bytes) -> str:
    return body.lstrip(b"\r\n").partition(b"\n")[0].decode().rstrip("\r")


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a value of more than 128 kB: some other text that lies beside the tables
        return [line]


def _is_gzip(path: Path) -> bool:
    return path.name.lower().endswith(".gz")
