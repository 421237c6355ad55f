"""Which columns of a table are measured features, and why the others are left aside."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellprofiling.core.account.roles import (
    NUMBER,
    WHY_FIELD,
    WHY_UNEXPLAINED,
    Column,
    Named,
    as_numbers,
    columns_of,
    is_numeric,
)
from cellprofiling.core.account.vocabulary import FEATURE, PREFIX, QUALITY
from cellprofiling.core.errors import FeatureError, listed, plural
from cellprofiling.core.ledgers import Line, lines

DECIMAL_COMMA = r"\s*[-+]?\d+,\d+\s*"


@dataclass(frozen=True)
class Features:
    """The measured columns of a table.

    Attributes
    ----------
    names : in the order of the table, or in that in which they were named.
    aside : columns without the prefix `Metadata_` that are left aside, each with the reason.
    """

    names: tuple[Any, ...]
    aside: tuple[Column, ...]

    @property
    def reasons(self) -> dict[str, list[Any]]:
        """The columns that are left aside, by reason."""
        named: dict[str, list[Any]] = {}
        for column in self.aside:
            named.setdefault(column.why, []).append(column.name)
        return named

    @property
    def measurements_aside(self) -> list[Any]:
        """The columns left aside that may well be measurements: of the field, or numbers that no name explains."""
        return [column.name for column in self.aside if is_measurement_aside(column)]

    @property
    def warning(self) -> str:
        """One sentence on measurements that are left aside and how to take them; empty if there are none."""
        names = self.measurements_aside
        if not names:
            return ""
        return (
            f"{plural(len(names), 'number column')} left aside: {listed(names, limit=4)}; "
            'take them with features="all", or name the features with features=[...].'
        )

    def lines(self, step: str) -> list[Line]:
        """Return one ledger line for each reason for which columns are left aside."""
        return [
            line
            for why, names in self.reasons.items()
            for line in lines(step, "column", [listed(names, limit=3)], f"no feature: {why}", n=len(names))
        ]


def features_of(
    profiles: pd.DataFrame, features: Sequence[str] | str | None = None, *, said: Named | None = None
) -> Features:
    """Return the measured columns of a table, and what is left aside and why.

    Parameters
    ----------
    features : names of columns, which are then taken whatever they are called; "all": every number column without the
        prefix `Metadata_` but for numberings and labels; None: what the grammar of feature names takes.

    Raises
    ------
    FeatureError
        If there are none, or one holds a value that is no number: the value, its row and a remedy are named.
    """
    if isinstance(features, str) and features != "all":
        features = [features]
    columns = columns_of(profiles, said, features=features)
    names = tuple(column.name for column in columns if column.role == FEATURE)
    if features is not None and features != "all":
        names = tuple(name for name in dict.fromkeys(features) if name in set(names))
        for name in names:
            refuse_texts(profiles, name)
    if not names:
        raise FeatureError(
            f"no feature columns among {listed(profiles.columns)}: features are number columns whose name does not "
            "start with 'Metadata_'; name them with features=[...]."
        )
    aside = [column for column in columns if column.role != FEATURE and not PREFIX.match(str(column.name))]
    return Features(names, tuple(aside))


def is_measurement_aside(column: Column) -> bool:
    """Return whether a column that is no feature may well be a measurement."""
    image = column.role == QUALITY and str(column.name).startswith("Image_")
    return column.kind == NUMBER and (column.why in (WHY_FIELD, WHY_UNEXPLAINED) or image)


def refuse_texts(profiles: pd.DataFrame, name: Hashable) -> None:
    """Refuse a feature that holds a value which is no number."""
    sentence = not_numbers(profiles[name])
    if sentence:
        raise FeatureError(f"features={name!r}: {sentence}")


def not_numbers(values: pd.Series) -> str:
    """Return the sentence on the first value of a column that is no number, with the remedy; empty if all are.

    The first in the order of their text, so that it does not depend on the order of rows.
    """
    if pd.api.types.is_bool_dtype(values.dtype):
        return "holds true and false (bool); if they are measured, make them 1 and 0 with .astype(float)."
    if is_numeric(values.dtype):
        return ""
    if pd.api.types.is_complex_dtype(values.dtype):
        return "holds complex numbers; take their size with .abs(), or leave the column out."
    present = values.dropna()
    bad = present[as_numbers(present).isna()]
    if bad.empty:
        return "holds numbers as objects or texts; make them numbers with pandas.to_numeric."
    texts = bad.astype(str).str.strip()
    example = texts.min()
    row = texts.index[(texts == example).to_numpy()].tolist()[0]
    commas = texts.str.fullmatch(DECIMAL_COMMA).all()
    remedy = (
        "these look like decimal commas: replace ',' by '.' and use pandas.to_numeric"
        if commas
        else "make what is no number missing with pandas.to_numeric(column, errors='coerce'), or leave the column out"
    )
    more = f" (and {len(bad) - 1} more values)" if len(bad) > 1 else ""
    return f"{example!r} in row {row!r}{more} is no number: {remedy}."
