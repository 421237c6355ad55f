"""One parquet file: opened, read and written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.io.storage.arrow import from_profiles

ROWS_TOGETHER = 1 << 17  # rows of a row group; thousands of small groups cost more to read than their values

State = tuple[int, int, int]

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path) -> pa.Table:
    """Return one parquet file as it is, without the index that pandas may have written."""
    with opened(path) as file:
        return file.read(column_names(file))


@contextmanager
def opened(path: Path) -> Iterator[parquet.ParquetFile]:
    """Give an open parquet file whose columns have different names; say so if it is damaged anywhere."""
    names_in(path)
    with checked(path), open_file(path) as file:
        yield file


def names_in(path: Path) -> tuple[str, ...]:
    """Return the columns of a parquet file, which must have different names."""
    if path.stat().st_size == 0:
        raise FileFormatError(f"{str(path)!r}: is empty (0 bytes); write it again, or leave it out.")
    return _names(path, state_of(path))


def open_file(path: Path) -> parquet.ParquetFile:
    """Return an open parquet file; its footer, which names each piece of each column, is parsed once."""
    # Without checksums a bit that flipped on disk is a number like any other. They cost next to nothing beside zstd,
    # and at least two thirds of the reading again in the lz4 cache.
    return parquet.ParquetFile(path, metadata=_footer(path, state_of(path)), page_checksum_verification=True)


def state_of(path: Path) -> State:
    """Return what changes when a file is written anew."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=8)  # of some megabytes each
def _footer(path: Path, _: State) -> parquet.FileMetaData:
    return parquet.read_metadata(path)


@contextmanager
def checked(path: Path) -> Iterator[None]:
    """Say which file is damaged if reading it fails."""
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{str(path)!r}: not a whole parquet file ({error}); copy it again.") from error


def column_names(file: parquet.ParquetFile) -> list[str]:
    """Return the columns of a file, without an index that pandas has written beside them."""
    return [name for name in file.schema_arrow.names if not _PANDAS_INDEX.fullmatch(name)]


def write_parquet(profiles: pd.DataFrame, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write parquet: zstd, and dictionaries only where values repeat (floats grow by them); `notes` lie beside."""
    table = from_profiles(profiles)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **(notes or {})})
    labels = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    parquet.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=labels,
        row_group_size=ROWS_TOGETHER,
        write_page_checksum=True,
    )


def read_notes(path: Path) -> dict[str, str]:
    """Return the notes that lie beside the table in a parquet file."""
    with opened(path) as file:
        found = file.metadata.metadata or {}
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


@lru_cache(maxsize=1 << 14)  # many formats look at the names, each for its own
def _names(path: Path, _: State) -> tuple[str, ...]:
    with checked(path), open_file(path) as file:
        names = column_names(file)
    doubled = (
        list(dict.fromkeys(name for name in names if names.count(name) > 1)) if len(set(names)) < len(names) else []
    )
    if doubled:
        raise FileFormatError(f"{str(path)!r}: columns {listed(doubled)} occur more than once; rename the copies.")
    return _shared(tuple(names))


@lru_cache(maxsize=16)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that were given first: the files of a screen have the same, and thousands of them each."""
    return names
