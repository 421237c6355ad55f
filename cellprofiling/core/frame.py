"""A profile table taken apart and put together: the only place that decides what is a feature.

Inside a verb a table is `split` into metadata, one C-ordered float matrix and the feature names; kernels see the
matrix; `join` puts the result beside the metadata again.
"""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.account.features import Features, features_of, not_numbers
from cellprofiling.core.account.roles import TRUTH, WHY_NO_NUMBER, as_numbers
from cellprofiling.core.columns import columns_once, hashable
from cellprofiling.core.errors import FeatureError, LeftAsideWarning, listed
from cellprofiling.core.ledgers import KEY, Line, written
from cellprofiling.kernels.arrays import Floats, Mask


@dataclass(frozen=True)
class Table:
    """A profile table taken apart.

    Attributes
    ----------
    metadata : every column that is not a feature, index as given.
    x : C-ordered float matrix, shape (n_rows, n_features); float32 stays float32, all else is float64.
    features : the names of the columns of `x`.
    aside : the ledger lines of columns without prefix that are no features.
    """

    metadata: pd.DataFrame
    x: Floats
    features: tuple[str, ...]
    aside: tuple[Line, ...] = ()

    def keep(self, kept: Mask) -> "Table":
        """Return the table with the features where `kept` is true."""
        names = tuple(np.array(self.features, dtype=object)[kept])
        return replace(self, x=np.ascontiguousarray(self.x[:, kept]), features=names)

    def with_x(self, x: Floats) -> "Table":
        """Return the table with other values of the same features, in the dtype it had."""
        return replace(self, x=np.ascontiguousarray(x, dtype=self.x.dtype))


def feature_columns(profiles: pd.DataFrame, features: Sequence[str] | str | None = None) -> list[str]:
    """Return the names of the columns that are measured features, as the account of the table has them."""
    return list(_measured(profiles, features).names)


def split(profiles: pd.DataFrame, features: Sequence[str] | str | None = None) -> Table:
    """Take a profile table apart; infinite values are an error, missing ones are not.

    Parameters
    ----------
    features : names of columns, "all" number columns without prefix, or None for those that the grammar of names takes.
    """
    measured = _measured(profiles, features)
    if measured.warning:
        warnings.warn(measured.warning, LeftAsideWarning, stacklevel=2)
    names, dtypes = list(measured.names), dict(_dtypes(profiles, measured.names))
    dtype = np.float32 if all(given == np.float32 for given in dtypes.values()) else np.float64
    texts = {name: as_numbers(profiles[name]) for name in names if not pd.api.types.is_numeric_dtype(dtypes[name])}
    values = profiles[names].assign(**texts) if texts else profiles[names]
    # Always a copy: a single column would otherwise share its memory with the table that was given.
    x = np.array(values.to_numpy(dtype=dtype, na_value=np.nan), order="C")
    _refuse_infinite(x, names)
    return Table(profiles.drop(columns=names), x, tuple(names), tuple(measured.lines("features")))


def _measured(profiles: pd.DataFrame, features: Sequence[str] | str | None) -> Features:
    """Return the features and what is left aside; texts among numbers are refused."""
    columns_once(profiles)
    measured = features_of(profiles, features)
    for column in measured.aside:
        if column.why == WHY_NO_NUMBER and column.kind != TRUTH:
            raise FeatureError(f"{column.name!r}: {not_numbers(profiles[column.name])}")
    return measured


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
    return written(pd.concat([table.metadata, block], axis=1), source, new=[*_unsaid(table.aside, source), *new])


def _unsaid(new: Sequence[Line], source: pd.DataFrame) -> list[Line]:
    """Return the lines that the ledger of a table does not hold yet."""
    return [line for line in new if line not in source.attrs.get(KEY, ())]


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
