"""The commands for cells, as a shell, a makefile or a batch queue calls them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.cli.cells import parsed
from cellprofiling.core.errors import InputError

PROGRAM = Path(sys.executable).with_name("cellprofiling")


def test_aggregate(run_cli, plates, tmp_path):
    result = run_cli("aggregate", plates, "-o", tmp_path / "out", "--statistics", "median,mad", "--min-cells", 2)
    assert result.exit_code == 0, result.output
    assert result.output.strip() == f"2 plates (2 done): 120 cells to 6 wells in {tmp_path / 'out'}"
    expected = cpf.aggregate(plates, statistics=["median", "mad"], min_cells=2)
    assert_frame_equal(cpf.gather_plates(tmp_path / "out", plates), expected)


def test_aggregate_takes_one_plate_after_the_other(run_cli, plates, tmp_path):
    for path in sorted(plates.iterdir()):
        assert run_cli("aggregate", path, "-o", tmp_path / "out", "--exclude", "Cells_Area > 1").exit_code == 0
    assert_frame_equal(cpf.gather_plates(tmp_path / "out", plates), cpf.aggregate(plates, exclude="Cells_Area > 1"))


def test_aggregate_by_other_columns(run_cli, plates, tmp_path):
    assert run_cli("aggregate", plates, "-o", tmp_path / "out", "--by", "Metadata_Plate").exit_code == 0
    assert len(cpf.gather_plates(tmp_path / "out")) == 2


def test_aggregate_flags_cells(run_cli, plates, tmp_path):
    result = run_cli("aggregate", plates / "P0.parquet", "-o", tmp_path / "out", "--flag-cells")
    assert result.exit_code == 0, result.output
    assert "Metadata_Excluded_Count" in cpf.gather_plates(tmp_path / "out")


def test_aggregate_says_what_it_keeps_and_what_it_makes_again(run_cli, plates, tmp_path):
    for words, said in [
        ([], "2 plates (2 done)"),
        (["--resume"], "2 plates (2 kept)"),
        ([], "2 results of an earlier run were removed and made again; --resume keeps them\n2 plates (2 done)"),
    ]:
        result = run_cli("aggregate", plates, "-o", tmp_path / "out", *words)
        assert result.exit_code == 0
        assert result.output.startswith(said)


def test_a_failed_plate_is_exit_code_1(plates, tmp_path):
    (plates / "P1.parquet").write_bytes((plates / "P1.parquet").read_bytes()[:-50])
    command = [PROGRAM, "aggregate", plates, "-o", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == f"2 plates (1 done, 1 failed): 60 cells to 3 wells in {tmp_path / 'out'}\n"
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"cellprofiling: plate 'P1' failed: '{plates / 'P1.parquet'}': not a whole parquet")


def test_bad_input_is_exit_code_2(run_cli, plates, tmp_path):
    result = run_cli("aggregate", plates, "-o", tmp_path / "out", "--statistics", "mode")
    assert result.exit_code == 2
    assert "statistics='mode'" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_dry_run(run_cli, plates, tmp_path):
    result = run_cli("aggregate", plates, "-o", tmp_path / "out", "--dry-run", "--workers", 2)
    assert result.exit_code == 0, result.output
    words = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert words["plates"] == "2 to do"
    assert words["cells"] == "120"
    assert words["workers"].startswith("2, ")
    assert "measured on plate 'P0'" in words["time"]
    assert result.output.endswith("nothing was written\n")
    assert not (tmp_path / "out").exists()
    (plates / "P0.parquet").unlink()
    run_cli("aggregate", plates, "-o", tmp_path / "out")
    result = run_cli("aggregate", plates, "-o", tmp_path / "out", "--dry-run", "--resume")
    assert "plates   0 to do, 1 kept" in result.output


def test_convert(run_cli, plates, tmp_path):
    result = run_cli("convert", plates, "-o", tmp_path / "cache")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("wrote 2 plates, ")
    assert_frame_equal(cpf.open_cells(tmp_path / "cache").to_frame(), cpf.open_cells(plates).to_frame())


def test_options_of_a_format(run_cli, tmp_path):
    cells = pd.DataFrame({"Barcode": ["P1", "P1"], "Position": ["A01", "A01"], "Cells_Area": [1.0, 3.0]})
    cells.to_csv(tmp_path / "cells.csv", index=False)
    option = ["--format", "delimited", "--option", "columns={plate: Barcode, well: Position}"]
    assert run_cli("aggregate", tmp_path / "cells.csv", "-o", tmp_path / "out", *option).exit_code == 0
    assert cpf.gather_plates(tmp_path / "out", ["P1"])["Cells_Area"].item() == 2.0
    assert run_cli("convert", tmp_path / "cells.csv", "-o", tmp_path / "cache", *option).exit_code == 0


def test_words_as_options():
    assert parsed(["population=01", "columns={plate: Barcode}", "names=[a, b]", "query=a=b"]) == {
        "population": "01",
        "columns": {"plate": "Barcode"},
        "names": ["a", "b"],
        "query": "a=b",
    }
    with pytest.raises(InputError, match="--option 'population': write it as KEY=VALUE"):
        parsed(["population"])


MAKEFILE = """
CELLS := $(wildcard {cells}/*.parquet)
all: $(patsubst {cells}/%,{out}/%,$(CELLS))
{out}/%: {cells}/%
\t{program} aggregate $< -o {out}
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_runs_plate_by_plate(plates, tmp_path):
    """A makefile does each plate once, and only that again whose cells are newer."""
    out = tmp_path / "out"
    (tmp_path / "Makefile").write_text(MAKEFILE.format(cells=plates, out=out, program=PROGRAM))
    make = ["make", "-C", str(tmp_path), "-j", "2"]
    subprocess.run(make, check=True, capture_output=True)
    assert_frame_equal(cpf.gather_plates(out, plates), cpf.aggregate(plates))
    os.utime(plates / "P1.parquet", (2e9, 2e9))
    again = subprocess.run(make, check=True, capture_output=True, text=True).stdout
    assert again.count(" aggregate ") == 1
    assert "P1.parquet" in again
