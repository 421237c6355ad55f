"""A profile table taken apart and put together: the only place that decides what is a feature.

Inside a verb a table is `split` into metadata, one C-ordered float matrix and the feature names; kernels see the
matrix; `join` puts the result beside the metadata again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import (  # noqa: F401
    COUNT,
    METADATA,
    PLATE,
    WELL,
    By,
    Reference,
    columns_once,
    describe_reference,
    groups,
    hashable,
    is_metadata,
    is_there,
    matches,
    named,
    refuse_mask,
    require,
    rows,
)
from cellprofiling.core.errors import FeatureError, listed
from cellprofiling.core.ledgers import Line, written
from cellprofiling.core.names import kinds
from cellprofiling.kernels.arrays import Floats, Mask

MEASURED = ("morphology", "unknown")  # kinds of names that are features; position and bookkeeping never are


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
    try:
        hashes = pd.util.hash_pandas_object(profiles, index=False)
    except TypeError:  # lists among the metadata
        hashes = pd.util.hash_pandas_object(profiles.apply(hashable), index=False)
    digest.update(hashes.to_numpy().tobytes())
    return digest.hexdigest()


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
