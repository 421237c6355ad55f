"""How many wells the plates have: told by all plates and the platemap together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellprofiling.core.errors import PlateLayoutError, listed
from cellprofiling.core.plates import FORMATS, Wells, is_well, parse_wells, plate_shape


@dataclass(frozen=True)
class PlateFormat:
    """The size of the plates of a screen.

    Attributes
    ----------
    n_wells : 6 to 1536; None where no row has a well.
    certain : whether it was given, or wells lie in the first and the last row and column.
    why : what says so.
    """

    n_wells: int | None
    certain: bool
    why: str

    @property
    def problem(self) -> str:
        """The sentence on a guess, with the remedy; empty if it is none."""
        if self.certain or self.n_wells is None:
            return ""
        return (
            f"the plates are taken for {self.n_wells}-well plates: {self.why}; say plate_format={self.n_wells}, or the "
            "right one, because it decides which wells lie at the edge."
        )


def plate_format_of(
    plates: Iterable[Any], platemap: Iterable[Any] | None = None, given: int | None = None
) -> PlateFormat:
    """Return the size of the plates of a screen.

    Parameters
    ----------
    plates : the wells of all plates, in any spelling; what is no well is passed over.
    platemap : the wells of the platemap, if there is one.
    given : what the user says.

    Raises
    ------
    PlateLayoutError
        If `given` is no standard plate, or wells lie outside it.

    Notes
    -----
    The smallest standard plate that holds all wells of all plates and of the platemap. It is certain if some wells lie
    in each of its four outermost rows and columns; a plate of which only an inner part is used might be a larger one.
    """
    wells = _positions(plates, platemap)
    if given is not None:
        n_rows, n_columns = plate_shape(given) if given in FORMATS else _no_format(given)
        outside = (wells.row >= n_rows) | (wells.column >= n_columns)
        if outside.any():
            names = np.array(wells.names)[outside].tolist()
            raise PlateLayoutError(f"plate_format={given}: wells {listed(names)} lie outside such a plate.")
        return PlateFormat(given, True, "given as plate_format=")
    if not len(wells.row):
        return PlateFormat(None, False, "no row has a well")
    n_wells = wells.format
    n_rows, n_columns = plate_shape(n_wells)
    edges = {
        "first row": (wells.row == 0).any(),
        "last row": (wells.row == n_rows - 1).any(),
        "first column": (wells.column == 0).any(),
        "last column": (wells.column == n_columns - 1).any(),
    }
    unused = [edge for edge, used in edges.items() if not used]
    if unused:
        return PlateFormat(n_wells, False, f"no well lies in the {', the '.join(unused)} of it")
    return PlateFormat(n_wells, True, "wells lie in its first and last rows and columns")


def _no_format(given: object) -> tuple[int, int]:
    raise PlateLayoutError(f"plate_format={given!r}: plates have {listed(FORMATS)} wells.")


def _positions(plates: Iterable[Any], platemap: Iterable[Any] | None) -> Wells:
    names = sorted({str(name) for part in (plates, platemap) if part is not None for name in part if is_well(name)})
    return parse_wells(names)
