"""Plates and wells: A01 and (row, column), formats from 6 to 1536 wells, distance from the edge."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import PlateLayoutError, listed

FORMATS = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}
LETTERS = [chr(65 + i) for i in range(26)] + [f"A{chr(65 + i)}" for i in range(6)]  # A..Z, AA..AF: 32 rows

_WELL = re.compile(r"^\s*([A-Za-z]{1,2})[\s\-_]*0*(\d{1,2})\s*$")


@dataclass(frozen=True)
class Wells:
    """Wells by position: `row` and `column` count from 0, one entry per well."""

    row: NDArray[np.intp]
    column: NDArray[np.intp]

    @property
    def format(self) -> int:
        """The smallest standard plate that holds all wells."""
        return plate_format(int(self.row.max()) + 1, int(self.column.max()) + 1)

    @property
    def names(self) -> list[str]:
        """Names as `A01`, `P24`, `AF48`."""
        return [well_name(r, c) for r, c in zip(self.row, self.column, strict=True)]

    def edge_distance(self, n_wells: int | None = None) -> NDArray[np.intp]:
        """Steps to the nearest plate edge; 0 is an edge well."""
        n_rows, n_columns = plate_shape(n_wells or self.format)
        outside = (self.row >= n_rows) | (self.column >= n_columns)
        if outside.any():
            bad = listed(np.array(self.names)[outside].tolist())
            raise PlateLayoutError(f"n_wells={n_wells}: wells {bad} lie outside such a plate.")
        return np.minimum.reduce([self.row, self.column, n_rows - 1 - self.row, n_columns - 1 - self.column])


def well_name(row: int, column: int) -> str:
    """Return the name of the well in `row` and `column`, counted from 0: (0, 0) is A01."""
    return f"{LETTERS[row]}{column + 1:02d}"


def well_names(n_wells: int) -> list[str]:
    """Return the names of all wells of a plate, row by row."""
    n_rows, n_columns = plate_shape(n_wells)
    return [well_name(r, c) for r in range(n_rows) for c in range(n_columns)]


def plate_shape(n_wells: int) -> tuple[int, int]:
    """Return the number of rows and columns of a plate."""
    if n_wells not in FORMATS:
        raise PlateLayoutError(f"n_wells={n_wells}: plates have {listed(FORMATS)} wells.")
    return FORMATS[n_wells]


def plate_format(n_rows: int, n_columns: int) -> int:
    """Return the number of wells of the smallest standard plate with that many rows and columns."""
    for n_wells, (most_rows, most_columns) in FORMATS.items():
        if n_rows <= most_rows and n_columns <= most_columns:
            return n_wells
    raise PlateLayoutError(f"{n_rows} rows and {n_columns} columns: no plate is larger than 32 x 48 (1536 wells).")


def parse_wells(names: Iterable[object], argument: str = "well") -> Wells:
    """Return the positions of wells written as `A01`, `a1`, `A-1` or `AA01`; anything else is an error."""
    names = list(names)
    unique = {name: _parse(name) for name in dict.fromkeys(names)}
    bad = [name for name, position in unique.items() if position is None]
    if bad:
        raise PlateLayoutError(f"{argument}={listed(bad)}: not a well name. Wells are written A01 to AF48.")
    positions = np.array([unique[name] for name in names], dtype=np.intp).reshape(len(names), 2)
    return Wells(positions[:, 0], positions[:, 1])


def standard_wells(names: pd.Series) -> pd.Series:
    """Return well names rewritten as `A01`."""
    written = dict(zip(names.unique(), parse_wells(names.unique(), str(names.name)).names, strict=True))
    return names.map(written)


def is_well(name: object) -> bool:
    """Return whether a name is one of a well, in any of the spellings that `parse_wells` reads."""
    return _parse(name) is not None


def _parse(name: object) -> tuple[int, int] | None:
    match = _WELL.match(str(name))
    if not match:
        return None
    letters, column = match[1].upper(), int(match[2])
    if letters not in LETTERS or not 1 <= column <= 48:
        return None
    return LETTERS.index(letters), column - 1
