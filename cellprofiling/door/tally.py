"""How many values a column holds: distinct ones, missing ones, and an example."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.account.roles import NUMBER, Column, as_numbers
from cellprofiling.core.account.spelling import canonical
from cellprofiling.core.account.vocabulary import DOSE, FEATURE, UNUSED, WELL
from cellprofiling.kernels.arrays import Floats, Indices
from cellprofiling.kernels.scale.order import GOLDEN

PORTION = 64  # columns at a time, so that their values lie close together


class Tally(NamedTuple):
    """Of one column: n_distinct and n_missing are missing where the values were not read."""

    n_distinct: int | None
    n_missing: int | None
    example: str


def tallied(profiles: pd.DataFrame, columns: Sequence[Column]) -> dict[Hashable, Tally]:
    """Return the tally of each column that the table holds; the order of its rows does not matter."""
    there = [column for column in columns if column.name in profiles]
    measured = [column.name for column in there if column.kind == NUMBER and column.role in (FEATURE, UNUSED)]
    tallies: dict[Hashable, Tally] = {}
    for start in range(0, len(measured), PORTION):
        names = measured[start : start + PORTION]
        tallies |= dict(zip(names, _of_numbers(_block(profiles, names)), strict=True))
    return tallies | {c.name: _of_labels(profiles[c.name], c) for c in there if c.name not in tallies}


def table_of(profiles: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return the account as a table: name, role, why, n_distinct, n_missing, example."""
    tallies = tallied(profiles, columns)
    none = Tally(None, None, "")
    rows = [(c.name, c.role, c.why, *tallies.get(c.name, none)) for c in columns]
    table = pd.DataFrame(rows, columns=["name", "role", "why", "n_distinct", "n_missing", "example"])
    return table.astype({"n_distinct": "Int64", "n_missing": "Int64"})


def _block(profiles: pd.DataFrame, names: Sequence[Any]) -> Floats:
    """Return columns as the rows of a matrix, in float32 where all of them are."""
    frame = profiles[list(names)]
    plain = all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in frame.dtypes)
    frame = frame if plain else frame.apply(as_numbers)
    single = all(dtype == np.float32 for dtype in frame.dtypes)
    return np.ascontiguousarray(frame.to_numpy(dtype=np.float32 if single else np.float64).T)


def _of_numbers(values: Floats) -> list[Tally]:
    """Return the tally of each row of a matrix; the example is the smallest value."""
    values = values + values.dtype.type(0)  # -0.0 is 0.0
    missing = np.isnan(values)
    values[missing] = np.nan  # whatever its bits
    n_missing = missing.sum(axis=1)
    distinct = _distinct(values) - (n_missing > 0)
    smallest = np.fmin.reduce(values, axis=1, initial=np.nan)
    return [
        Tally(int(n), int(gaps), "" if gaps == values.shape[1] else f"{low:.4g}")
        for n, gaps, low in zip(distinct, n_missing, smallest, strict=True)
    ]


def _distinct(values: Floats) -> Indices:
    """Return how many bit patterns each row holds.

    Doubles are compared by 32 bits of a hash first, which sort in half the time; where these are not all different,
    the doubles themselves are sorted.
    """
    if values.dtype == np.float32:
        return _steps(values.view(np.uint32)) + 1
    bits = values.view(np.uint64)
    counts = _steps(((bits * GOLDEN) >> np.uint64(32)).astype(np.uint32)) + 1
    alike = np.flatnonzero(counts < values.shape[1])
    counts[alike] = _steps(bits[alike]) + 1
    return counts


def _steps(bits: NDArray[Any]) -> Indices:
    bits = np.sort(bits, axis=1)
    return (bits[:, 1:] != bits[:, :-1]).sum(axis=1) if bits.shape[1] else np.full(len(bits), -1)


def _of_labels(values: pd.Series, column: Column) -> Tally:
    """Return the tally of labels, in whatever spelling; the example is the most frequent one."""
    n_missing = int(values.isna().sum())
    try:
        texts = canonical(values, well=column.role == WELL).dropna()
    except TypeError:  # lists
        texts = values.dropna().astype(str)
    if column.kind == NUMBER and column.role == DOSE:
        texts = as_numbers(values).dropna().map("{:.6g}".format)
    counts = texts.value_counts()
    best = min(counts.index[counts == counts.max()]) if len(counts) else ""
    return Tally(len(counts), n_missing, str(best))
