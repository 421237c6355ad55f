"""Columns of text to columns of what the texts are: labels stay labels, measurements become numbers.

Typing looks at whole columns, never at the first block of rows, so that a value far down cannot break a column.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from cellprofiling.core.columns import PLATE, WELL, is_metadata
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.names import kinds
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.text import Text

MISSING = ("", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "null", "NULL", "none", "None", "NONE")

# A number in the form that reading and writing keep: "00123", "+5", ".5" and "2E10" are names, and stay text
_INTEGER = "^(0|-?[1-9][0-9]*)$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-][0-9]+)?$"
_EXACT = 2**53  # beyond it float64 skips integers


def texts_table(texts: Sequence[Text], *, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of texts with the same columns as one Arrow table, or some columns of it, every value a text."""
    same_columns({text.source: text.names for text in texts})
    runs = groupby(texts, key=lambda text: (text.names, text.delimiter))
    parts = [_parsed(list(run), columns) for _, run in runs]
    return _without_unnamed(pa.concat_tables([part.select(parts[0].column_names) for part in parts]), texts[0])


def typed(table: pa.Table) -> pa.Table:
    """Return a table of texts with each column as what it is: `label` or `measured` decide, by the column's name."""
    columns = [
        _typing(name, kind)(table[name])
        for name, kind in zip(table.column_names, kinds(table.column_names), strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def key(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a plate or well column: text whatever it looks like."""
    return pc.if_else(pc.equal(texts, ""), None, texts)


def label(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a metadata column: numbers only if every text is the canonical form of one; only "" is missing."""
    texts = key(texts)
    values = pc.unique(texts).drop_null()
    if len(values) == 0:
        return texts
    if pc.all(pc.is_in(values, value_set=pa.array(["True", "False"]))).as_py():
        return pc.equal(texts, "True")
    if pc.all(pc.match_substring_regex(values, _INTEGER)).as_py():
        return _integers(texts)
    if pc.all(pc.match_substring_regex(values, _NUMBER)).as_py():
        return pc.cast(texts, pa.float64())
    return texts


def measured(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a feature column as float64, the usual words for missing as missing; as it is if it holds other words."""
    trimmed = pc.utf8_trim_whitespace(texts)
    present = pc.if_else(pc.is_in(trimmed, value_set=pa.array(MISSING)), None, trimmed)
    try:
        return pc.cast(present, pa.float64())
    except pa.ArrowInvalid:
        return key(texts)


def _typing(name: str, kind: str) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    if name in (PLATE, WELL):
        return key
    return label if is_metadata(name) or kind == "bookkeeping" else measured


def _integers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return integers, unless some would lose digits: too long, or float64 (as pandas holds them) beside a gap."""
    try:
        numbers = pc.cast(texts, pa.int64())
    except pa.ArrowInvalid:
        return texts
    inexact = texts.null_count and pc.max(pc.abs(numbers)).as_py() > _EXACT
    return texts if inexact else numbers


def _parsed(texts: Sequence[Text], columns: Sequence[str] | None) -> pa.Table:
    """Return the rows of texts with the same header, read in one go: a plate may lie in hundreds of small files."""
    body = b"".join(text.body if text.body.endswith((b"\n", b"\r")) else text.body + b"\n" for text in texts)
    names = list(texts[0].names)
    if not body.strip():
        return pa.table({name: pa.array([], pa.string()) for name in columns or names})
    try:
        return csv.read_csv(
            pa.BufferReader(body),
            csv.ReadOptions(column_names=names),
            csv.ParseOptions(delimiter=texts[0].delimiter, newlines_in_values=b'"' in body),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, include_columns=columns or []
            ),
        )
    except pa.ArrowInvalid as error:
        files = listed(text.source.name for text in texts)
        raise FileFormatError(f"{files}: cannot be read as a table of {len(names)} columns: {error}.") from error


def _without_unnamed(table: pa.Table, text: Text) -> pa.Table:
    """Drop a column without a name: empty (lines end in a delimiter), or 0, 1, 2... (the index of a data frame)."""
    if "" not in table.column_names:
        return table
    unnamed = table[""]
    counted = pa.array([str(i) for i in range(len(table))])
    if not (pc.all(pc.equal(unnamed, "")).as_py() or unnamed.combine_chunks().equals(counted)):
        raise FileFormatError(f"{str(text.source)!r}: a column that holds {str(unnamed[0])!r} has no name; name it.")
    return table.drop_columns([""])
