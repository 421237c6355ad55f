"""Plate, well and site in names: of files, or of the images that a table names."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pyarrow as pa

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import ColumnError, FileFormatError, InputError, PlateLayoutError, listed
from cellprofiling.core.plates import parse_wells
from cellprofiling.io.storage.keys import key_column

EXAMPLE = r"(?P<plate>[^_]+)_(?P<well>[A-P]\d+)_s(?P<site>\d+)"
# P1_A01_s1.csv, P1-A01-1_cells.csv, P1/A01_f2.csv: what is tried where no pattern is given
USUAL = re.compile(
    r"(?:^|/)(?P<plate>[^/]+?)[_/ -](?P<well>(?:[A-P]|A[A-F])\d{1,2})(?:[_ -](?:site|field|s|f)?(?P<site>\d+))?"
    r"(?![A-Za-z0-9])(?=[^/]*$)"  # a folder called my_P1 is no well
)

_INTEGER = re.compile("0|[1-9][0-9]{0,17}")

Place = Mapping[str, pa.Scalar]


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that names what it finds."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"pattern={pattern!r}: not a regular expression ({error}); write it like {EXAMPLE!r}."
        ) from error
    if not expression.groupindex:
        raise InputError(f"pattern={pattern!r}: names no group; write it like {EXAMPLE!r}.")
    return expression


def keys_of(expression: re.Pattern[str]) -> list[str]:
    """Return the metadata columns that a pattern fills: the group `plate` is Metadata_Plate."""
    return [key_column(group) for group in expression.groupindex]


def places(names: Iterable[str], expression: re.Pattern[str]) -> dict[str, Place]:
    """Return plate, well and whatever else the pattern names, for each name; every name must match.

    The shortest end of a path that matches counts: the file name if it does, else folder/name, and so on, so that
    `[^_]+` does not reach into the folders above.
    """
    found = {name: _found(name, expression) for name in names}
    unmatched = [name for name, place in found.items() if not place]
    if unmatched:
        raise FileFormatError(
            f"pattern={expression.pattern!r}: does not match {listed(unmatched)} ({len(unmatched)} of {len(found)}), "
            "or finds no plate or no well there; mend the pattern, or leave these files out."
        )
    return _typed(found)


def matches(names: Iterable[str], expression: re.Pattern[str]) -> bool:
    """Return whether every name matches a pattern."""
    return all(_found(name, expression) for name in names)


def located(files: Iterable[Path], pattern: str | None, names: Iterable[str]) -> dict[Path, Place]:
    """Return where each file lies by the `pattern` option of a reader, nothing without one; `names` are taken."""
    files = list(files)
    if pattern is None:
        return {file: {} for file in files}
    expression, names = compiled(pattern), set(names)
    taken = [key for key in keys_of(expression) if key in names]
    if taken:
        raise ColumnError(f"pattern={pattern!r}: the table has {listed(taken)} already; leave that group out.")
    return dict(zip(files, places(map(str, files), expression).values(), strict=True))


def with_place(table: pa.Table, place: Place) -> pa.Table:
    """Return a table with a column for each part of the place where all its rows lie."""
    for key, value in place.items():
        table = table.append_column(key, pa.repeat(value, len(table)))
    return table


def _found(name: str, expression: re.Pattern[str]) -> dict[str, str | None]:
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "/"]
    ends = ("/".join(parts[-n:]) for n in range(1, len(parts) + 1))
    match = next((match for match in map(expression.search, ends) if match), None)
    values = dict(zip(keys_of(expression), match.groupdict().values(), strict=True)) if match else {}
    return {} if any(key in values and not values[key] for key in (PLATE, WELL)) else values


def _typed(found: Mapping[str, Mapping[str, str | None]]) -> dict[str, Place]:
    """Return wells as A01, plates as text, and other keys as integers where all are."""
    columns: dict[str, list[str | None]] = {}
    for place in found.values():
        for key, value in place.items():
            columns.setdefault(key, []).append(value)
    if WELL in columns:
        columns[WELL] = list(_wells(columns[WELL]))
    scalars = {key: _scalars(key, values) for key, values in columns.items()}
    return {name: {key: scalars[key][i] for key in scalars} for i, name in enumerate(found)}


def _wells(names: list[str | None]) -> list[str]:
    try:
        return parse_wells(names, "pattern: well").names
    except PlateLayoutError as error:
        raise PlateLayoutError(f"{error} Mend the group 'well' of the pattern.") from error


def _scalars(key: str, values: list[str | None]) -> list[pa.Scalar]:
    whole = key not in (PLATE, WELL) and all(_INTEGER.fullmatch(value) for value in values if value is not None)
    kind = pa.int64() if whole else pa.string()
    return [pa.scalar(int(value) if whole and value is not None else value, kind) for value in values]
