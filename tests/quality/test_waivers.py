"""Waivers: what someone lets pass stays in sight and decides nothing, until it ends."""

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.quality.rules import load
from cellprofiling.quality.screen_quality import check_quality
from cellprofiling.quality.settings import read_settings
from cellprofiling.quality.waivers import waivers_of
from tests.builders import NEGCON

WAIVER = {"check": "inputs.duplicate_wells", "reason": "read twice on purpose.", "who": "Ada", "until": "2999-12-31"}


@pytest.fixture
def doubled(clean: pd.DataFrame) -> pd.DataFrame:
    """Return a screen that fails because one well occurs twice."""
    return pd.concat([clean, clean.iloc[:1]], ignore_index=True)


def line(quality, check, scope="screen"):
    return quality.checks.query("id == @check and scope == @scope").iloc[0]


def test_a_waived_fail_stays_in_sight_and_decides_nothing(doubled) -> None:
    assert check_quality(doubled, reference=NEGCON).status == "fail"
    quality = check_quality(doubled, reference=NEGCON, waivers=[WAIVER])
    assert quality.status == "warn"  # a plate has a row more than the others
    found = line(quality, "inputs.duplicate_wells")
    assert (found.status, found.waived) == ("fail (waived)", "read twice on purpose (Ada, until 2999-12-31)")
    record = json.loads(quality.to_json())
    assert record["status"] == "warn"
    assert record["summary"]["waived"] == 2  # the line of the screen, and that of the well
    said = {"scope": "*", "reason": "read twice on purpose", "state": "acts", "lines": 2}
    assert record["waivers"] == [WAIVER | said]
    assert "fail (waived)" in quality._repr_html_()
    assert "waived" in repr(quality)
    assert "duplicate (waived)" in quality.flags("well").Metadata_QC_reasons[0]
    assert quality.flags("well").Metadata_QC_status[0] == "pass"
    case = ElementTree.fromstring(quality.to_junit()).find(".//testcase[@classname='inputs.duplicate_wells']")
    assert case.find("failure") is None
    assert "fail (waived)" in case.find("skipped").get("message")


def test_a_waiver_acts_in_its_scope_only(clean) -> None:
    clean.loc[clean["Metadata_Plate"].isin(["P01", "P02"]), "Metadata_Object_Count"] = 0
    empty = {"check": "counts.empty_plate", "scope": "P01", "reason": "known", "who": "Ada"}
    quality = check_quality(clean, reference=NEGCON, waivers=[empty])
    assert line(quality, "counts.empty_plate", "P01").status == "fail (waived)"
    assert line(quality, "counts.empty_plate", "P02").status == "fail"
    assert quality.waivers[0].words == "known (Ada)"


def test_an_expired_waiver_acts_no_more_and_says_so(doubled) -> None:
    quality = check_quality(doubled, reference=NEGCON, waivers=[WAIVER | {"until": "2020-01-31"}])
    found = line(quality, "inputs.duplicate_wells")
    assert (found.status, found.waived) == ("fail", "")
    assert found.message.endswith("The waiver of Ada expired on 2020-01-31.")
    assert json.loads(quality.to_json())["waivers"][0]["state"] == "expired"


def test_the_last_day_still_counts() -> None:
    asked = [WAIVER | {"until": date(2026, 5, 31)}]
    assert not waivers_of(asked, load(), date(2026, 5, 31))[0].expired
    assert waivers_of(asked, load(), date(2026, 6, 1))[0].expired


def test_what_passes_needs_no_waiver_and_the_record_says_so(clean) -> None:
    quality = check_quality(clean, reference=NEGCON, waivers=[WAIVER])
    assert line(quality, "inputs.duplicate_wells").status == "pass"
    assert json.loads(quality.to_json())["waivers"][0]["state"] == "nothing to waive"


def test_a_skipped_essential_check_can_be_waived(clean) -> None:
    waivers = [
        {"check": name, "reason": "no controls on this plate type", "who": "Ada"} for name in ["design.controls"]
    ]
    assert (
        check_quality(clean, waivers=waivers).checks.query("id == 'design.controls'").status.item()
        == "skipped (waived)"
    )


@pytest.mark.parametrize(
    ("waivers", "message"),
    [
        ([WAIVER | {"check": "inputs.duplicate_well"}], "Did you mean 'inputs.duplicate_wells'"),
        ([WAIVER | {"reason": " "}], "has no 'reason'"),
        ([{"check": "cells", "reason": "x"}], "has no 'who'"),
        ([WAIVER | {"unitl": "2026-01-01"}], "'unitl': choose one of"),
        ([WAIVER | {"until": "soon"}], "write the last day as 2026-12-31"),
        (["inputs.duplicate_wells"], "expected a mapping with check, scope"),
        (WAIVER, "expected a list of"),
        ("all", "expected a list of"),
    ],
)
def test_mistakes_are_said(clean, waivers, message) -> None:
    with pytest.raises(InputError, match=message):
        check_quality(clean, waivers=waivers)


def test_thresholds_and_waivers_are_read_from_one_file(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(
        "counts.control_low: {warn: 0.2}\nwaivers:\n- {check: cells, reason: x, who: Ada, until: 2026-01-31}\n"
    )
    thresholds, waivers = read_settings(path)
    assert thresholds == {"counts.control_low": {"warn": 0.2}}
    assert waivers[0]["until"] == date(2026, 1, 31)
    path.write_text("counts.control_low: {warn: 0.2}\n")
    assert read_settings(path)[1] == []


@pytest.mark.parametrize(("text", "message"), [("- 1", "expected checks with numbers"), ("a: [", "not valid YAML")])
def test_files_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "limits.yaml").write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_settings(tmp_path / "limits.yaml")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_settings(tmp_path / "none.yaml")
