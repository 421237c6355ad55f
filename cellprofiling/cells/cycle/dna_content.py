"""Which column tells how much DNA a cell has, and how much that is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.cells.flags.measures import find, is_number, number_columns
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, nearest
from cellprofiling.kernels.arrays import Doubles


@dataclass(frozen=True)
class Content:
    """How DNA is measured: an amount, or a mean times an area, less a background times the area.

    Attributes
    ----------
    amount, mean, area : names of columns; None where not needed.
    background : per unit of area, as a number or as a column.
    """

    amount: str | None
    mean: str | None
    area: str | None
    background: float | str

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        names = [self.amount, self.mean, self.area, self.background if isinstance(self.background, str) else None]
        return [name for name in names if name is not None]

    def logarithms(self, cells: pd.DataFrame) -> Doubles:
        """Return log2 of the DNA of each cell; NaN where it is missing, or none is left above the background."""

        def column(name: str) -> Doubles:
            return cells[name].to_numpy(np.float64, na_value=np.nan)

        amount = column(self.amount) if self.amount else column(str(self.mean)) * column(str(self.area))
        if self.area is not None:
            level = column(self.background) if isinstance(self.background, str) else self.background
            amount = amount - level * column(self.area)
        return np.log2(np.where(np.isfinite(amount) & (amount > 0), amount, np.nan))


def find_content(schema: pd.DataFrame, dna: str | None, area: str | None, background: float | str) -> Content:
    """Return how DNA is measured: as named, or else the integrated nuclear stain, or else its mean times the area."""
    for argument, name in (("dna", dna), ("area", area), ("background", background)):
        if isinstance(name, str):
            _check(schema, argument, name)
    if isinstance(background, bool) or not isinstance(background, str | int | float):
        raise InputError(f"background={background!r}: give a number per unit of area, or the name of a column.")
    words = number_columns(schema)
    amount = dna or next(iter(find("amount of nuclear stain", words)), None)
    mean = None if amount else next(iter(find("nuclear stain", words)), None)
    needs_area = amount is None or background != 0
    area = (area or next(iter(find("size", words)), None)) if needs_area else None
    if (amount is None and mean is None) or (needs_area and area is None):
        raise ColumnError(
            "dna=None: no column is known for the amount of DNA (integrated intensity of a channel called DNA, DAPI, "
            "Hoechst or DRAQ), nor a mean stain and an area to multiply; name the columns with dna= and area=."
        )
    return Content(amount, mean, area, background)


def _check(schema: pd.DataFrame, argument: str, name: str) -> None:
    if name not in schema:
        raise ColumnError(f"{argument}={name!r}: no such column.{nearest(name, schema.columns)}")
    if not is_number(schema[name]):
        raise FeatureError(f"{argument}={name!r}: its values are not numbers.")
