"""The verdict is the worst of what decides, and its file has the same bytes for the same checks."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import InputError
from cellprofiling.quality.rules import Check, Rule, load
from cellprofiling.quality.screen_quality import check_quality
from cellprofiling.quality.verdict import roll_up

COLUMNS = ["id", "level", "scope", "metric", "value", "ci_low", "ci_high", "n", "status"]
COLUMNS += ["threshold", "source", "message", "remedy", "gate", "waived"]


def rule(worse="higher", essential=False, **numbers):
    limits = {name: numbers.pop(name) for name in ("warn", "fail") if name in numbers}
    return Rule("x", "metric", "", worse, "source", "remedy", **limits, essential=essential, settings=numbers)


def lines(*statuses, plate="P1", well="", essential=False):
    return [Check(rule(essential=essential), status, "message", plate, well) for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "skipped"], "pass"),
        (["pass", "inconclusive"], "warn"),
        (["pass", "warn", "inconclusive"], "warn"),
        (["pass", "warn", "fail"], "fail"),
        (["skipped"], "warn"),
        ([], "warn"),
    ],
)
def test_the_worst_decides_and_nothing_is_green_without_a_pass(statuses, verdict):
    assert roll_up(lines(*statuses)) == verdict


def test_wells_never_decide_and_a_skipped_essential_check_warns():
    assert roll_up([*lines("pass"), *lines("fail", well="A01")]) == "pass"
    assert roll_up([*lines("pass"), *lines("skipped", essential=True)]) == "warn"


@pytest.mark.parametrize(
    ("worse", "value", "status"),
    [
        ("higher", 1.0, "pass"),
        ("higher", 1.1, "warn"),
        ("higher", 2.0, "warn"),
        ("higher", 2.1, "fail"),
        ("lower", 2.0, "pass"),
        ("lower", 1.9, "warn"),
        ("lower", 1.0, "warn"),
        ("lower", 0.9, "fail"),
        ("lower", np.nan, "inconclusive"),
    ],
)
def test_a_limit_itself_is_on_the_good_side(worse, value, status):
    limits = {"warn": 1.0, "fail": 2.0} if worse == "higher" else {"warn": 2.0, "fail": 1.0}
    assert rule(worse, **limits).status(value) == status


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.4, 0.9, "pass"),
        (0.39, 0.9, "warn"),
        (-0.2, 0.3, "warn"),
        (-0.2, 0.5, "inconclusive"),  # wider than 0.6
        (-9.0, -0.01, "fail"),  # wide, but wholly on the wrong side
        (np.nan, np.nan, "inconclusive"),
    ],
)
def test_intervals_are_judged_as_a_whole(low, high, status):
    assert rule("lower", warn=0.4, fail=0.0, width=0.6).interval_status(low, high) == status


def test_every_rule_has_a_source_a_remedy_and_words_for_its_limits():
    for name, each in load().items():
        if name not in ("cells", "images"):
            assert each.source, name
            assert each.remedy.endswith("."), name
            assert each.worse in ("higher", "lower"), name
    assert load()["counts.control_low"].limits == "warn above 10 %, fail above 25 %"
    assert load()["design.controls"].limits == "warn below 8 wells, fail below 4 wells"
    assert load()["controls.ssmd"].shown(np.nan) == "none"


FILES = ["checks.csv", "checks.parquet", "flags_plates.parquet", "flags_wells.parquet", "junit.xml", "quality.json"]
CONTROLS = ["A06", "B07", "C06", "D07", "E06", "F07", "G06", "H07"]


def wells():
    names = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    counts = np.random.default_rng(0).normal(165, 9, 96).round()
    return pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": names,
            "Metadata_Role": ["negcon" if well in CONTROLS else "treatment" for well in names],
            "Metadata_Object_Count": counts,
        }
    )


def test_checks_have_the_columns_of_the_contract():
    assert check_quality(wells()).checks.columns.tolist() == COLUMNS


def test_json_is_the_same_bytes_has_null_for_missing_and_sorted_keys():
    quality = check_quality(wells(), reference="Metadata_Role == 'negcon'")
    text = quality.to_json()
    assert text == check_quality(wells(), reference="Metadata_Role == 'negcon'").to_json()
    assert "NaN" not in text
    record = json.loads(text)
    assert text == json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert record["schema"] == "cellprofiling.quality/2"
    assert record["status"] == quality.status == "pass"
    assert record["summary"]["plates"] == {"pass": 1}
    assert [check["id"] for check in record["checks"]] == quality.checks.id.tolist()
    assert next(check for check in record["checks"] if check["id"] == "cells.flagged")["value"] is None


def test_files_are_written_whole(tmp_path: Path):
    quality = check_quality(wells())
    folder = quality.write(tmp_path / "new" / "qc")
    assert (folder / "quality.json").read_text(encoding="utf-8") == quality.to_json()
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "checks.csv")[["id", "status"]], quality.checks[["id", "status"]], check_dtype=False
    )
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_flags_keep_rows_and_index_and_know_their_levels():
    table = wells().set_axis(range(500, 596))
    table.loc[500, "Metadata_Object_Count"] = 0
    quality = check_quality(table, reference="Metadata_Role == 'negcon'")
    flags = quality.flags("well")
    assert flags.index.equals(table.index)
    assert flags.columns.tolist() == ["Metadata_Plate", "Metadata_Well", "Metadata_QC_status", "Metadata_QC_reasons"]
    assert flags.Metadata_QC_reasons[500] == "toxic?"
    assert (flags.Metadata_QC_status == "warn").sum() == 1
    with pytest.raises(InputError, match="level='cell': choose one of 'well', 'plate'"):
        quality.flags("cell")


def test_the_notebook_view_is_short_and_escapes_names():
    evil = '"><img src=x onerror=alert(1)>'
    many = pd.concat([wells().assign(Metadata_Plate=f"{evil}{i}") for i in range(30)])
    quality = check_quality(many.assign(Metadata_Object_Count=0.0), reference="Metadata_Role == 'negcon'")
    shown = quality._repr_html_()
    assert "<img" not in shown
    assert shown.count("<tr>") == 16
    assert repr(quality).startswith("Quality(status='fail': ")
