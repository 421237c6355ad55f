"""Features from parquet files straight into arrays, some columns at a time, from several threads at once.

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

from cellprofiling.io.parquet import State, checked, open_file, state_of
from cellprofiling.kernels.bitmaps import fill_present

_OPEN = 64  # files that a thread keeps open


def read_columns(path: Path, groups: Sequence[int], names: Sequence[str], *, keep_open: bool) -> pa.Table:
    """Return columns of some row groups, each in one piece; `keep_open` where this thread will ask for more."""
    with checked(path), nullcontext(_opened(path)) if keep_open else open_file(path) as file:
        return file.read_row_groups(groups, names, use_threads=not keep_open).select(names).combine_chunks()


def fill(block: NDArray[np.floating], table: pa.Table) -> None:
    """Copy columns, each in one piece, into the rows of a block, missing values as NaN."""
    for values, column in zip(block, table.columns, strict=True):
        for chunk in column.chunks:
            _copy(chunk, values)


def is_single(schema: pa.Schema) -> bool:
    """Return whether all columns are of single precision."""
    return all(pa.types.is_float32(kind) for kind in schema.types)


def _copy(chunk: pa.Array, values: NDArray[np.floating]) -> None:
    if pa.types.is_dictionary(chunk.type):
        chunk = pc.cast(chunk, chunk.type.value_type)
    if pa.types.is_decimal(chunk.type) or pa.types.is_null(chunk.type):
        chunk = pc.cast(chunk, pa.float64())
    if chunk.null_count and chunk.offset == 0 and chunk.type == pa.from_numpy_dtype(values.dtype):
        bitmap, data = chunk.buffers()
        fill_present(np.frombuffer(data, values.dtype, len(chunk)), np.frombuffer(bitmap, np.uint8), values)
    else:
        values[:] = chunk.to_numpy(zero_copy_only=False)


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
