"""The command `qc`: a table of wells in, a verdict in ten lines, files and an exit code out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.plates import well_names
from tests.builders import NEGCON


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with wells and a platemap of three plates, the last of them empty."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("qc")
    layout = pd.DataFrame({"Metadata_Well": well_names(96)})
    layout["Metadata_Role"] = np.where(np.arange(96) % 7 == 0, "negcon", "treatment")
    layout["Metadata_Compound"] = np.where(np.arange(96) % 7 == 0, "DMSO", [f"c{i}" for i in range(96)])
    plates = pd.concat([layout.assign(Metadata_Plate=f"P{i}") for i in range(3)], ignore_index=True)
    wells = plates[["Metadata_Plate", "Metadata_Well"]].copy()
    wells["Metadata_Object_Count"] = np.where(wells["Metadata_Plate"] == "P2", 0, rng.normal(200, 15, 288).round())
    wells = wells.join(pd.DataFrame(rng.normal(size=(288, 12)), columns=[f"Cells_f{i}" for i in range(12)]))
    cpf.write_profiles(wells, folder / "wells.parquet")
    plates.to_csv(folder / "platemap.csv", index=False)
    return folder


def words(folder: Path, out: Path, *more: object) -> list[object]:
    return [
        "qc",
        folder / "wells.parquet",
        "--platemap",
        folder / "platemap.csv",
        "--reference",
        NEGCON,
        "--out",
        out,
        *more,
    ]


def test_a_screen_that_fails_is_written_first_and_then_ends_with_code_3(run_cli, folder, tmp_path) -> None:
    result = run_cli(*words(folder, tmp_path / "qc", "--by", "Metadata_Compound"))
    assert result.exit_code == 3
    said = result.output.splitlines()
    assert said[0].startswith("looked at     3 plates, 288 wells")
    assert any(line.startswith("fail          counts.empty_plate: Plate P2 holds 0 cells") for line in said)
    assert said[-2:] == [
        "verdict       FAIL: not to be relied on yet",
        f"written       {tmp_path / 'qc'}: quality.json, checks.csv, checks.parquet, flags_*.parquet, junit.xml",
    ]
    assert len(said) <= 13
    assert json.loads((tmp_path / "qc" / "quality.json").read_text(encoding="utf-8"))["status"] == "fail"
    files = ["checks.csv", "checks.parquet", "flags_plates.parquet", "flags_wells.parquet", "junit.xml", "quality.json"]
    assert sorted(path.name for path in (tmp_path / "qc").iterdir()) == files


def test_never_means_never_and_the_file_is_that_of_the_verb(run_cli, folder, tmp_path) -> None:
    assert run_cli(*words(folder, tmp_path / "qc", "--fail-on", "never")).exit_code == 0
    wells, platemap = cpf.read_profiles(folder / "wells.parquet"), cpf.read_platemap(folder / "platemap.csv")
    expected = cpf.check_quality(wells, platemap=platemap, reference=NEGCON).to_json()
    assert (tmp_path / "qc" / "quality.json").read_text(encoding="utf-8") == expected


def test_thresholds_and_waivers_come_from_a_file(run_cli, folder, tmp_path) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(
        "waivers:\n- {check: counts.empty_plate, reason: blank plate, who: Ada}\ncounts.control_low: {fail: 2}\n"
    )
    run_cli(*words(folder, tmp_path / "qc", "--thresholds", limits))
    record = json.loads((tmp_path / "qc" / "quality.json").read_text(encoding="utf-8"))
    assert record["waivers"][0]["state"] == "acts"
    assert record["thresholds"]["counts.control_low"]["fail"] == 2


def test_a_hit_list_is_read_with_its_record(run_cli, folder, tmp_path) -> None:
    hits = pd.DataFrame({"Metadata_Compound": [f"c{i}" for i in range(1, 7)], "hit": True, "same_position": True})
    hits.to_csv(tmp_path / "hits.csv", index=False)
    row = {
        "layout": "same position",
        "n": 9,
        "rejected": 5,
        "rate": 0.55,
        "ci_low": 0.21,
        "ci_high": 0.86,
        "message": "5 of 9",
    }
    audit = [row, row | {"layout": "different positions", "rate": 0.0, "ci_low": 0.0}]
    (tmp_path / "hits.json").write_text(json.dumps({"audit": audit, "parameters": {"by": ["Metadata_Compound"]}}))
    run_cli(*words(folder, tmp_path / "qc", "--hits", tmp_path / "hits.csv"))
    checks = pd.read_csv(tmp_path / "qc" / "checks.csv").set_index("id")
    assert checks.loc["hits.position_audit", "status"] == "warn"
    assert checks.loc["hits.position", "n"] == 6


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--fail-on", "often"), "choose one of 'never', 'fail', 'warn', 'inconclusive'"),
        (("--by", "Metadata_Gene"), "by='Metadata_Gene': no such column"),
        (("--readout", "Cells_f99"), "readouts='Cells_f99': no feature of that name"),
        (("--thresholds", "none.yaml"), "none.yaml"),
        (("--hits", "none.csv"), "none.csv"),
        (("--cells", "none"), "none"),
    ],
)
def test_bad_input_is_exit_code_2_and_nothing_is_written(run_cli, folder, tmp_path, more, message) -> None:
    result = run_cli(*words(folder, tmp_path / "qc", *more))
    assert result.exit_code == 2
    assert message in str(result.exception)
    assert not (tmp_path / "qc").exists()


def test_readouts_are_declared_one_by_one(run_cli, folder, tmp_path) -> None:
    positive = ("--positive", "Metadata_Well.str.endswith('01')", "--readout", "Cells_f1", "--readout", "Cells_f2")
    run_cli(*words(folder, tmp_path / "qc", *positive))
    checks = pd.read_csv(tmp_path / "qc" / "checks.csv")
    told = checks[checks["id"] == "controls.readout_z_prime"]
    assert told["metric"].value_counts().to_dict() == {"robust Z' of Cells_f1": 3, "robust Z' of Cells_f2": 3}
