"""Which rows are likely the negative controls, by the words that labs have for them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from cellprofiling.core.account.roles import Column
from cellprofiling.core.account.vocabulary import CONTROL, LABEL, NEGATIVE, NEGATIVE_TOO, PERTURBATION
from cellprofiling.kernels.arrays import Mask

# A value that a larger share of rows has sets no controls apart: every well holds the solvent
MOST = {CONTROL: 0.9, PERTURBATION: 0.9, LABEL: 0.5}
FEWEST = 2  # rows; one control well has no spread


class Guess(NamedTuple):
    """A guess at the reference: the column, its value (None: no value there), and the query that says so."""

    column: str
    value: object

    def rows(self, profiles: pd.DataFrame) -> Mask:
        """Return which rows it means."""
        column = profiles[self.column]
        meant = column.isna() if self.value is None else column == self.value
        return meant.to_numpy(dtype=bool, na_value=False)

    @property
    def query(self) -> str:
        """The query for `reference=`."""
        name = self.column if re.fullmatch(r"[^\W\d]\w*", self.column) else f"`{self.column}`"
        return f"{name}.isna()" if self.value is None else f"{name} == {self.value!r}"


def guess_controls(profiles: pd.DataFrame, columns: Iterable[Column]) -> Guess | None:
    """Return the likeliest negative controls, None if no value sounds like some.

    Columns of control types are asked first, then perturbations, then labels; in each the likeliest word first. Where
    no word tells, rows without a perturbation are the controls. A value that nearly all rows have, or only one, is
    none; of a label it is none where half of the rows have it.
    """
    columns = list(columns)
    for role, most in MOST.items():
        names = sorted(str(column.name) for column in columns if column.role == role and isinstance(column.name, str))
        guesses = [(rank, name, value) for name in names for rank, value in _ranked(profiles[name], most)]
        if guesses:
            _, name, value = min(guesses, key=lambda guess: (guess[0], guess[1], repr(guess[2])))
            return Guess(name, value)
    names = sorted(str(column.name) for column in columns if column.role == PERTURBATION)
    empty = [
        name for name in names if name in profiles and _fit(profiles[name].isna().sum(), MOST[LABEL] * len(profiles))
    ]
    return Guess(empty[0], None) if empty else None


def _fit(n: int, most: float) -> bool:
    return bool(FEWEST <= n <= most)


def _ranked(values: pd.Series, most: float) -> list[tuple[int, object]]:
    try:
        counts = values.value_counts()
    except TypeError:  # lists
        return []
    words = NEGATIVE + NEGATIVE_TOO
    spoken = [(re.sub(r"[\W_]", "", str(value)).casefold(), value, n) for value, n in counts.items()]
    return [(words.index(text), value) for text, value, n in spoken if text in words and _fit(n, most * len(values))]
