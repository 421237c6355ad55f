"""Cells in pieces: what a reader of one file format hands over, before anything large is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.account.spelling import canonical_label, canonical_well
from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import ColumnError, FileFormatError, listed, nearest
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.ledgers import KEY, Ledger, Line, lines, merged


@dataclass(frozen=True)
class Partition:
    """Cells that are read together.

    Attributes
    ----------
    plate : the plate whose cells these are, all of them; None if they are of several plates.
    columns : the names that can be read.
    load : reads some of the columns, in the order asked for; what was left out on reading is in the table's ledger.
    columnar : whether few columns are read faster than all, as from parquet.
    wells : the wells whose cells these are, all of them; None if these are all the cells of the plate.
    paths : the files they are read from.
    n_cells : how many they are; None if only reading would tell.
    size : how many bytes of the files they take up, about.
    block : reads features as they lie in columns: for each an array of n_cells values, float32 or float64. It may be
        called from several threads at once. None where `load` is all there is.
    within : a partition of several plates in whose files these cells lie scattered among others; reading it costs as
        much as reading this one.
    """

    plate: str | None
    columns: tuple[str, ...]
    load: Callable[[Sequence[str]], pd.DataFrame]
    columnar: bool
    wells: tuple[str, ...] | None = None
    paths: tuple[Path, ...] = ()
    n_cells: int | None = None
    size: int = 0
    block: Callable[[Sequence[str]], Sequence[NDArray[np.floating]]] | None = None
    within: "Partition | None" = None

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the cells with these columns, or with all."""
        wanted = list(self.columns if columns is None else columns)
        unknown = [name for name in wanted if name not in set(self.columns)]
        if unknown:
            raise ColumnError(f"columns={listed(unknown)}: no such column.{nearest(unknown[0], self.columns)}")
        return self.load(wanted)

    def values(self, features: Sequence[str]) -> Sequence[NDArray[np.floating]]:
        """Return for each feature the values of all cells, float32 or float64, each in one piece of memory."""
        return list(_values(self.read(features), features)) if self.block is None else self.block(features)


@dataclass(frozen=True)
class Opened:
    """What a reader found: the pieces, a table without rows that has their columns and types, and what was left out."""

    partitions: tuple[Partition, ...]
    schema: pd.DataFrame
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class CellFormat:
    """A way in which cells lie in files.

    Attributes
    ----------
    name : what `format=` calls it.
    looks : what such files look like, for messages.
    find : returns the files of this format that a path means, none if there are none.
    open : turns these files, and the options, into what they hold.
    options : names of the options that `open` takes.
    """

    name: str
    looks: str
    find: Callable[[Path], list[Path]]
    open: Callable[..., Opened]
    options: tuple[str, ...] = ()


def name_of(path: Path) -> str:
    """Return the name of a file without its ending, which may be two: `plate1.csv.gz` is plate1."""
    return path.name.removesuffix(".gz").removesuffix(".GZ").rpartition(".")[0]


def no_plate_column(files: Sequence[Path]) -> list[Line]:
    """Return ledger lines for files whose name is taken as their plate; the names must differ."""
    first: dict[str, Path] = {}
    for path in files:
        if first.setdefault(name_of(path), path) != path:
            raise FileFormatError(
                f"{str(first[name_of(path)])!r} and {str(path)!r} have the same name and no plate column: add a column "
                f"{PLATE!r}, name the one there is with columns={{'plate': ...}}, or rename the files."
            )
    return lines(
        "open_cells", "file", [path.name for path in files], f"no {PLATE}: the file name is taken as the plate"
    )


def without_cells(files: Sequence[Path]) -> list[Line]:
    """Return ledger lines for files that have columns and no rows."""
    return lines("open_cells", "file", [path.name for path in files], "left out: it holds no cells")


def total_size(paths: Sequence[Path]) -> int:
    """Return how many bytes some files take up."""
    return sum(path.stat().st_size for path in paths)


def read_once(partitions: Sequence[Partition]) -> list[Partition]:
    """Return the partitions; those that lie mixed in files, and are all there, as the whole that is read once."""
    scattered: dict[int, list[Partition]] = {}
    for partition in partitions:
        if partition.within is not None and partition.columns == partition.within.columns:
            scattered.setdefault(id(partition.within), []).append(partition)
    wholes = {id(part): part.within for parts in scattered.values() if _add_up(parts) for part in parts}
    return list({id(piece): piece for piece in (wholes.get(id(part)) or part for part in partitions)}.values())


def _add_up(parts: Sequence[Partition]) -> bool:
    whole = parts[0].within
    return whole is not None and sum(part.n_cells or 0 for part in parts) == whole.n_cells


def apart(pieces: Sequence[Partition], by: Sequence[str]) -> list[list[Partition]]:
    """Return the pieces in sets such that no group has cells in two sets."""
    if PLATE not in by:
        return [list(pieces)]
    plates: dict[object, list[Partition]] = {}
    for piece in pieces:
        plates.setdefault(id(piece) if piece.plate is None else canonical_label(piece.plate), []).append(piece)
    return [part for parts in plates.values() for part in (_by_wells(parts) if WELL in by else [parts])]


def _by_wells(pieces: Sequence[Partition]) -> list[list[Partition]]:
    """Return the pieces of a plate in sets of the same wells; in one set if a well is in two, written in two ways."""
    sets: dict[frozenset[str | None] | None, list[Partition]] = {}
    for piece in pieces:
        wells = None if piece.wells is None else frozenset(map(canonical_well, piece.wells))
        sets.setdefault(wells, []).append(piece)
    held = [well for wells in sets if wells is not None for well in wells]
    return list(sets.values()) if len(set(held)) == len(held) else [list(pieces)]


def in_memory(cells: pd.DataFrame) -> Partition:
    """Return a table as a partition."""
    names = tuple(map(str, cells.columns))
    return Partition(None, names, lambda columns: cells[list(columns)], columnar=True, n_cells=len(cells))


def _values(cells: pd.DataFrame, features: Sequence[str]) -> NDArray[np.floating]:
    names = feature_columns(cells, features)
    dtype = np.float32 if (cells.dtypes == np.float32).all() else np.float64
    return np.array(cells[names].to_numpy(dtype=dtype, na_value=np.nan).T, order="C")


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all frames, with an index of their own; labels that are numbers in some become text in all."""
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    labels = [name for name in frames[0].columns if any(_is_label(frame[name]) for frame in frames)]
    mixed = [name for name in labels if any(_is_number(frame[name]) for frame in frames)]
    together = pd.concat(
        [frame.assign(**{name: _as_label(frame[name]) for name in mixed}) for frame in frames], ignore_index=True
    )
    together.attrs[KEY] = Ledger(merged(line for frame in frames for line in frame.attrs.get(KEY, [])))
    return together


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(column.notna().any())


def _is_label(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) and bool(column.notna().any())


def _as_label(column: pd.Series) -> pd.Series:
    return column.map(str, na_action="ignore")
