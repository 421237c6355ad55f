"""The layout in which cells are read fastest: a parquet file for each plate, the cells of a well together.

Features are float32 without nulls (a missing value is NaN), compressed by lz4 in large row groups, with checksums.
A row group needs all columns of some rows, while sources give some columns of all rows, or all columns of the rows of
some wells. In between, features lie column by column in a scratch file, in memory as long as it is small.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from cellprofiling.core.columns import WELL
from cellprofiling.core.errors import FeatureError, listed
from cellprofiling.core.progress import Counter
from cellprofiling.core.threads import cores, pool
from cellprofiling.io.objects.partitions import Partition, in_memory, stacked
from cellprofiling.io.storage.arrow import from_profiles
from cellprofiling.io.storage.files import atomic
from cellprofiling.io.storage.parquet import ROWS_TOGETHER

GROUP_BYTES = 1 << 29  # features of a row group in memory; they are ROWS_TOGETHER rows unless that is more
BATCH_BYTES = 1 << 24  # features that a thread reads at a time
SCRATCH_BYTES = 1 << 28  # features that stay in memory between reading and writing
LARGEST = float(np.finfo(np.float32).max)


def write_plate(pieces: Sequence[Partition], features: Sequence[str], path: Path, counter: Counter) -> None:
    """Write the cells of a plate, whose wells are each in one of the pieces."""
    with atomic(path) as temporary, Scratch(path.parent) as scratch:
        labels = []
        for piece in pieces:
            labels.append(_take(piece, features, scratch))
            counter.add(piece.plate, len(labels[-1]), piece.size)
        _write(from_profiles(stacked(labels)), pieces[0].columns, scratch, temporary)


class Scratch:
    """Features between reading and writing: for each the values of one piece after the other."""

    def __init__(self, folder: Path) -> None:
        self._file = SpooledTemporaryFile(SCRATCH_BYTES, dir=str(folder))  # noqa: SIM115, closed by __exit__
        self._at: dict[str, list[tuple[int, int]]] = {}  # where values start, and how many they are

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, name: str, values: NDArray[np.float32]) -> None:
        """Keep values of a feature behind those that are here already."""
        self._at.setdefault(name, []).append((self._file.seek(0, 2), len(values)))
        self._file.write(values.data)

    def get(self, name: str, rows: slice) -> NDArray[np.float32]:
        """Return some rows of a feature."""
        parts, first = [], 0
        for start, n in self._at[name]:
            inside = range(max(rows.start, first), min(rows.stop, first + n))
            if inside:
                self._file.seek(start + 4 * (inside.start - first))
                parts.append(np.frombuffer(self._file.read(4 * len(inside)), np.float32))
            first += n
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _take(piece: Partition, features: Sequence[str], scratch: Scratch) -> pd.DataFrame:
    """Put the features of a piece on the scratch, wells together; return its other columns in the same order."""
    if not piece.columnar:
        piece = in_memory(piece.read())
    measured = set(features)
    labels = piece.read([name for name in piece.columns if name not in measured])
    order = _by_well(labels)
    at_once = max(1, BATCH_BYTES // (4 * max(1, len(labels))))
    batches = [features[i : i + at_once] for i in range(0, len(features), at_once)]
    with pool() as threads:
        for i in range(0, len(batches), cores()):
            together = batches[i : i + cores()]  # and no more, for what is read waits in memory
            for names, columns in zip(together, threads.map(partial(_single, piece, order), together), strict=True):
                for name, values in zip(names, columns, strict=True):
                    scratch.add(name, values)
    return labels.iloc[order]


def _by_well(labels: pd.DataFrame) -> NDArray[np.intp]:
    """Return the order in which the cells of a well lie together, as they did among themselves."""
    wells = pd.factorize(labels[WELL], sort=True)[0] if WELL in labels else np.zeros(len(labels), np.intp)
    return np.argsort(wells, kind="stable")


def _single(piece: Partition, order: NDArray[np.intp], names: Sequence[str]) -> list[NDArray[np.float32]]:
    columns = piece.values(names)
    large = [name for name, x in zip(names, columns, strict=True) if x.dtype != np.float32 and _is_too_large(x)]
    if large:
        raise FeatureError(f"features {listed(large)} hold values beyond {LARGEST:.1e}, too large for float32.")
    return [x.astype(np.float32, copy=False)[order] for x in columns]


def _is_too_large(x: NDArray[np.floating]) -> bool:
    return bool((np.isfinite(x) & (np.abs(x) > LARGEST)).any())


def _write(labels: pa.Table, columns: Sequence[str], scratch: Scratch, path: Path) -> None:
    others = {field.name: field for field in labels.schema}
    fields = [others.get(name, pa.field(name, pa.float32(), nullable=False)) for name in columns]
    repeated = [field.name for field in fields if not pa.types.is_floating(field.type)]
    rows_at_once = max(1, min(ROWS_TOGETHER, GROUP_BYTES // (4 * max(1, len(columns) - len(others)))))
    with parquet.ParquetWriter(
        path,
        pa.schema(fields),
        compression="lz4",
        use_dictionary=repeated,
        write_statistics=repeated,
        write_page_checksum=True,
    ) as writer:
        for start in range(0, len(labels), rows_at_once):
            rows = slice(start, min(start + rows_at_once, len(labels)))
            some = labels.slice(start, rows_at_once)
            values = [some[name] if name in others else pa.array(scratch.get(name, rows)) for name in columns]
            writer.write_table(pa.Table.from_arrays(values, schema=pa.schema(fields)), rows_at_once)
