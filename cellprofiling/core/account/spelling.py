"""One well or plate written two ways is one: A1 and A01; 1001, "1001", 1001.0 and "1001 "."""

import math
from collections.abc import Callable, Hashable, Iterable
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.plates import is_well, parse_wells

WHOLE = 2**53  # above it a double no longer tells neighbouring whole numbers apart


def canonical_label(value: Any) -> str | None:
    """Return a value as text, blanks stripped and whole numbers without ".0"; None if it is missing.

    "00123" keeps its zeros and is not 123; "1E05" stays text. Several labels of one row are one text, in sorted order.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Number):
        number = float(value)  # type: ignore[arg-type]
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < WHOLE else repr(number)
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return "|".join(sorted(str(canonical_label(part)) for part in value))
    text = str(value).strip()
    whole, dot, zeros = text.partition(".")
    if dot and zeros and not zeros.strip("0") and whole.lstrip("-").isdigit():
        return whole
    return text


def canonical_well(value: Any) -> str | None:
    """Return a well as A01, whatever way it is written; what is no well as the text it is; None if it is missing."""
    text = canonical_label(value)
    return parse_wells([text]).names[0] if text is not None and is_well(text) else text


def canonical(values: pd.Series, *, well: bool = False) -> pd.Series:
    """Return plates (or wells) in one spelling: texts, None where missing, index and name as given."""
    return _mapped(values, canonical_well if well else canonical_label)


def canonical_codes(values: pd.Series, *, well: bool = False) -> tuple[np.ndarray, list[str]]:
    """Return for each row the number of its plate (or well), -1 where missing, and their names, sorted."""
    texts = canonical(values, well=well)
    codes, names = pd.factorize(texts, sort=True, use_na_sentinel=True)
    return codes, list(map(str, names))


def spellings(values: pd.Series, *, well: bool = False) -> dict[str, list[Any]]:
    """Return what is written in more than one way: the one spelling, and the ways, sorted as texts."""
    change = canonical_well if well else canonical_label
    ways: dict[str, list[Any]] = {}
    try:
        distinct = _distinct(values)
    except TypeError:  # lists have no hash
        distinct = _distinct(values[values.map(pd.api.types.is_hashable).astype(bool)])
    for value in distinct:
        text = change(value)
        if text is not None:
            ways.setdefault(text, []).append(value)
    return {text: sorted(ways[text], key=repr) for text in sorted(ways) if len(ways[text]) > 1}


def one_spelling(names: Iterable[str], *, well: bool = False) -> dict[str, str]:
    """Return the name of each plate (or well): as it is written, or the one spelling where there are several."""
    written = pd.Series(list(dict.fromkeys(names)), dtype=object)
    doubled = {way: text for text, ways in spellings(written, well=well).items() for way in ways}
    return {name: doubled.get(name, name) for name in written}


def spelled_once(
    profiles: pd.DataFrame, *, plate: str | None, well: str | None, step: str
) -> tuple[pd.DataFrame, list[Line]]:
    """Return a table in which each plate and each well has one spelling, and the ledger lines of what was changed.

    A column in which nothing is written two ways is left as it is, in its dtype; the table itself is never changed.
    """
    new: dict[Hashable, pd.Series] = {}
    said: list[Line] = []
    for name, is_the_well in ((plate, False), (well, True)):
        doubled = spellings(profiles[name], well=is_the_well) if name is not None and name in profiles else {}
        if doubled:
            new[name] = canonical(profiles[name], well=is_the_well)
            ways = [f"{text} ({', '.join(map(repr, doubled[text]))})" for text in doubled]
            said += lines(step, "well" if is_the_well else "plate", ways, "written in several ways, taken as one")
    return (profiles.assign(**{str(name): new[name] for name in new}) if new else profiles), said


def _mapped(values: pd.Series, change: Callable[[Any], str | None]) -> pd.Series:
    objects = values.astype(object)
    try:
        written = {value: change(value) for value in _distinct(values)}
        texts = [None if _missing(value) else written[value] for value in objects]
    except TypeError:  # lists have no hash
        texts = [change(value) for value in objects]
    return pd.Series(texts, index=values.index, name=values.name, dtype=object)


def _distinct(values: pd.Series) -> Iterable[Any]:
    """Return the values that occur; 1 and "1" are two, 1 and 1.0 as well if the column holds objects."""
    return values.dropna().astype(object).unique()


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
