"""Small screens on disk, and cells whose reading goes wrong in every way."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.tables import write_profiles

FAULTY = '''
import os, pathlib, time

def die(columns):
    os._exit(3)

def fail(marker, columns):
    """Note that it was tried, and fail."""
    with open(marker, "a") as file:
        file.write("x")
    raise RuntimeError("the file server is away")

def die_at_first(marker, times, load, columns):
    """Die until that many files lie there."""
    for i in range(times):
        path = pathlib.Path(marker, str(i))
        if not path.exists():
            path.touch()
            os._exit(3)
    return load(columns)

def slowly(seconds, load, columns):
    time.sleep(seconds)
    return load(columns)
'''


def _plate_of_cells(plate: str, seed: int, n: int = 60, features: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    metadata = {"Metadata_Plate": plate, "Metadata_Well": np.repeat(["A01", "A02", "B01"], n // 3)}
    x = {f"Cells_Texture_F{i}": rng.normal(size=n).astype(np.float32) for i in range(features)}
    return pd.DataFrame(metadata | x)


@pytest.fixture
def screen(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a screen of so many plates."""

    def write(plates: int = 3, folder: str = "cells", ending: str = ".parquet", **size: int) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        for i in range(plates):
            name = f"P{i:02d}"
            write_profiles(_plate_of_cells(name, i, **size), tmp_path / folder / f"{name}{ending}")
        return tmp_path / folder

    return write


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Give a module of ways to fail, which other processes can import too."""
    folder = tmp_path / "modules"
    folder.mkdir()
    name = f"faulty_{os.getpid()}_{abs(hash(str(tmp_path))):x}"
    (folder / f"{name}.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(str(folder))
    yield __import__(name)
    sys.modules.pop(name, None)


@pytest.fixture
def plate_of_cells() -> Callable[..., pd.DataFrame]:
    """Give a function that makes the cells of a plate."""
    return _plate_of_cells


@pytest.fixture
def with_load() -> Callable[..., Cells]:
    """Give a function that returns cells with another way to read some plates."""

    def change(cells: Cells, loads: dict[str, Callable]) -> Cells:
        parts = [
            replace(part, load=loads[part.plate], block=None) if part.plate in loads else part
            for part in cells.partitions
        ]
        return replace(cells, partitions=tuple(parts))

    return change


@pytest.fixture
def slow(faulty: object, with_load: Callable) -> Callable[..., Cells]:
    """Give a function that returns the cells of a screen each plate of which takes its time."""

    def change(folder: Path, seconds: float) -> Cells:
        cells = open_cells(folder)
        return with_load(cells, {part.plate: partial(faulty.slowly, seconds, part.load) for part in cells.partitions})

    return change


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Give a function that returns all files of a folder, hidden ones too."""
    return lambda folder: {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class InThisProcess:
    """An executor that does the work when it is given: no process to wait for."""

    _max_workers = 1

    def submit(self, function: Callable, *arguments: object) -> Future:
        """Return a future that is done."""
        future: Future = Future()
        future.set_result(function(*arguments))
        return future


@pytest.fixture
def here() -> InThisProcess:
    """Give an executor without processes."""
    return InThisProcess()
