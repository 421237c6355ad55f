"""Arrays in npz files, pickled ones too, without running what a pickle may ask for.

NumPy writes an array of objects, such as DeepProfiler's dictionary of metadata, as a pickle, and loading a pickle can
run any program. Here a pickle may hold texts, numbers, dates, lists, dictionaries and NumPy arrays of them; whatever
else it names is refused.
"""

import io
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from cellprofiling.core.errors import FileFormatError

# The name of numpy's core changed with NumPy 2; files of both are read
_NUMPY = {
    (f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
} | {("numpy", "ndarray"), ("numpy", "dtype")}
_PLAIN: dict[tuple[str, str], Any] = {
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    **{("builtins", kind.__name__): kind for kind in (bytearray, complex, set, frozenset)},
}


class ForbiddenPickle(pickle.UnpicklingError):
    """A pickle names something that is neither data nor an array."""


class _DataUnpickler(pickle.Unpickler):
    """Loads data and arrays, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names, if it is a kind of data."""
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if (module, name) == ("_codecs", "encode"):
            return _latin
        if (module, name) in _NUMPY:
            return super().find_class(module, name)
        raise ForbiddenPickle(f"{module}.{name}")


def _latin(text: str, encoding: str) -> bytes:
    """Return bytes that a pickle of the second protocol holds as text."""
    if encoding not in ("latin1", "latin-1"):
        raise ForbiddenPickle(f"_codecs.encode with {encoding!r}")
    return text.encode("latin-1")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Give an open npz file; say so if it is damaged, or holds more than data."""
    if path.stat().st_size == 0:
        raise FileFormatError(f"{str(path)!r}: is empty (0 bytes); write it again, or leave it out.")
    try:
        with zipfile.ZipFile(path) as file:
            yield file
    except ForbiddenPickle as error:
        raise FileFormatError(
            f"{str(path)!r}: holds a pickle that asks for {error}, which is no data: it was not run; do not open this "
            "file elsewhere, and write it again."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{str(path)!r}: not a whole npz file ({error}); copy it again.") from error


def arrays(path: Path) -> list[str]:
    """Return the names of the arrays in an npz file; none if it is no such file."""
    try:
        with zipfile.ZipFile(path) as file:
            return [name.removesuffix(".npy") for name in file.namelist() if name.endswith(".npy")]
    except (zipfile.BadZipFile, OSError):
        return []


def shape(file: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """Return the shape of an array, from its first bytes."""
    with file.open(f"{name}.npy") as stream:
        return _header(stream)[0]


def array(file: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array, whose pickle, if it is one, holds data only."""
    with file.open(f"{name}.npy") as stream:
        data = stream.read()  # to its end, so that the checksum of the archive is looked at
    content = io.BytesIO(data)
    size, _, dtype = _header(content)
    if dtype.hasobject:
        return np.asarray(_unpickled(content), dtype=object).reshape(size)
    content.seek(0)
    return npy.read_array(content, allow_pickle=False)


def _unpickled(content: io.BytesIO) -> Any:
    try:
        return _DataUnpickler(content).load()
    except ForbiddenPickle:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise ValueError(f"its pickle cannot be read: {error}") from error


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of npy is not read")
    return readers[version](stream)
