"""The quality settings of screen.yaml: what they change, what they refuse, and when a run ends with code 3."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cellprofiling.core.errors import RecipeError
from cellprofiling.recipe.run import run_recipe
from cellprofiling.recipe.schema import load_recipe

DOUBLE = {"check": "design.controls", "reason": "few wells on purpose", "who": "Ada"}


def test_settings_reach_the_checks_and_the_run_ends_with_code_3(
    edit: Callable, run_cli: Callable, tmp_path: Path
) -> None:
    """A limit that nothing can meet fails the screen; all results are there all the same; a waiver lets it pass."""
    strict = {"thresholds": {"design.controls": {"fail": 1000}}, "fail_on": "fail"}
    out = tmp_path / "out"
    path = edit(quality=strict)
    result = run_cli("run", path, "--out", out)
    assert result.exit_code == 3
    assert "quality   fail (" in result.output
    assert (out / "report.html").exists()
    record = json.loads((out / "quality.json").read_text(encoding="utf-8"))
    assert record["thresholds"]["design.controls"]["fail"] == 1000
    assert {"replicates.share", "layout.plate"} <= {check["id"] for check in record["checks"]}
    files = ["checks.csv", "checks.parquet", "flags_plates.parquet", "flags_wells.parquet", "junit.xml"]
    assert sorted(path.name for path in (out / "quality").iterdir()) == files
    result = run_cli(
        "run",
        edit(quality=strict | {"waivers": [DOUBLE, DOUBLE | {"check": "counts.control_low"}]}),
        "--out",
        out,
        "--resume",
    )
    assert result.exit_code == 0, result.output
    record = json.loads((out / "quality.json").read_text(encoding="utf-8"))
    assert record["waivers"][0]["state"] == "acts"


def test_declared_readouts_and_positive_controls_reach_the_checks(edit: Callable, folder: Path, tmp_path: Path) -> None:
    """A feature of the wells that the file names is judged on each plate."""
    cells = pd.read_parquet(next((folder / "cells").glob("*.parquet")))
    name = next(str(column) for column in cells if str(column).startswith("Cells_"))
    run_recipe(edit(quality={"positive": "Metadata_Well.str.endswith('03')", "readouts": [name]}), tmp_path / "out")
    checks = pd.read_parquet(tmp_path / "out" / "quality" / "checks.parquet")
    judged = checks[checks["id"] == "controls.readout_ssmd"]
    assert set(judged["metric"]) == {f"robust SSMD of {name}"}
    assert set(judged["level"]) == {"plate"}
    assert len(judged) == 2


def test_the_day_a_waiver_ends_the_checks_are_made_anew(edit: Callable, tmp_path: Path, monkeypatch) -> None:
    """A resumed run must not keep a verdict that rests on a waiver which has expired since."""
    from datetime import date

    from cellprofiling.recipe import schema

    path = edit(quality={"waivers": [DOUBLE | {"until": "2999-01-01"}]})
    run_recipe(path, tmp_path / "out")
    said: list[str] = []
    run_recipe(path, tmp_path / "out", resume=True, tell=said.append)
    assert "checking quality: unchanged, kept" in said

    class Later(date):
        @classmethod
        def today(cls) -> date:
            return date(2999, 1, 2)

    monkeypatch.setattr(schema, "date", Later)
    said.clear()
    run_recipe(path, tmp_path / "out", resume=True, tell=said.append)
    assert "checking quality" in said


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ({"thresholds": {"design.control": {"fail": 1}}}, "Did you mean 'design.controls'"),
        ({"waivers": [{"check": "design.controls", "who": "Ada"}]}, "has no 'reason'"),
        ({"fail_on": "often"}, "quality.fail_on='often': choose 'never', 'fail', 'warn' or 'inconclusive'"),
        ({"fail": "never"}, "'quality.fail': no such setting"),
    ],
)
def test_mistakes_are_said_before_anything_runs(edit: Callable, quality: dict, message: str) -> None:
    """Names of checks and waivers are read with the file, not at the end of the run."""
    with pytest.raises(RecipeError, match=r"screen\.yaml, line") as error:
        load_recipe(edit(quality=quality))
    assert message in str(error.value)
