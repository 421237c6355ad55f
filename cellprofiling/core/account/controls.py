"""Which rows are likely the negative controls, by the words that labs have for them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from cellprofiling.core.account.roles import Column
from cellprofiling.core.account.vocabulary import CONTROL, LABEL, NEGATIVE, NEGATIVE_TOO, PERTURBATION

MOST = 0.9  # a value that more rows than this have sets no controls apart


class Guess(NamedTuple):
    """A guess at the reference: the column, its value, and the query that says so."""

    column: str
    value: object

    @property
    def query(self) -> str:
        """The query for `reference=`."""
        name = self.column if re.fullmatch(r"[^\W\d]\w*", self.column) else f"`{self.column}`"
        return f"{name} == {self.value!r}"


def guess_controls(profiles: pd.DataFrame, columns: Iterable[Column]) -> Guess | None:
    """Return the likeliest negative controls, None if no value sounds like some.

    Columns of control types are asked first, then perturbations, then labels; in each the likeliest word first. A value
    that more than nine tenths of the rows have is none: every well holds the solvent.
    """
    columns = list(columns)
    for role in (CONTROL, PERTURBATION, LABEL):
        names = sorted(str(column.name) for column in columns if column.role == role and isinstance(column.name, str))
        guesses = [(rank, name, value) for name in names for rank, value in _ranked(profiles[name])]
        if guesses:
            _, name, value = min(guesses, key=lambda guess: (guess[0], guess[1], repr(guess[2])))
            return Guess(name, value)
    return None


def _ranked(values: pd.Series) -> list[tuple[int, object]]:
    try:
        shares = values.value_counts(normalize=True, dropna=False)
    except TypeError:  # lists
        return []
    words = NEGATIVE + NEGATIVE_TOO
    spoken = [(re.sub(r"[\W_]", "", str(value)).casefold(), value, share) for value, share in shares.items()]
    return [(words.index(text), value) for text, value, share in spoken if text in words and 0 < share <= MOST]
