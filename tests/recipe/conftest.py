"""A small screen on disk, as a lab would have it, and the command line run on it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

import cellprofiling as cpf
from cellprofiling.cli import app
from cellprofiling.core.errors import InputError


@pytest.fixture(scope="session")
def small_screen() -> cpf.simulate_screen:
    """Return a simulated screen of two small plates."""
    return cpf.simulate_screen("easy", plates=2, wells_per_plate=96, compounds=8, cells_per_well=8, features=40, seed=1)


@pytest.fixture
def folder(small_screen: object, tmp_path: Path) -> Path:
    """Return a folder with that screen in it."""
    return small_screen.write(tmp_path / "screen")


@pytest.fixture
def edit(folder: Path) -> Callable[..., Path]:
    """Give a function that changes settings of screen.yaml and returns its path."""

    def change(**settings: object) -> Path:
        path = folder / "screen.yaml"
        recipe = yaml.safe_load(path.read_text()) | {"hits": {"permutations": 50}} | settings
        path.write_text(yaml.safe_dump({key: value for key, value in recipe.items() if value is not None}))
        return path

    return change


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
def cells_of(folder: Path) -> Callable[..., Path]:
    """Give a function that changes the cells of the first plate on disk."""

    def change(edit_table: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
        path = sorted((folder / "cells").glob("*.parquet"))[0]
        edit_table(pd.read_parquet(path)).to_parquet(path)
        return path

    return change
