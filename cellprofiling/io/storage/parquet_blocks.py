"""Features from parquet files as arrays, some columns at a time, from several threads at once.

Each thread keeps its file open from one batch of columns to the next, and reads alone: the others have columns of
their own.
"""

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from cellprofiling.io.storage.bitmaps import fill_present
from cellprofiling.io.storage.parquet import State, checked, open_file, state_of

_OPEN = 64  # files that a thread keeps open


def read_columns(path: Path, groups: Sequence[int], names: Sequence[str], *, keep_open: bool) -> pa.Table:
    """Return columns of some row groups, each in one piece; `keep_open` where this thread will ask for more."""
    with checked(path), nullcontext(_opened(path)) if keep_open else open_file(path) as file:
        return file.read_row_groups(groups, names, use_threads=not keep_open).select(names).combine_chunks()


def arrays(table: pa.Table) -> list[NDArray[np.floating]]:
    """Return the values of each column, missing ones as NaN; single precision stays, all else becomes double."""
    return [_joined([_array(chunk) for chunk in column.chunks]) for column in table.columns]


def _joined(parts: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])


def _array(chunk: pa.Array) -> NDArray[np.floating]:
    """Return the values of a chunk, where nothing is missing as they lie in Arrow's memory."""
    if pa.types.is_dictionary(chunk.type):
        chunk = pc.cast(chunk, chunk.type.value_type)
    if not (pa.types.is_float32(chunk.type) or pa.types.is_float64(chunk.type)):
        chunk = pc.cast(chunk, pa.float64(), safe=False)
    if not chunk.null_count:
        return chunk.to_numpy()
    if chunk.offset:
        return chunk.to_numpy(zero_copy_only=False)
    bitmap, data = chunk.buffers()
    values = np.empty(len(chunk), chunk.type.to_pandas_dtype())
    fill_present(np.frombuffer(data, values.dtype, len(chunk)), np.frombuffer(bitmap, np.uint8), values)
    return values


class _Files(threading.local):
    """The files that a thread has open, and what they were when it opened them."""

    def __init__(self) -> None:
        self.open: dict[Path, tuple[State, parquet.ParquetFile]] = {}


_files = _Files()


def _opened(path: Path) -> parquet.ParquetFile:
    state = state_of(path)
    if path in _files.open and _files.open[path][0] != state:
        del _files.open[path]
    if path not in _files.open:
        while len(_files.open) >= _OPEN:
            del _files.open[next(iter(_files.open))]
        _files.open[path] = (state, open_file(path))
    return _files.open[path][1]
