"""A profile table taken apart and put together: the only place that decides what is a feature.

Inside a verb a table is `split` into metadata, one C-ordered float matrix and the feature names; kernels see the
matrix; `join` puts the result beside the metadata again.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError, listed, nearest
from cellprofiling.core.ledgers import Line, written
from cellprofiling.core.names import kinds
from cellprofiling.core.queries import columns_of, evaluate
from cellprofiling.kernels.arrays import Floats, Indices, Mask

METADATA = "Metadata_"
MEASURED = ("morphology", "unknown")  # kinds of names that are features; position and bookkeeping never are
PLATE, WELL, COUNT = "Metadata_Plate", "Metadata_Well", "Metadata_Object_Count"

By = str | Sequence[str] | None
Reference = str | Mapping[str, Any] | Sequence[bool] | Mask | pd.Series | None


@dataclass(frozen=True)
class Table:
    """A profile table taken apart.

    Attributes
    ----------
    metadata : every column that is not a feature, index as given.
    x : C-ordered float matrix, shape (n_rows, n_features); float32 stays float32, all else is float64.
    features : the names of the columns of `x`.
    """

    metadata: pd.DataFrame
    x: Floats
    features: tuple[str, ...]

    def keep(self, kept: Mask) -> "Table":
        """Return the table with the features where `kept` is true."""
        names = tuple(np.array(self.features, dtype=object)[kept])
        return replace(self, x=np.ascontiguousarray(self.x[:, kept]), features=names)

    def with_x(self, x: Floats) -> "Table":
        """Return the table with other values of the same features, in the dtype it had."""
        return replace(self, x=np.ascontiguousarray(x, dtype=self.x.dtype))


def is_metadata(column: object) -> bool:
    """Return whether a column says what a row is (its name starts with `Metadata_`)."""
    return str(column).startswith(METADATA)


def feature_columns(profiles: pd.DataFrame, features: Sequence[str] | None = None) -> list[str]:
    """Return the names of the columns that are measured features.

    Given names are checked. Otherwise a feature is a numeric column that does not start with `Metadata_` and that
    the grammar of feature names does not know as a position or as bookkeeping (`Location_Center_X`, `Parent_Cells`).
    A text column that is neither metadata nor bookkeeping is an error: it is a label that lost its prefix.
    """
    columns_once(profiles)
    if features is not None:
        measured = list(dict.fromkeys(require(profiles, features, "features")))
    else:
        candidates = [column for column in profiles.columns if not is_metadata(column)]
        measured = [name for name, kind in zip(candidates, kinds(candidates), strict=True) if kind in MEASURED]
    texts = [name for name, dtype in _dtypes(profiles, measured) if not _is_number(dtype)]
    if texts:
        example = _example(profiles[texts[0]])
        raise FeatureError(
            f"columns {listed(texts)} are not numbers{example}: rename labels to "
            f"'{METADATA}{texts[0]}', or name the features with features=[...]."
        )
    if not measured:
        raise FeatureError(
            f"no feature columns among {listed(profiles.columns)}: features are numeric columns whose name does not "
            f"start with '{METADATA}'; name them with features=[...]."
        )
    return measured


def split(profiles: pd.DataFrame, features: Sequence[str] | None = None) -> Table:
    """Take a profile table apart; infinite values are an error, missing ones are not."""
    names = feature_columns(profiles, features)
    dtype = np.float32 if all(given == np.float32 for _, given in _dtypes(profiles, names)) else np.float64
    # Always a copy: a single column would otherwise share its memory with the table that was given.
    x = np.array(profiles[names].to_numpy(dtype=dtype, na_value=np.nan), order="C")
    _refuse_infinite(x, names)
    return Table(profiles.drop(columns=names), x, tuple(names))


def complete(table: Table) -> Table:
    """Return the table if no value is missing; otherwise say which features have missing values, and what would do."""
    gaps = np.isnan(table.x)
    if gaps.any():
        names = np.array(table.features, dtype=object)[gaps.any(axis=0)]
        raise FeatureError(
            f"features {listed(names)} have missing values (in {int(gaps.any(axis=1).sum())} of {len(gaps)} rows): "
            "drop them first with select_features(profiles, {'missing': {'cutoff': 0}}), or fill them in."
        )
    return table


def join(table: Table, *, source: pd.DataFrame, new: Sequence[Line] = ()) -> pd.DataFrame:
    """Put a table together: metadata first, features as one block, ledger of `source` plus the `new` lines."""
    block = pd.DataFrame(table.x, index=table.metadata.index, columns=list(table.features), copy=False)
    return written(pd.concat([table.metadata, block], axis=1), source, new=new)


def content_sha256(profiles: pd.DataFrame) -> str:
    """Return a digest of the names, the values and the order of a table."""
    digest = hashlib.sha256("\n".join(map(str, profiles.columns)).encode())
    digest.update(pd.util.hash_pandas_object(profiles, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def require(profiles: pd.DataFrame, columns: By, argument: str) -> list[str]:
    """Return `columns` as a list, or say which are missing and what there is."""
    names = [columns] if isinstance(columns, str) else [] if columns is None else list(columns)
    missing = [name for name in names if not isinstance(name, Hashable) or name not in profiles.columns]
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
    grouped = profiles[names].groupby(names, sort=True, observed=True)
    codes = grouped.ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    return codes.astype(np.intp), profiles[names].iloc[first].reset_index(drop=True)


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


def _refuse_infinite(x: Floats, names: Sequence[str]) -> None:
    infinite = np.isinf(x)
    if infinite.any():
        bad = [names[int(i)] for i in np.flatnonzero(infinite.any(axis=0))]
        raise FeatureError(
            f"features {listed(bad)} hold infinite values (in {int(infinite.any(axis=1).sum())} rows): set them to "
            "missing, or leave these features out."
        )


def _dtypes(profiles: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, Any]]:
    dtypes = dict(zip(profiles.columns, profiles.dtypes, strict=True))  # much faster than one column after the other
    return [(name, dtypes[name]) for name in names]


def _is_number(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def _example(column: pd.Series) -> str:
    present = column.dropna()
    return f" (for example {present.iloc[0]!r})" if len(present) else ""
