"""What the account says of a table, gathered once for the layout and the problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.account.controls import Guess
from cellprofiling.core.account.doses import Doses, doses_of
from cellprofiling.core.account.formats import PlateFormat, plate_format_of
from cellprofiling.core.account.roles import Column, Named, names_of, one_of_role
from cellprofiling.core.account.spelling import canonical, canonical_codes
from cellprofiling.core.account.strata import Stratum, strata_of
from cellprofiling.core.account.units import Unit, label_codes
from cellprofiling.core.account.vocabulary import DOSE, PERTURBATION, PLATE, WELL
from cellprofiling.kernels.arrays import Indices, Mask


@dataclass(frozen=True)
class Scene:
    """A table and its account.

    Attributes
    ----------
    profiles : the table, its index plain; of cells in files only the columns that are no measurements.
    columns : each column with its role.
    said : what the user named.
    unit : what one row is.
    controls : which rows are controls; None where neither the user nor a word says it.
    guess : the guess that `controls` comes from, if the user named none.
    """

    profiles: pd.DataFrame
    columns: Sequence[Column]
    said: Named
    unit: Unit
    controls: Mask | None
    guess: Guess | None

    @property
    def plate(self) -> Any:
        """The column of plates, if there is one."""
        return one_of_role(self.columns, PLATE)

    @property
    def well(self) -> Any:
        """The column of wells, if there is one."""
        return one_of_role(self.columns, WELL)

    @property
    def by(self) -> list[Any]:
        """The columns that name a perturbation."""
        return names_of(self.columns, PERTURBATION)

    @cached_property
    def plates(self) -> tuple[Indices, list[str]]:
        """The number of the plate of each row, and the plates."""
        if self.plate is None:
            return np.zeros(len(self.profiles), dtype=np.intp), [""]
        codes, names = canonical_codes(self.profiles[self.plate])
        return codes, names

    @cached_property
    def wells(self) -> pd.Series | None:
        """The well of each row, in one spelling."""
        return None if self.well is None else canonical(self.profiles[self.well], well=True)

    @cached_property
    def perturbations(self) -> Indices:
        """The number of the perturbation of each row, -1 where it has none or is a control."""
        if not self.by:
            return np.full(len(self.profiles), -1, dtype=np.intp)
        codes = label_codes(self.profiles, self.by)
        return codes if self.controls is None else np.where(self.controls, -1, codes)

    @cached_property
    def format(self) -> PlateFormat:
        """The size of the plates."""
        return plate_format_of([] if self.wells is None else self.wells.dropna().unique())

    @cached_property
    def doses(self) -> Doses | None:
        """The doses, if there is a column of them."""
        name = one_of_role(self.columns, DOSE)
        return None if name is None else doses_of(self.profiles[name])

    @cached_property
    def strata(self) -> list[Stratum]:
        """The strata that the user has not named; none where `within=[]` says that they do not matter."""
        if self.said.within is not None and not self.said.within:
            return []
        columns = [column for column in self.columns if column.name in self.profiles]
        by = self.said.by
        return strata_of(self.profiles, self.plate, self.said.within, by=by, controls=self.controls, columns=columns)
