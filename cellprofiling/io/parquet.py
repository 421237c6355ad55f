"""One parquet file: opened, read and written."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.io.arrow import from_profiles

ROWS_TOGETHER = 1 << 17  # rows of a row group; thousands of small groups cost more to read than their values

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path) -> pa.Table:
    """Return one parquet file as it is, without the index that pandas may have written."""
    with opened(path) as file:
        return file.read(column_names(file))


@contextmanager
def opened(path: Path) -> Iterator[parquet.ParquetFile]:
    """Give an open parquet file whose columns have different names; say so if it is damaged anywhere."""
    if path.stat().st_size == 0:
        raise FileFormatError(f"{str(path)!r}: is empty (0 bytes); write it again, or leave it out.")
    try:
        with parquet.ParquetFile(path) as file:
            _refuse_doubled(file, path)
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise FileFormatError(f"{str(path)!r}: not a whole parquet file ({error}); copy it again.") from error


def column_names(file: parquet.ParquetFile) -> list[str]:
    """Return the columns of a file, without an index that pandas has written beside them."""
    return [name for name in file.schema_arrow.names if not _PANDAS_INDEX.fullmatch(name)]


def write_parquet(profiles: pd.DataFrame, path: Path) -> None:
    """Write parquet: zstd, and dictionaries only where values repeat (floats grow by them)."""
    table = from_profiles(profiles)
    labels = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    parquet.write_table(table, path, compression="zstd", use_dictionary=labels, row_group_size=ROWS_TOGETHER)


def _refuse_doubled(file: parquet.ParquetFile, path: Path) -> None:
    names = file.schema_arrow.names
    doubled = (
        list(dict.fromkeys(name for name in names if names.count(name) > 1)) if len(set(names)) < len(names) else []
    )
    if doubled:
        raise FileFormatError(f"{str(path)!r}: columns {listed(doubled)} occur more than once; rename the copies.")
