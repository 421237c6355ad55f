"""The command `hits`: a table of wells in, a ranked list with its audits out."""

import json

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.cli.hit_list import METHOD
from cellprofiling.core.errors import ReferenceRowsError
from cellprofiling.guide.method_tables import records
from tests.builders import NEGCON
from tests.hits.test_question import two_lines


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> callable:
    """Return the file of a small screen in which four of eight compounds do something."""
    rng = np.random.default_rng(0)
    frames = []
    for plate in range(4):
        compound = np.repeat(["DMSO", *(f"c{i}" for i in range(8))], [16, *[1] * 8])
        x = rng.normal(size=(24, 10))
        x[16:20] += 4 * np.eye(4, 10)
        names = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(10)]
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Well": [f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in rng.permutation(96)[:24]],
            "Metadata_Compound": compound,
            "Metadata_Role": np.where(compound == "DMSO", "negcon", "treatment"),
            "Metadata_Dose": 1.0,
        }
        frames.append(pd.concat([pd.DataFrame(metadata), pd.DataFrame(x, columns=names)], axis=1))
    return cpf.write_profiles(pd.concat(frames, ignore_index=True), tmp_path_factory.mktemp("hits") / "wells.parquet")


def test_hits(run_cli, profiles, tmp_path) -> None:
    """The list is that of the verb; how many hits and what the audits say is printed."""
    out = tmp_path / "found.csv"
    words = ("hits", profiles, "--by", "Metadata_Compound", "--reference", NEGCON, "--out", out)
    result = run_cli(*words, "--permutations", 500, "--seed", 3)
    assert result.exit_code == 0, result.output
    expected = cpf.rank_hits(
        cpf.read_profiles(profiles), by="Metadata_Compound", reference=NEGCON, permutations=500, seed=3
    )
    lines = result.output.strip().splitlines()
    assert lines[0] == f"{expected['hit'].sum()} hits among 8 perturbations at a false discovery rate of 0.05"
    assert lines[1:-1] == expected.attrs["sentences"]
    assert lines[-1] == f"hit list  {out}"
    found = pd.read_csv(out)
    assert found["Metadata_Compound"].tolist() == expected["Metadata_Compound"].tolist()
    assert json.loads((tmp_path / "found.json").read_text())["parameters"]["seed"] == 3


def test_doses_and_bad_input(run_cli, profiles, tmp_path) -> None:
    """Doses have a q-value of all of them; what cannot be used is exit code 2."""
    words = ("hits", profiles, "--by", "Metadata_Compound", "--reference", NEGCON, "--permutations", 50)
    assert run_cli(*words, "--dose", "Metadata_Dose", "-o", tmp_path / "doses.parquet").exit_code == 0
    assert "group_q_value" in pd.read_parquet(tmp_path / "doses.parquet")
    assert run_cli(*words, "-o", tmp_path / "hits.docx").exit_code == 2
    assert run_cli(*words, "--fdr", 7, "-o", tmp_path / "hits.csv").exit_code == 2


def test_the_statistics_are_those_of_the_table(run_cli, tmp_path):
    *first, last = records("rank_hits", "method")
    assert f"The statistic that is tested: {', '.join(first)} or {last}." == METHOD
    run = run_cli("hits", tmp_path / "none.csv", "--by", "a", "--reference", "b", "--method", "energie")
    assert run.exit_code == 2
    assert "--method='energie': choose one of 'map', " in str(run.exception)
    assert "Did you mean 'energy'?" in str(run.exception)


def test_lines_whose_controls_differ_are_named_or_said_to_be_one(run_cli, tmp_path):
    """What the verb refuses, the command refuses, and both ways out that the sentence names work."""
    table = cpf.write_profiles(two_lines(), tmp_path / "lines.parquet")
    out = tmp_path / "hits.csv"
    words = ("hits", table, "--by", "Metadata_Compound", "--reference", NEGCON, "--permutations", 50, "-o", out)
    refused = run_cli(*words)
    assert refused.exit_code == 2
    assert isinstance(refused.exception, ReferenceRowsError)
    assert not out.exists()
    assert run_cli(*words, "--within", "Metadata_CellLine").exit_code == 0
    assert set(pd.read_csv(out)["Metadata_CellLine"]) == {"A549", "U2OS"}
    assert run_cli(*words, "--within", "").exit_code == 0
    assert "Metadata_CellLine" not in pd.read_csv(out)
