"""Cells in pieces: what a reader of one file format hands over, before anything large is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cellprofiling.core.errors import ColumnError, FileFormatError, listed, nearest
from cellprofiling.core.frame import PLATE
from cellprofiling.core.ledger import Line, lines


@dataclass(frozen=True)
class Partition:
    """Cells that are read together.

    Attributes
    ----------
    plate : the plate whose cells these are, all of them; None if they are of several plates.
    columns : the names that can be read.
    load : reads some of the columns, in the order asked for.
    columnar : whether few columns are read faster than all, as from parquet.
    """

    plate: str | None
    columns: tuple[str, ...]
    load: Callable[[Sequence[str]], pd.DataFrame]
    columnar: bool

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the cells with these columns, or with all."""
        wanted = list(self.columns if columns is None else columns)
        unknown = [name for name in wanted if name not in set(self.columns)]
        if unknown:
            raise ColumnError(f"columns={listed(unknown)}: no such column.{nearest(unknown[0], self.columns)}")
        return self.load(wanted)


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


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all frames, with an index of their own; labels that are numbers in some become text in all."""
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    labels = [name for name in frames[0].columns if any(_is_label(frame[name]) for frame in frames)]
    mixed = [name for name in labels if any(_is_number(frame[name]) for frame in frames)]
    return pd.concat(
        [frame.assign(**{name: _as_label(frame[name]) for name in mixed}) for frame in frames], ignore_index=True
    )


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(column.notna().any())


def _is_label(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) and bool(column.notna().any())


def _as_label(column: pd.Series) -> pd.Series:
    return column.map(str, na_action="ignore")
