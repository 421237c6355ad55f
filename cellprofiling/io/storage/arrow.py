"""Arrow tables and profile tables: keys as text, labels as they are, features in one block of floats."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.columns import PLATE, WELL, is_metadata
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.names import MEASURED, kinds


def same_columns(columns: Mapping[Path, Sequence[str]]) -> None:
    """Refuse parts of one table that do not have the same columns; their order may differ."""
    (first, expected), *others = columns.items()
    for path, names in others:
        absent = [name for name in expected if name not in set(names)]
        extra = [name for name in names if name not in set(expected)]
        if absent or extra:
            lacks = f" lacks {listed(absent)}" if absent else ""
            also = f"{' and' if absent else ''} has {listed(extra)} more" if extra else ""
            ours, theirs = (str(path), str(first)) if path.name == first.name else (path.name, first.name)
            raise FileFormatError(
                f"{ours!r}{lacks}{also} than {theirs!r}: the parts of one table need the same columns; "
                "read them one by one, or leave one out."
            )


def concatenated(tables: Mapping[Path, pa.Table]) -> pa.Table:
    """Return the rows of all parts as one table, numbers in the widest type among them."""
    same_columns({path: table.column_names for path, table in tables.items()})
    names = next(iter(tables.values())).column_names
    parts = [_decoded(table.select(names)) for table in tables.values()]
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        differing = [name for name in names if len({str(part.schema.field(name).type) for part in parts}) > 1]
        raise FileFormatError(
            f"columns {listed(differing)} are not of one type in {listed(path.name for path in tables)}: {error}. "
            "Write them alike, or read the files one by one."
        ) from error


def to_profiles(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a profile table.

    Plate and well become text; other columns that are not features come first, as they are; features follow as one
    block, float32 if all of them are, else float64, missing values as NaN.
    """
    features = feature_names(table.schema)
    measured = set(features)
    others = _decoded(table.select([name for name in table.column_names if name not in measured]))
    block = pd.DataFrame(_block(table, features).T, columns=features, copy=False)
    if not others.num_columns:
        return block
    return pd.concat([_keys_as_text(others).to_pandas(ignore_metadata=True), block], axis=1)


def feature_names(schema: pa.Schema) -> list[str]:
    """Return the columns that are measured features: numbers, by name neither metadata, position nor bookkeeping."""
    candidates = [name for name in schema.names if not is_metadata(name) and _is_number(schema.field(name).type)]
    return [name for name, kind in zip(candidates, kinds(candidates), strict=True) if kind in MEASURED]


def from_profiles(profiles: pd.DataFrame) -> pa.Table:
    """Return a profile table as an Arrow table, without its index and `attrs`."""
    plain = profiles.copy(deep=False)
    plain.attrs = {}
    try:
        return pa.Table.from_pandas(plain, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FileFormatError(f"a column cannot be written: {'; '.join(map(str, error.args))}.") from error


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return keys as text: 1001 and 1001.0 are "1001"."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_floating(column.type) and pc.all(pc.equal(column, pc.floor(column))).as_py():
        column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.string())


def _block(table: pa.Table, features: Sequence[str]) -> np.ndarray:
    """Return features by rows, shape (n_features, n_rows): each feature lies in one piece, as in Arrow and pandas."""
    single = all(pa.types.is_float32(table.schema.field(name).type) for name in features)
    block = np.empty((len(features), len(table)), dtype=np.float32 if single and features else np.float64)
    for values, name in zip(block, features if len(table) else (), strict=False):
        column = table[name]
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            column = pc.cast(column, pa.float64())
        values[:] = column.to_numpy()
    return block


def _keys_as_text(table: pa.Table) -> pa.Table:
    for name in (PLATE, WELL):
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, as_text(table[name]))
    return table


def _decoded(table: pa.Table) -> pa.Table:
    """Return categories as their values."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, pc.cast(table[field.name], field.type.value_type))
    return table


def _is_number(kind: pa.DataType) -> bool:
    """Return whether Arrow type is a number; a column without any value may have been one."""
    return any(
        test(kind) for test in (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
    )
