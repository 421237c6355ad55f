"""A small screen on disk, as a lab would have it, and the command line run on it."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

import cellprofiling as cpf
from cellprofiling.cli import app
from cellprofiling.core.errors import InputError
from cellprofiling.recipe.run import run_recipe


@pytest.fixture(scope="session")
def small_screen() -> cpf.simulate_screen:
    """Return a simulated screen of two small plates."""
    return cpf.simulate_screen("easy", plates=2, wells_per_plate=96, compounds=8, cells_per_well=8, features=40, seed=1)


@pytest.fixture
def folder(small_screen: object, tmp_path: Path) -> Path:
    """Return a folder with that screen in it."""
    return small_screen.write(tmp_path / "screen")


def edited(folder: Path, **settings: object) -> Path:
    """Change settings of the screen.yaml of a folder, and return its path."""
    path = folder / "screen.yaml"
    recipe = yaml.safe_load(path.read_text()) | {"hits": {"permutations": 50}} | settings
    path.write_text(yaml.safe_dump({key: value for key, value in recipe.items() if value is not None}))
    return path


@pytest.fixture
def edit(folder: Path) -> Callable[..., Path]:
    """Give a function that changes settings of screen.yaml and returns its path."""
    return functools.partial(edited, folder)


@pytest.fixture(scope="session")
def first_run(small_screen: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of that screen, run once; they are not to be changed."""
    home = tmp_path_factory.mktemp("first")
    run_recipe(edited(small_screen.write(home / "screen")), home / "out")
    return home / "out"


@pytest.fixture
def done(first_run: Path, tmp_path: Path) -> Path:
    """Return a folder of results as the first run left them, beside the folder of the screen."""
    return Path(shutil.copytree(first_run, tmp_path / "out"))


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
