"""Embeddings that lie as one list per row: a column for each number, as the other tables have them.

The Gallery's tables of deep features hold `source, batch, plate, well` and `all_emb`, a list of numbers.
"""

import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.columns import METADATA
from cellprofiling.core.errors import FileFormatError, listed

KEYS = {key: f"{METADATA}{key.capitalize()}" for key in ("source", "batch", "plate", "well", "site")}


def spread(table: pa.Table, name: str) -> pa.Table:
    """Return a table whose lists are columns `<column>_<i>` and whose keys have the prefix; others as they are."""
    lists = [field.name for field in table.schema if _is_list(field.type)]
    if not lists:
        return table
    for column in lists:
        at = table.column_names.index(column)
        parts = _parts(table[column].combine_chunks(), column, name)
        table = table.remove_column(at)
        for i, part in enumerate(parts):
            table = table.add_column(at + i, f"{column}_{i}", part)
    known = {old: new for old, new in KEYS.items() if new not in table.column_names}
    return table.rename_columns([known.get(column, column) for column in table.column_names])


def refuse_lists(schema: pa.Schema, name: str) -> None:
    """Refuse lists of numbers where columns are read one by one."""
    lists = [field.name for field in schema if _is_list(field.type) and not field.name.startswith(METADATA)]
    if lists:
        raise FileFormatError(
            f"{name!r}: columns {listed(lists)} hold lists of numbers; open it with read_profiles, and write it again."
        )


def _parts(lists: pa.Array, column: str, name: str) -> list[pa.Array]:
    lengths = pc.unique(pc.list_value_length(lists))
    if len(lengths) != 1 or lengths[0].as_py() is None:
        raise FileFormatError(f"{name!r}: the lists in column {column!r} are not of one length; write it again.")
    length = lengths[0].as_py()
    values = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), length)
    return [pa.array(part) for part in values.T.copy()]


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
