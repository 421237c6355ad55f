"""The command line as a stranger meets it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.recipe.demo import judge
from cellprofiling.recipe.schema import load_recipe

PROGRAM = [sys.executable, "-c", "from cellprofiling.cli import main; main()"]


def test_version(run_cli: Callable) -> None:
    """--version says the version."""
    assert run_cli("--version").output.strip() == f"cellprofiling {cpf.__version__}"


def test_help_names_every_command(run_cli: Callable) -> None:
    """The help lists what can be done."""
    output = run_cli("--help").output
    assert all(command in output for command in ("demo", "init", "run", "simulate", "report"))


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """In a process of its own: no traceback, one line on stderr, nothing on stdout."""
    command = [*PROGRAM, "run", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("cellprofiling: ")


def test_quiet_when_not_a_terminal(edit: Callable, tmp_path: Path) -> None:
    """Progress is shown in a terminal only."""
    done = subprocess.run(
        [*PROGRAM, "run", str(edit()), "--out", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "hits among 8 perturbations" in done.stdout
    assert "control pseudo-compounds" in done.stdout


def test_init_drafts_what_run_accepts(run_cli: Callable, folder: Path) -> None:
    """The draft is valid, and finds cells, platemap, controls and compounds by looking."""
    (folder / "screen.yaml").unlink()
    assert run_cli("init", folder).exit_code == 0
    recipe = load_recipe(folder / "screen.yaml")
    assert recipe.cells == "cells"
    assert recipe.platemap.path == "platemap.csv"
    assert recipe.reference == "Metadata_Role == 'negcon'"
    assert recipe.by == ["Metadata_Compound"]


def test_init_does_not_overwrite(run_cli: Callable, folder: Path) -> None:
    """A screen.yaml that is there stays, unless asked."""
    assert run_cli("init", folder).exit_code == 2
    assert run_cli("init", folder, "--overwrite").exit_code == 0


def test_init_without_tables(run_cli: Callable, tmp_path: Path) -> None:
    """A folder without tables, or no folder at all, is answered in words."""
    result = run_cli("init", tmp_path)
    assert result.exit_code == 2
    assert "no feature tables found" in str(result.exception)
    assert "not a folder" in str(run_cli("init", tmp_path / "none").exception)


def test_init_without_platemap_leaves_a_gap_to_fill(run_cli: Callable, folder: Path) -> None:
    """What cannot be guessed is marked."""
    (folder / "platemap.csv").unlink()
    assert run_cli("init", folder, "--overwrite").exit_code == 0
    assert load_recipe(folder / "screen.yaml").reference == "FILL IN"


def test_simulate_writes_a_screen_that_runs(run_cli: Callable, tmp_path: Path) -> None:
    """A simulated folder runs as it is."""
    sizes = ["--plates", 2, "--compounds", 4, "--cells-per-well", 5, "--features", 30, "--wells-per-plate", 96]
    assert run_cli("simulate", "--preset", "null", "--out", tmp_path / "screen", *sizes).exit_code == 0
    assert run_cli("run", tmp_path / "screen" / "screen.yaml", "--out", tmp_path / "out").exit_code == 0


def test_report_is_written_again(run_cli: Callable, done: Path) -> None:
    """The report can be made from the results alone."""
    (done / "report.html").unlink()
    assert run_cli("report", done).exit_code == 0
    assert (done / "report.html").stat().st_size > 10_000


def test_judge_counts_true_and_false_hits() -> None:
    """Found, missed and false hits are counted against the truth."""
    names = ["a", "b", "c", "d", "e"]
    hits = pd.DataFrame({"Metadata_Compound": names, "hit": [True, False, True, False, True]})
    truth = pd.DataFrame({"Metadata_Compound": names, "active": [True, True, False, False, False]})
    truth["toxic"] = [False, False, False, False, True]
    assert judge(hits, truth).sentence == "2 of 3 active compounds found, 1 false hit among 2 inert ones"


@pytest.mark.slow
def test_demo(run_cli: Callable, tmp_path: Path) -> None:
    """The demo ends by saying how many true hits it found."""
    result = run_cli("demo", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "active compounds found" in result.output
