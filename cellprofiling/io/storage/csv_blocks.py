"""Numbers from many small csv files at once: a plate may lie in a thousand folders.

The bodies of files with the same header are parsed as one text, in threads; only where that fails is each file read
alone, to say which one is damaged.
"""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.threads import over
from cellprofiling.io.storage.columns import MISSING


@dataclass(frozen=True)
class Piece:
    """One csv file: its columns, and how many bytes its header takes up."""

    path: Path
    names: tuple[str, ...]
    skip: int


@dataclass(frozen=True)
class Rows:
    """The rows of some files: values of shape (n_columns, n_rows), and for each row the file it is from."""

    values: NDArray[np.float64]
    piece: NDArray[np.intp]


def numbers_of(pieces: Sequence[Piece], columns: Sequence[str]) -> Rows:
    """Return some columns of files as numbers; a text that is neither a number nor missing is an error."""
    order = sorted(range(len(pieces)), key=lambda i: (pieces[i].names, i))
    parts = [np.empty((len(columns), 0))]
    owners = [np.empty(0, np.intp)]
    for _, run in groupby(order, key=lambda i: pieces[i].names):
        members = list(run)
        values, sizes = _read([pieces[i] for i in members], columns)
        parts.append(values)
        owners.append(np.repeat(members, sizes))
    if len(parts) == 2:
        return Rows(parts[1], owners[1])
    return Rows(np.concatenate(parts, axis=1), np.concatenate(owners))


def _read(pieces: Sequence[Piece], columns: Sequence[str]) -> tuple[NDArray[np.float64], list[int]]:
    bodies = over(_body, pieces, waiting=True)
    sizes = [body.count(b"\n") for body in bodies]
    try:
        values = _parsed(b"".join(bodies), pieces[0].names, columns)
    except pa.ArrowInvalid:
        values = None
    if values is not None and values.shape[1] == sum(sizes):
        return values, sizes
    alone = [_alone(piece, body, columns) for piece, body in zip(pieces, bodies, strict=True)]
    return np.concatenate(alone, axis=1), [part.shape[1] for part in alone]


def _body(piece: Piece) -> bytes:
    try:
        data = piece.path.read_bytes()
        data = gzip.decompress(data) if piece.path.name.lower().endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{str(piece.path)!r}: cannot be read whole ({error}); copy it again.") from error
    body = data[piece.skip :]
    return body if not body or body.endswith(b"\n") else body + b"\n"


def _parsed(body: bytes, names: Sequence[str], columns: Sequence[str]) -> NDArray[np.float64]:
    """Return columns of a csv text without header as floats, shape (n_columns, n_rows)."""
    if not body.strip():
        return np.empty((len(columns), 0))
    table = csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(column_names=list(names), block_size=1 << 23),
        csv.ParseOptions(),
        csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.float64()),
            null_values=list(MISSING),
            include_columns=list(columns),
        ),
    )
    values = np.empty((len(columns), len(table)))
    for row, column in zip(values, table.columns, strict=True):
        row[:] = column.to_numpy()
    return values


def _alone(piece: Piece, body: bytes, columns: Sequence[str]) -> NDArray[np.float64]:
    for name in columns:
        try:
            _parsed(body, piece.names, [name])
        except pa.ArrowInvalid as error:
            what = f"in column {name!r}, {_first_text(piece, body, name)!r}" if "conversion" in str(error) else error
            what = " ".join(str(what).split())[:300]
            raise FileFormatError(
                f"{str(piece.path)!r}: damaged or cut off: {what}; copy or export it again."
            ) from error
    return _parsed(body, piece.names, columns)


def _first_text(piece: Piece, body: bytes, name: str) -> str:
    """Return the first value of a column that is no number."""
    table = csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(column_names=list(piece.names)),
        convert_options=csv.ConvertOptions(column_types={name: pa.binary()}, include_columns=[name]),
    )
    texts = [text.decode(errors="replace") for text in pc.unique(table[name]).to_pylist() if text is not None]
    return next((text for text in texts if text.strip() not in MISSING and not _is_number(text)), "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
