"""SQLite files: what they hold, and columns of them as numbers.

Values are read through ADBC, which hands over whole columns; the driver of the standard library makes an object of each
value and takes several times as long. SQLite gives a type to each value, not to a column. ADBC tells the type of a
column from its first rows, and stops at a value of another type: only then are the columns that hold texts looked for,
and read in a way that keeps numbers and texts apart.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.storage.columns import MISSING
from cellprofiling.kernels.arrays import Doubles, Mask

MAGIC = b"SQLite format 3\0"
AT_ONCE = 1 << 15  # rows that the driver hands over together; what is read at a time then lies in one piece
PATIENCE = 10_000  # milliseconds to wait for a program that is writing the file
MOST = 1000  # columns of one question; SQLite answers at most 2000, and texts may be asked for beside numbers


@dataclass
class Database:
    """One file.

    Attributes
    ----------
    texts : columns, by table, that are known to hold texts among numbers; only the speed of reading depends on it.
    """

    path: Path
    texts: dict[str, set[str]] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The file, read only; as unchanging, so that no lock is taken, unless another program may be writing it."""
        busy = [self.path.with_name(self.path.name + end) for end in ("-wal", "-journal")]
        unchanging = not any(file.exists() and file.stat().st_size for file in busy)
        return self.path.resolve().as_uri() + ("?mode=ro&immutable=1" if unchanging else "?mode=ro")

    def tables(self) -> dict[str, list[str]]:
        """Return the columns of each table; views only show what tables hold."""
        names = [name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [row[1] for row in self.rows(f"PRAGMA table_info({quoted(name)})")] for name in names}

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Return the answer to a question, for small ones."""
        with self._named(), closing(sqlite3.connect(self.uri, uri=True)) as database:
            return database.execute(question).fetchall()

    def numbers(self, table: str, columns: Sequence[str], where: str) -> tuple[list[Doubles], dict[str, Mask]]:
        """Return columns as numbers, and in which rows a text says that the value is missing; other texts are an error.

        Rows come in the order of their row numbers.
        """
        values: list[Doubles] = []
        missing: dict[str, Mask] = {}
        for start in range(0, len(columns), MOST):
            part = list(columns[start : start + MOST])
            answer = self._columns(table, part, where)
            mixed = [name for name in part if name in self.texts.get(table, ())]
            texts = dict(zip(mixed, answer.columns[len(part) :], strict=True))
            for name, column in zip(part, answer.columns, strict=False):
                values.append(_floats(column))
                if name in texts:
                    values[-1], missing[name] = self._filled_in(table, name, values[-1], texts[name])
        return values, missing

    def labels(self, table: str, name: str, where: str) -> pa.ChunkedArray:
        """Return a column as text, 7 and 7.0 as "7"."""
        whole = f"CASE typeof({quoted(name)}) WHEN 'real' THEN CAST({quoted(name)} AS INTEGER) ELSE {quoted(name)} END"
        return self._answer(f"SELECT CAST({whole} AS TEXT) FROM {quoted(table)} {where}").column(0)

    def _columns(self, table: str, columns: Sequence[str], where: str) -> pa.Table:
        """Return columns as float64, then the texts among their values for those that are known to hold some."""
        answer = self._asked(table, columns, where)
        if answer is None:
            self._look_for_texts(table, columns, where)
            answer = self._asked(table, columns, where)
        if answer is None:
            raise FileFormatError(f"{str(self.path)!r}: table {table!r} changed while it was read; read it again.")
        return answer

    def _asked(self, table: str, columns: Sequence[str], where: str) -> pa.Table | None:
        mixed = [name for name in columns if name in self.texts.get(table, ())]
        numbers = [_only_numbers(name) if name in mixed else quoted(name) for name in columns]
        # The first row tells the driver the type of each column, however the values begin.
        first = ", ".join(["0.5"] * len(columns) + ["'text'"] * len(mixed))
        asked = ", ".join([*numbers, *map(_only_texts, mixed)])
        try:
            answer = self._answer(
                f"SELECT {first} UNION ALL SELECT * FROM (SELECT {asked} FROM {quoted(table)} {where})"
            )
        except _OtherTypeError:
            return None
        as_asked = all(pa.types.is_float64(kind) for kind in answer.schema.types[: len(columns)])
        return answer.slice(1) if as_asked else None

    def _filled_in(self, table: str, name: str, values: Doubles, texts: pa.ChunkedArray) -> tuple[Doubles, Mask]:
        """Return numbers with those that were written as text, and where a text says that there is none."""
        trimmed = pc.utf8_trim_whitespace(texts)
        absent = pc.is_in(trimmed, value_set=pa.array(MISSING))
        try:
            written = _floats(pc.cast(pc.if_else(absent, None, trimmed), pa.float64()))
        except pa.ArrowInvalid as error:
            raise FileFormatError(
                f"{str(self.path)!r}: column {name!r} of table {table!r} holds text that is no number ({error}); mend "
                "it, or read the other columns only."
            ) from error
        return np.where(np.isnan(written), values, written), pc.fill_null(absent, False).to_numpy()

    def _look_for_texts(self, table: str, columns: Sequence[str], where: str) -> None:
        known = self.texts.setdefault(table, set())
        unknown = [name for name in columns if name not in known]
        asked = ", ".join(f"max(typeof({quoted(name)}) IN ('text', 'blob'))" for name in unknown)
        if unknown:
            ((*found,),) = self.rows(f"SELECT {asked} FROM {quoted(table)} {where}")
            known |= {name for name, holds in zip(unknown, found, strict=True) if holds}

    def _answer(self, question: str) -> pa.Table:
        import adbc_driver_manager
        from adbc_driver_sqlite import dbapi

        with self._named(), dbapi.connect(self.uri) as database, database.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(AT_ONCE)})
            try:
                cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
                cursor.fetchall()
                cursor.execute(question)
                return cursor.fetch_arrow_table()
            except (OSError, adbc_driver_manager.Error) as error:
                if "Type mismatch" in str(error):
                    raise _OtherTypeError from error
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say in one sentence which file cannot be read."""
        import adbc_driver_manager

        try:
            yield
        except (sqlite3.Error, adbc_driver_manager.Error, OSError, pa.ArrowException) as error:
            if isinstance(error, _OtherTypeError):
                raise
            what = " ".join(str(error).partition("query:")[0].split())
            raise FileFormatError(
                f"{str(self.path)!r}: cannot be read as SQLite ({what}); it may be damaged, copy it again."
            ) from error


class _OtherTypeError(OSError):
    """A column holds values of several types."""


def database(path: Path) -> Database:
    """Return a file whose beginning and length are those of a SQLite file."""
    size = path.stat().st_size
    if size == 0:
        raise FileFormatError(f"{str(path)!r}: is empty (0 bytes); copy it again, or leave it out.")
    with path.open("rb") as file:
        head = file.read(100)
    if not head.startswith(MAGIC) or len(head) < 100:
        raise FileFormatError(f"{str(path)!r}: damaged, or no SQLite file; copy it again, or leave it out.")
    page = int.from_bytes(head[16:18], "big")
    whole = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    # The length in the head counts only if the version that wrote it did so last
    if head[24:28] == head[92:96] and size < whole:
        raise FileFormatError(f"{str(path)!r}: cut off, {size} of {whole} bytes are there; copy it again.")
    return Database(path)


def is_sqlite(path: Path) -> bool:
    """Return whether a file begins like one of SQLite."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def quoted(name: str) -> str:
    """Return the name of a table or column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _only_numbers(name: str) -> str:
    return f"CASE WHEN typeof({quoted(name)}) IN ('integer', 'real') THEN {quoted(name)} END"


def _only_texts(name: str) -> str:
    return f"CASE WHEN typeof({quoted(name)}) IN ('text', 'blob') THEN CAST({quoted(name)} AS TEXT) END"


def _floats(column: pa.ChunkedArray) -> Doubles:
    return column.to_numpy()
