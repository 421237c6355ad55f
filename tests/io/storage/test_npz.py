"""Pickled arrays are read as data; a pickle that asks for anything else is refused and not run."""

import io
import os
import pickle
import subprocess
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.storage.npz import array, arrays, opened, shape


def read(path: Path, name: str) -> np.ndarray:
    with opened(path) as file:
        return array(file, name)


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path, call: object) -> None:
        self.path, self.call = path, call

    def __reduce__(self) -> tuple:
        return self.call, (f"touch {self.path}",) if self.call is os.system else (["touch", str(self.path)],)


CONTENTS = [
    {"Metadata_Plate": "P1", "n": 3, "x": 0.5, "none": None, "yes": True, "list": [1, "a"], "day": date(2024, 1, 2)},
    {"scalar": np.float32(1.5), "integer": np.int64(7), "text": np.str_("a"), "array": np.arange(3), "set": {1, 2}},
    {"nested": {"a": (1, 2)}, "bytes": b"\xff", "complex": 1j},
]


@pytest.mark.parametrize("content", CONTENTS)
def test_data_is_read_as_numpy_reads_it(tmp_path, content):
    np.savez(tmp_path / "a.npz", metadata=content, features=np.eye(2))
    value = read(tmp_path / "a.npz", "metadata")
    assert (value.shape, value.dtype) == ((), np.dtype(object))
    assert str(value.item()) == str(np.load(tmp_path / "a.npz", allow_pickle=True)["metadata"].item())


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_are_read(tmp_path, protocol):
    content = np.array([["a", 1.5], [None, b"x"]], dtype=object)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (2, 2), "fortran_order": False, "descr": "|O"})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", header.getvalue() + pickle.dumps(content, protocol=protocol))
    assert read(tmp_path / "a.npz", "x").tolist() == content.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, "U5"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_arrays_are_read(tmp_path, dtype, order):
    x = np.asarray(np.arange(6).reshape(2, 3), dtype=dtype, order=order)
    np.savez_compressed(tmp_path / "a.npz", x=x)
    value = read(tmp_path / "a.npz", "x")
    assert value.dtype == x.dtype
    assert value.tolist() == x.tolist()
    with opened(tmp_path / "a.npz") as file:
        assert shape(file, "x") == (2, 3)


@pytest.mark.parametrize(
    ("call", "name"), [(os.system, "posix.system"), (subprocess.check_output, "subprocess.check_output")]
)
def test_a_pickle_that_runs_a_program_is_refused_and_not_run(tmp_path, call, name):
    np.savez(tmp_path / "a.npz", metadata=np.array({"a": Touch(tmp_path / "ran", call)}, dtype=object))
    with pytest.raises(FileFormatError, match=rf"a.npz': holds a pickle that asks for {name}, .* it was not run"):
        read(tmp_path / "a.npz", "metadata")
    assert not (tmp_path / "ran").exists()
    assert np.load(tmp_path / "a.npz", allow_pickle=True)["metadata"].item()
    assert (tmp_path / "ran").exists(), "the pickle does what it is said to do when it is loaded plainly"


@pytest.mark.parametrize("call", [eval, exec, open, getattr, __import__, np.load, pickle.loads])
def test_no_function_is_called(tmp_path, call):
    class Ask:
        def __reduce__(self) -> tuple:
            return call, ("1",)

    np.savez(tmp_path / "a.npz", metadata=np.array([Ask()], dtype=object))
    with pytest.raises(FileFormatError, match="holds a pickle that asks for"):
        read(tmp_path / "a.npz", "metadata")


def test_texts_are_encoded_as_latin_only(tmp_path):
    class Ask:
        def __reduce__(self) -> tuple:
            import _codecs

            return _codecs.encode, ("abc", "zip")

    np.savez(tmp_path / "a.npz", metadata=np.array([Ask()], dtype=object))
    with pytest.raises(FileFormatError, match=r"asks for _codecs.encode with 'zip'"):
        read(tmp_path / "a.npz", "metadata")


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, features=np.ones((100, 10)), metadata=np.array({"a": 1}, dtype=object))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no zip at all", whole[:200] + b"\xff" * 50 + whole[250:]):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"a.npz': not a whole npz file \("):
            read(path, "features")
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"a.npz': is empty \(0 bytes\)"):
        read(path, "features")
    assert arrays(path) == []


def test_a_pickle_cut_short_and_an_array_that_is_not_there(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (), "fortran_order": False, "descr": "|O"})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", header.getvalue() + pickle.dumps({"a": "b" * 100})[:40])
        file.writestr("y.npy", b"\x93NUMPY\x09\x00" + b"\x00" * 100)
    with pytest.raises(FileFormatError, match="its pickle cannot be read"):
        read(tmp_path / "a.npz", "x")
    with pytest.raises(FileFormatError, match=r"version \(9, 0\) of npy is not read"):
        read(tmp_path / "a.npz", "y")
    with pytest.raises(FileFormatError, match=r"not a whole npz file .*no item named 'z.npy'"):
        read(tmp_path / "a.npz", "z")
