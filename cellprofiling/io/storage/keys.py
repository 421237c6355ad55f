"""Which columns of a foreign table say plate, well and site."""

from collections.abc import Mapping, Sequence

from cellprofiling.core.columns import METADATA
from cellprofiling.core.errors import ColumnError, listed, nearest

CELLPROFILER = {f"Image_{METADATA}{key}": f"{METADATA}{key}" for key in ("Plate", "Well", "Site")}


def renames(
    names: Sequence[str], columns: Mapping[str, str] | None, labels: Mapping[str, str] = CELLPROFILER
) -> dict[str, str]:
    """Return the new names of columns: as `columns={"plate": "Barcode"}` asks, then as the program's labels say."""
    asked = {column: key_column(key) for key, column in (columns or {}).items()}
    _check(names, columns or {}, asked)
    known: dict[str, str] = {}
    for old, new in labels.items():
        if old in names and new not in (*names, *asked.values(), *known.values()):
            known[old] = new
    return {old: new for old, new in {**known, **asked}.items() if old != new}


def key_column(key: str) -> str:
    """Return the metadata column of a key: plate is Metadata_Plate."""
    return f"{METADATA}{key[:1].upper()}{key[1:]}"


def _check(names: Sequence[str], columns: Mapping[str, str], asked: Mapping[str, str]) -> None:
    absent = [column for column in asked if column not in names]
    if absent:
        raise ColumnError(f"columns={dict(columns)}: {listed(absent)} is no column.{nearest(absent[0], names)}")
    taken = [new for old, new in asked.items() if new != old and new in names]
    if taken:
        raise ColumnError(f"columns={dict(columns)}: the table has {listed(taken)} already; leave that key out.")
