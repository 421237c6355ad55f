"""Annotated matrices (AnnData) and profile tables: what lies in X, what in obs, and under which name."""

import itertools
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from cellprofiling.core.columns import METADATA, is_metadata
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.names import parse_features, recognize
from cellprofiling.io.storage.keys import key_column

OBS_NAME = f"{METADATA}ObsName"

_NUMBERED = re.compile(r"(?:\w+_)?(?:Image|Object|Table)_?Number")


def obs_labels(names: Sequence[str]) -> dict[str, str]:
    """Return what the columns of obs are called in a profile table.

    They get the prefix, so that a numeric dose or a count of genes is no feature; what says where an object lies, and
    CellProfiler's own bookkeeping, keep the names by which they are known not to be features.
    """
    return {name: _label(name, names) for name in names}


def obs_names(names: Sequence[str]) -> pa.Table:
    """Return the names of observations as a column, unless they only count the rows."""
    counted = all(name == str(i) for i, name in enumerate(names))
    return pa.table({} if counted else {OBS_NAME: pa.array(list(map(str, names)), pa.string())})


def described(features: Sequence[str]) -> pd.DataFrame:
    """Return var: the parts of each feature name, as categories, which leave room for missing parts."""
    parts = parse_features(features).set_index("name")
    parts.index.name, parts.attrs = None, {}
    return parts.astype("category")


def matrix(profiles: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return the features as a matrix, and their names: a view of the table's values where they lie in one block."""
    features = feature_columns(profiles)
    shared = _shared([profiles[name].to_numpy() for name in features])
    if shared is not None:
        return shared, features
    single = all(dtype == np.float32 for dtype in profiles[features].dtypes)
    return profiles[features].to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan), features


def _shared(columns: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return columns that are rows of one array as a matrix of shape (n_rows, n_columns), without copying them.

    pandas has no public way to its blocks: slicing columns copies them in pandas 2.
    """
    first = columns[0]
    steps = {b.ctypes.data - a.ctypes.data for a, b in itertools.pairwise(columns)}
    alike = all(column.dtype == first.dtype and column.strides == first.strides for column in columns)
    together = len(steps) < 2 and all(_owner(column) is _owner(first) for column in columns)
    if first.dtype not in (np.float32, np.float64) or not alike or not together:
        return None
    shape, strides = (len(columns), len(first)), (steps.pop() if steps else first.nbytes, first.strides[0])
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False).T


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array that owns the values of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _label(name: str, names: Sequence[str]) -> str:
    if is_metadata(name):
        return name
    feature = recognize(name)
    bookkeeping = feature.kind == "bookkeeping" and (feature.group is not None or _NUMBERED.fullmatch(name))
    if feature.kind == "position" or bookkeeping:
        return name
    return key_column(name) if key_column(name) not in names else f"{METADATA}{name}"
