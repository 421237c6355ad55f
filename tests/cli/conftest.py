"""The command line run in this process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cellprofiling.cli import app
from cellprofiling.core.errors import InputError
from cellprofiling.io.tables import write_profiles


@pytest.fixture
def run_cli() -> Callable[..., Result]:
    """Give a function that runs the command line as `main` does: bad input is exit code 2 and one line on stderr."""

    def run(*words: object) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, InputError):
            result.exit_code = 2
        return result

    return run


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """Return a folder of two plates."""
    folder = tmp_path / "cells"
    folder.mkdir()
    for i in range(2):
        x = np.random.default_rng(i).normal(size=(60, 3)).astype(np.float32)
        cells = pd.DataFrame(x, columns=["Cells_Area", "Cells_Length", "Nuclei_Area"])
        cells.insert(0, "Metadata_Well", np.repeat(["A01", "A02", "B01"], 20))
        cells.insert(0, "Metadata_Plate", f"P{i}")
        write_profiles(cells, folder / f"P{i}.parquet")
    return folder
