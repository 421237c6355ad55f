"""Columns and rows as the user calls them: which there are, their groups, and the rows that a reference means."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError, listed, nearest
from cellprofiling.core.queries import columns_of, evaluate
from cellprofiling.kernels.arrays import Indices, Mask

METADATA = "Metadata_"
PLATE, WELL, COUNT = "Metadata_Plate", "Metadata_Well", "Metadata_Object_Count"

LISTS = (list, set, np.ndarray)  # several labels of one row

By = str | Sequence[str] | None
Reference = str | Mapping[str, Any] | Sequence[bool] | Mask | pd.Series | None


def is_metadata(column: object) -> bool:
    """Return whether a column says what a row is (its name starts with `Metadata_`)."""
    return str(column).startswith(METADATA)


def require(profiles: pd.DataFrame, columns: By, argument: str) -> list[str]:
    """Return `columns` as a list, or say which are missing and what there is."""
    names = [columns] if isinstance(columns, str) else [] if columns is None else list(columns)
    missing = [name for name in names if not isinstance(name, Hashable) or name not in profiles.columns]
    moved = [name for name in missing if name in profiles.index.names]
    if moved:
        raise ColumnError(
            f"{argument}={listed(moved)}: no column, but a level of the index; make it a column with "
            "profiles.reset_index()."
        )
    if missing:
        known = [str(column) for column in profiles.columns if is_metadata(column)]
        known = known or [str(column) for column in profiles.columns]
        kind = "Metadata columns are" if is_metadata(known[0] if known else "") else "Columns are"
        raise ColumnError(
            f"{argument}={listed(missing)}: no such column. {kind} {listed(known, limit=20)}."
            + nearest(missing[0], profiles.columns)
        )
    return names


def is_there(profiles: pd.DataFrame, column: str, usual: str, argument: str) -> bool:
    """Return whether a column is there; only the one of the `usual` name may be absent."""
    if column != usual:
        require(profiles, column, argument)
    return column in profiles.columns


def columns_once(profiles: pd.DataFrame) -> None:
    """Refuse a table in which a column name occurs twice."""
    if not isinstance(profiles, pd.DataFrame):
        raise InputError(f"profiles: expected a pandas.DataFrame, got {type(profiles).__name__}.")
    if not profiles.columns.is_unique:
        doubled = profiles.columns[profiles.columns.duplicated()].unique()
        raise ColumnError(f"columns {listed(doubled)} occur more than once: rename or drop the copies.")


def groups(profiles: pd.DataFrame, by: By, argument: str = "by") -> tuple[Indices, pd.DataFrame]:
    """Return the group number of each row and the table of group keys, sorted by key.

    `by=None` is one group. A missing key is an error: such rows belong nowhere.
    """
    names = list(dict.fromkeys(require(profiles, by, argument)))
    if not names:
        return np.zeros(len(profiles), dtype=np.intp), pd.DataFrame(index=range(1))
    empty = profiles[names].isna()
    if empty.to_numpy().any():
        column = empty.columns[empty.any()][0]
        raise ColumnError(
            f"{argument}={column!r}: {int(empty[column].sum())} of {len(profiles)} rows have no value there: "
            "fill it in, or drop those rows first."
        )
    keys = profiles[names].reset_index(drop=True)  # an index may be called like a column
    try:
        codes = keys.groupby(names, sort=True, observed=True).ngroup().to_numpy()
    except TypeError:
        _refuse_lists(keys, argument)
        raise
    first = np.unique(codes, return_index=True)[1]
    return codes.astype(np.intp), keys.iloc[first].reset_index(drop=True)


def _refuse_lists(keys: pd.DataFrame, argument: str) -> None:
    for name in keys:
        held = [(row, value) for row, value in enumerate(keys[name]) if isinstance(value, LISTS)]
        if held:
            raise ColumnError(
                f"{argument}={name!r}: row {held[0][0]} holds {held[0][1]!r}, several labels, and a group has one: "
                f"make them a text with profiles[{name!r}].map(str), or name another column."
            )


def hashable(values: pd.Series) -> pd.Series:
    """Return values that can be compared: several labels of one row, a list, are a text; others are as they are."""
    if not pd.api.types.is_object_dtype(values.dtype) or not any(isinstance(value, LISTS) for value in values):
        return values
    return values.map(lambda value: repr(value) if isinstance(value, LISTS) else value)


def rows(profiles: pd.DataFrame, reference: Reference, argument: str = "reference") -> Mask:
    """Return the mask of reference rows; at least one must match.

    Parameters
    ----------
    reference : a query (see `core.queries`), a mapping of column to value or values, a boolean mask, or None for all.
    """
    mask = matches(profiles, reference, argument)
    if not mask.any():
        raise ReferenceRowsError(
            f"{argument}={describe_reference(reference)}: matches no row.{_values(profiles, reference)}"
        )
    return mask


def matches(profiles: pd.DataFrame, reference: Reference, argument: str = "reference") -> Mask:
    """Return the mask of the rows that a reference means; it may mean none."""
    if reference is None:
        return np.ones(len(profiles), dtype=bool)
    for kind, matcher in _MATCHERS.items():
        if isinstance(reference, kind):
            return matcher(profiles, reference, argument)
    return _match_mask(profiles, reference, argument)


def _match_query(profiles: pd.DataFrame, query: str, argument: str) -> Mask:
    require(profiles, _columns_in(query), argument)
    found = evaluate(query, profiles, argument)
    if not pd.api.types.is_bool_dtype(getattr(found, "dtype", np.dtype(object))):
        raise ReferenceRowsError(
            f"{argument}={query!r}: does not say of each row whether it is meant. "
            "Compare with ==, as in \"Metadata_Role == 'negcon'\"."
        )
    return _match_mask(profiles, found, argument)


def _match_mapping(profiles: pd.DataFrame, wanted: Mapping[str, Any], argument: str) -> Mask:
    require(profiles, list(wanted), argument)
    mask = np.ones(len(profiles), dtype=bool)
    for column, value in wanted.items():
        values = [value] if pd.api.types.is_scalar(value) else list(value)
        mask &= profiles[column].isin(values).to_numpy(dtype=bool)
    return mask


def _match_mask(profiles: pd.DataFrame, mask: Any, argument: str) -> Mask:
    if isinstance(mask, pd.Series) and len(mask) == len(profiles) and not mask.index.equals(profiles.index):
        mask = mask.reindex(profiles.index)
    if isinstance(mask, pd.Series) and pd.api.types.is_bool_dtype(mask.dtype):
        mask = mask.to_numpy(dtype=bool, na_value=False)  # what is missing was not asked for
    values = np.asarray(mask)
    if values.shape != (len(profiles),) or values.dtype != bool:
        raise ReferenceRowsError(
            f"{argument}: expected a query string, a {{column: value}} mapping, or one boolean per row "
            f"({len(profiles)}), got {type(mask).__name__} of shape {values.shape} and dtype {values.dtype}."
        )
    return values


_MATCHERS: dict[type, Callable[..., Mask]] = {str: _match_query, Mapping: _match_mapping}


def refuse_mask(
    reference: Reference, argument: str, *, example: str = "Metadata_Role == 'negcon'", what: str = "cells"
) -> None:
    """Refuse a mask where rows are read from files: it fits the rows of a table only."""
    if not isinstance(reference, str | Mapping | None):
        quoted = f'"{example}"' if "'" in example else repr(example)
        raise InputError(
            f"{argument}: a {type(reference).__name__} fits a table only; for {what} in files give a query such as "
            f"{quoted}, or {{column: value}}."
        )


def named(reference: Reference, names: Iterable[object]) -> list[str]:
    """Return the columns that a reference asks for: metadata whether they exist or not, others of `names`."""
    if isinstance(reference, Mapping):
        return list(reference)
    if not isinstance(reference, str):
        return []
    wanted, there = columns_of(reference), {str(name) for name in names}
    return [name for name in wanted if name in there or is_metadata(name)]


def _columns_in(query: str) -> list[str]:
    """Return the metadata columns that a query names."""
    return [name for name in columns_of(query) if is_metadata(name)]


def _values(profiles: pd.DataFrame, reference: Any) -> str:
    """Return what the columns named in a reference hold, most frequent first."""
    if not isinstance(reference, str | Mapping):
        return ""
    sentences = []
    for column in _columns_in(reference) if isinstance(reference, str) else reference:
        counts = profiles[column].value_counts()
        shown = ", ".join(f"{value!r} ({n} rows)" for value, n in counts.head(5).items())
        more = f" and {len(counts) - 5} more values" if len(counts) > 5 else ""
        sentences.append(f" {column} holds {shown}{more}.")
    return "".join(sentences)


def describe_reference(reference: Any) -> str:
    """Return a reference as it was written, or in words where it is long."""
    text = repr(dict(reference)) if isinstance(reference, Mapping) else repr(reference)
    return text if len(text) < 200 else f"a {type(reference).__name__} of {len(reference)} values"
