"""The doses of treated wells as numbers in one unit, equal ones made one, and what was made of them in sentences."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core.account.doses import doses_of
from cellprofiling.core.columns import rows
from cellprofiling.core.errors import ColumnError, listed, plural
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.question import Question
from cellprofiling.kernels.arrays import Doubles, Mask


class Dosed(NamedTuple):
    """The dose of each well.

    Attributes
    ----------
    values : NaN for controls, whatever the column says there, and for treated wells without a dose.
    notes : what was made of the column, in sentences.
    """

    values: Doubles
    notes: tuple[str, ...]

    def lines(self, step: str) -> list[Line]:
        """Return the notes as lines of the ledger."""
        return [line for note in self.notes for line in lines(step, "dose", ["all"], note)]


def find_doses(column: pd.Series, treated: Mask) -> Dosed:
    """Return the doses of treated wells; one that is written but cannot be read is an error."""
    given = column[treated]
    doses = doses_of(given)
    unread = given[np.isnan(doses.values) & given.notna().to_numpy()]
    if len(unread):
        raise ColumnError(
            doses.problems[0]
            if doses.problems and not pd.api.types.is_numeric_dtype(column)
            else f"dose={column.name!r}: {listed(unread.drop_duplicates(), limit=3)} is no dose; leave it empty where "
            "there is none."
        )
    values = np.full(len(column), np.nan)
    values[treated] = doses.values
    notes = [doses.sentence] if doses.sentence else []
    if doses.unit and not pd.api.types.is_numeric_dtype(column):
        notes.append(f"dose={column.name!r}: texts read as numbers of {doses.unit}")
    without = int(np.isnan(doses.values).sum())
    if without and len(doses.levels):
        notes.append(f"dose={column.name!r}: {plural(without, 'treated well')} without a dose")
    return Dosed(values, (*notes, *doses.problems))


def with_doses(profiles: pd.DataFrame, question: Question) -> tuple[pd.DataFrame, Dosed]:
    """Return the table with its doses as they are read; with numbers that all stay as they are, the table itself."""
    if question.dose is None:
        return profiles, Dosed(np.full(len(profiles), np.nan), ())
    column = profiles[question.dose]
    treated = ~rows(profiles, question.reference)
    doses = find_doses(column, treated)
    if pd.api.types.is_numeric_dtype(column):
        as_given = column[treated].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.array_equal(as_given, doses.values[treated], equal_nan=True):
            return profiles, doses
    return profiles.assign(**{str(question.dose): doses.values}), doses
