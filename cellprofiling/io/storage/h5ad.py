"""One h5ad file (AnnData), read and written by its documented layout with h5py.

The anndata package is not needed: X is a dataset, dense or compressed by rows or columns; obs and var are groups with a
dataset for each column, or codes and categories. Written as anndata 0.8 and later do; read back to 0.7.
https://anndata.readthedocs.io/en/stable/fileformat-prose.html
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.errors import FileFormatError, InputError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.io.storage.annotated import described, matrix
from cellprofiling.io.storage.arrow import from_profiles

AT_ONCE = 1 << 25  # bytes of X that are read or written together

_SPARSE = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}
_GROUPS = ("layers", "obsm", "obsp", "varm", "varp", "uns")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Give an open h5ad file; say so if it is damaged, or another kind of file."""
    h5py = _h5py()
    if path.stat().st_size == 0:
        raise FileFormatError(f"{str(path)!r}: is empty (0 bytes); write it again, or leave it out.")
    try:
        with h5py.File(path, "r") as file:
            absent = [name for name in ("obs", "var", "X") if name not in file]
            if absent:
                raise FileFormatError(f"{str(path)!r}: holds no {listed(absent)}; write it with anndata.")
            old = [name for name in ("obs", "var") if not isinstance(file[name], h5py.Group)]
            if old:
                raise FileFormatError(f"{str(path)!r}: is of anndata before 0.7; read and write it with a newer one.")
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise FileFormatError(f"{str(path)!r}: not a whole h5ad file ({_first_line(error)}); copy it again.") from error


def index(frame: Any) -> list[str]:
    """Return the names of the rows of obs or var."""
    return [str(name) for name in _column(frame, frame.attrs["_index"], slice(None)).to_pylist()]


def column_names(frame: Any) -> list[str]:
    """Return the names of the columns of obs or var."""
    return [str(name) for name in frame.attrs["column-order"]]


def labels(frame: Any, names: Sequence[str], rows: slice | None = None) -> pa.Table:
    """Return some columns of obs, categories as they are."""
    return pa.table({name: _column(frame, name, slice(None) if rows is None else rows) for name in names})


def values(file: Any, rows: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Return some rows and columns of X, a dense array of shape (n_columns, n_rows) of float32 or float64."""
    found = np.empty((len(columns), len(rows)), dtype=x_dtype(file))
    if not len(rows) or not len(columns):
        return found
    picked = np.asarray(columns)
    step = max(1, AT_ONCE // max(1, x_shape(file)[1] * 8))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        block = _dense(file["X"], int(some[0]), int(some[-1]) + 1)
        found[:, start : start + len(some)] = block[some - some[0]][:, picked].T
    return found


def x_shape(file: Any) -> tuple[int, int]:
    """Return rows and columns of X."""
    x = file["X"]
    shape = x.shape if hasattr(x, "shape") else x.attrs["shape"] if "shape" in x.attrs else x.attrs["h5sparse_shape"]
    return int(shape[0]), int(shape[1])


def x_dtype(file: Any) -> np.dtype:
    """Return the dtype in which the values of X are given: float32 if they are, or shorter, else float64."""
    x = file["X"]
    kind = np.dtype(x.dtype if hasattr(x, "dtype") else x["data"].dtype)
    return np.dtype(np.float32) if kind in (np.float16, np.float32) else np.dtype(np.float64)


def left_out(file: Any, path: Path, step: str) -> list[Line]:
    """Return a ledger line for what an h5ad file holds beside X, obs and var."""
    more = [f"{group}/{name}" for group in _GROUPS if group in file for name in file[group]]
    more += ["raw"] if "raw" in file else []
    return lines(step, "file", [path.name], f"left out: {listed(more)}; only X and obs are read") if more else []


def write_h5ad(profiles: pd.DataFrame, path: Path) -> None:
    """Write features as X, their parsed names as var, and all other columns as obs."""
    h5py = _h5py()
    x, features = matrix(profiles)
    obs = from_profiles(profiles.drop(columns=features))
    _refuse_names(obs.column_names)
    with h5py.File(path, "w") as file:
        _encode(file, "anndata", "0.1.0")
        _write_matrix(file, x)
        _write_frame(file, "obs", [str(i) for i in range(len(profiles))], obs)
        _write_frame(file, "var", features, pa.Table.from_pandas(described(features), preserve_index=False))
        for group in _GROUPS:
            _encode(file.create_group(group), "dict", "0.1.0")


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise InputError("h5ad files need the package h5py: pip install 'cellprofiling[h5ad]'.") from error
    return h5py


def _first_line(error: Exception) -> str:
    return str(error).strip("\"'").splitlines()[0]


def _column(frame: Any, name: str, rows: slice) -> pa.Array:
    """Return a column of obs or var; one of anndata 0.7 keeps its categories apart."""
    element = frame[name]
    kind = _text(element.attrs.get("encoding-type", ""))
    if kind == "categorical":
        return _categories(element["codes"][rows], element["categories"])
    if kind.startswith("nullable-"):
        return pa.array(_values(element["values"], rows), mask=np.asarray(element["mask"][rows]))
    if "categories" in element.attrs:
        return _categories(element[rows], frame.file[element.attrs["categories"]])
    if not hasattr(element, "dtype"):
        raise FileFormatError(f"column {name!r} of {frame.name[1:]} is stored as {kind!r}, which is not read; drop it.")
    return pa.array(_values(element, rows))


def _categories(codes: np.ndarray, categories: Any) -> pa.DictionaryArray:
    positions = pa.array(codes.astype(np.int32), mask=np.asarray(codes) < 0)
    return pa.DictionaryArray.from_arrays(positions, pa.array(_values(categories, slice(None))))


def _values(element: Any, rows: slice) -> np.ndarray:
    return element.asstr()[rows] if element.dtype.kind in "OSU" else element[rows]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _dense(x: Any, start: int, stop: int) -> np.ndarray:
    """Return consecutive rows of X."""
    if hasattr(x, "shape"):
        return x[start:stop]
    from scipy import sparse

    kind = _SPARSE.get(_text(x.attrs.get("encoding-type", x.attrs.get("h5sparse_format", ""))))
    if kind is None:
        raise FileFormatError(f"X is stored as {_text(x.attrs.get('encoding-type', '?'))!r}, which is not read.")
    n_rows, n_columns = (int(n) for n in x.attrs["shape" if "shape" in x.attrs else "h5sparse_shape"])
    if kind == "csc":
        return sparse.csc_matrix((x["data"][:], x["indices"][:], x["indptr"][:]), (n_rows, n_columns))[
            start:stop
        ].toarray()
    bounds = x["indptr"][start : stop + 1]
    part = slice(int(bounds[0]), int(bounds[-1]))
    return sparse.csr_matrix(
        (x["data"][part], x["indices"][part], bounds - bounds[0]), (stop - start, n_columns)
    ).toarray()


def _refuse_names(names: Sequence[str]) -> None:
    bad = [name for name in names if "/" in name or name == "_index"]
    if bad:
        raise FileFormatError(f"columns {listed(bad)} cannot be named so in an h5ad file; rename them.")


def _encode(element: Any, kind: str, version: str) -> None:
    element.attrs["encoding-type"], element.attrs["encoding-version"] = kind, version


def _write_matrix(file: Any, x: np.ndarray) -> None:
    """Write X some rows at a time: the values of a table lie by columns, and a whole copy would take as much again."""
    data = file.create_dataset("X", shape=x.shape, dtype=x.dtype)
    _encode(data, "array", "0.2.0")
    step = max(1, AT_ONCE // max(1, x.shape[1] * x.itemsize))
    for start in range(0, len(x), step):
        data[start : start + step] = x[start : start + step]


def _write_frame(file: Any, name: str, names: Sequence[str], table: pa.Table) -> None:
    group = file.create_group(name)
    _encode(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", np.array(table.column_names, dtype=object), dtype=_h5py().string_dtype())
    _write_texts(group, "_index", list(names))
    for column in table.column_names:
        _write_column(group, column, table[column].combine_chunks())


def _write_column(group: Any, name: str, column: pa.Array) -> None:
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _write_categories(group, name, column)
    elif pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        _write_numbers(group, name, column, "nullable-boolean" if pa.types.is_boolean(kind) else "nullable-integer")
    elif pa.types.is_floating(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind):
        numbers = column if pa.types.is_floating(kind) else pc.cast(column, pa.float64())
        _encode(group.create_dataset(name, data=numbers.to_numpy(zero_copy_only=False)), "array", "0.2.0")
    else:
        raise FileFormatError(f"column {name!r}: values of type {kind} cannot be written to an h5ad file; write text.")


def _write_texts(group: Any, name: str, texts: Sequence[str]) -> None:
    data = group.create_dataset(name, data=np.array(texts, dtype=object), dtype=_h5py().string_dtype())
    _encode(data, "string-array", "0.2.0")


def _write_categories(group: Any, name: str, column: pa.Array) -> None:
    """Write texts as categories: they repeat as a rule, and a missing one has the code -1."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = pc.cast(coded.dictionary, pa.string()).to_pylist()
    group = group.create_group(name)
    _encode(group, "categorical", "0.2.0")
    group.attrs["ordered"] = False
    codes = pc.fill_null(pc.cast(coded.indices, pa.int32()), -1).to_numpy(zero_copy_only=False)
    _encode(group.create_dataset("codes", data=codes), "array", "0.2.0")
    _write_texts(group, "categories", texts)


def _write_numbers(group: Any, name: str, column: pa.Array, nullable: str) -> None:
    if not column.null_count:
        _encode(group.create_dataset(name, data=column.to_numpy(zero_copy_only=False)), "array", "0.2.0")
        return
    mask = column.is_null().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(0, pa.int64()).cast(column.type)).to_numpy(zero_copy_only=False)
    group = group.create_group(name)
    _encode(group, nullable, "0.1.0")
    for part, data in (("values", filled), ("mask", mask)):
        _encode(group.create_dataset(part, data=data), "array", "0.2.0")
