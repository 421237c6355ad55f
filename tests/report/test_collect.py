"""A report's record says what the tables say, before any page exists."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.quality.checks import check_quality
from cellprofiling.report.collect import collect
from cellprofiling.report.sources import gather
from cellprofiling.report.words import amount, joined, number, percent, plural, score

NEGCON = "Metadata_Role == 'negcon'"
CONTROLS = ["A06", "B07", "C06", "D07", "E06", "F07", "G06", "H07"]


def wells(plates=("P1", "P2")):
    names = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    plate = pd.DataFrame(
        {"Metadata_Well": names, "Metadata_Role": ["negcon" if w in CONTROLS else "treatment" for w in names]}
    )
    table = pd.concat([plate.assign(Metadata_Plate=name) for name in plates], ignore_index=True)
    table["Metadata_Object_Count"] = 150.0 + np.arange(len(table)) % 30
    return table.assign(Cells_a=1.0, Cells_b=2.0)


def hits(n=3):
    table = pd.DataFrame(
        {
            "rank": range(1, n + 1),
            "Metadata_Compound": [f"c{i}" for i in range(n)],
            "Metadata_Dose": 0.5,
            "n_wells": 4,
            "n_plates": 2,
            "cell_count_ratio": [0.421, *[1.0] * (n - 1)],
            "map": 0.8,
            "map_ci_low": 0.7,
            "map_ci_high": 0.9,
            "p_value": [0.001, *[0.5] * (n - 1)],
            "p_floor": 0.001,
            "q_value": [0.003, *[0.6] * (n - 1)],
            "hit": [True, *[False] * (n - 1)],
            "reason": "because",
            "top_features": "Cells_a +3",
        }
    )
    table.attrs["parameters"] = {"by": ["Metadata_Compound", "Metadata_Dose"], "fdr": 0.05}
    return table


def record(**tables):
    return collect(gather({"wells": wells(), "hits": hits(), **tables}))


def test_numbers_are_counted_from_the_tables():
    numbers = {each["label"]: (each["value"], each["note"]) for each in record(profiles=wells()[["Cells_a"]]).numbers}
    assert numbers == {
        "Perturbations tested": ("3", ""),
        "Hits": ("1", "at a false discovery rate of 5 %"),
        "Plates": ("2", ""),
        "Wells": ("192", ""),
        "Cells": (f"{wells()['Metadata_Object_Count'].sum():,.0f}", "median 164 per well"),
        "Features measured": ("2", "1 kept for profiles"),
    }


def test_a_clean_screen_is_said_to_be_so():
    verdict = record(quality=check_quality(wells(), reference=NEGCON)).verdict
    assert (verdict.status, verdict.headline) == ("pass", "No problem found")
    assert verdict.sentence.startswith("All 15 checks passed. 8 checks could not be made.")
    assert verdict.problems == []


def test_problems_come_worst_first_with_remedy_and_all_their_places():
    bad = wells(("P1", "P2", "P3"))
    bad.loc[(bad.Metadata_Plate != "P1") & (bad.Metadata_Role == "negcon"), "Metadata_Object_Count"] = 3
    bad.loc[bad.Metadata_Plate == "P1", "Metadata_Role"] = "treatment"
    found = record(wells=bad, quality=check_quality(bad, reference=NEGCON))
    assert found.verdict.status == "fail"
    statuses = [problem["status"] for problem in found.verdict.problems]
    assert statuses == sorted(statuses, key=["fail", "warn", "inconclusive"].index)
    low = next(problem for problem in found.verdict.problems if problem["id"] == "counts.control_low")
    assert low["more"] == ["P3"]
    assert low["remedy"]
    assert low["place"] in {check["place"] for check in found.checks}
    assert found.wells_flagged == "Single wells never decide: 16 are flagged."


def test_without_quality_nobody_knows():
    verdict = record().verdict
    assert verdict.status == "inconclusive"
    assert "no 'quality' was given" in verdict.sentence


def test_a_hit_is_a_row_of_words():
    row = record().hits[0]
    assert row["name"] == "c0 · 0.5"
    assert (row["score"], row["interval"], row["bar"]) == ("0.80", "0.70–0.90", [70.0, 80.0, 90.0])
    assert (row["cells"], row["wells"], row["p_value"], row["q_value"]) == ("42 %", "4 / 2", "0.001", "0.003")
    assert row["floor"]
    assert not record().hits[1]["floor"]


def test_the_table_is_cut_and_the_names_of_hits_are_not():
    many = hits(80).assign(hit=True)
    found = record(hits=many)
    assert len(found.hits) == 50
    assert len(found.hit_names) == 80
    assert (
        found.hits_sentence
        == "80 of 80 perturbations are called hits at a false discovery rate of 5 %. The first 50 of 80 are shown."
    )


def test_a_bare_hit_list_has_dashes_where_nothing_is_known():
    row = record(hits=pd.DataFrame({"Metadata_Compound": ["c"], "p_value": [0.2]})).hits[0]
    assert (row["hit"], row["score"], row["cells"], row["reason"], row["floor"]) == (False, "–", "–", "–", False)


def test_the_audit_is_read_out():
    table = hits()
    table.attrs["audit"] = [
        {"layout": "same position", "n": 0, "message": "not audited: one plate"},
        {"layout": "different positions", "n": 200, "rejected": 9, "rate": 0.045, "ci_low": 0.021, "ci_high": 0.084},
    ]
    assert record(hits=table).audit == [
        "Controls in one well position: not audited: one plate.",
        "Controls in different well positions, tested as if they were a compound: 9 of 200 called active, 4.5 % "
        "(95 % interval 2.1 % to 8.4 %). 5 % is expected.",
    ]


def test_a_simulated_truth_is_compared_with_the_hits():
    truth = hits()[["Metadata_Compound", "Metadata_Dose"]].assign(active=[True, True, False])
    assert record(truth=truth).truth == (
        "This screen was simulated: 1 of 2 active perturbations found, 0 false hits among 1 inactive ones."
    )
    assert record(truth=pd.DataFrame({"Metadata_Compound": ["c0"]})).truth == ""


def test_what_was_dropped_is_grouped_in_the_order_of_the_steps():
    ledger = pd.DataFrame(
        [{"step": "select", "item": "feature", "name": f"f{i}", "reason": "constant", "n": 1} for i in range(400)]
        + [{"step": "flag_cells", "item": "cell", "name": "P1", "reason": "debris", "n": 1200}]
    )
    ledger.loc[1, "reason"] = "constant: 5 in all wells"
    first, second = record(ledger=ledger).dropped
    assert first["names"][:3] == ["f0", "f1 (5 in all wells)", "f2"]
    assert (first["step"], first["total"], len(first["names"]), first["further"]) == ("select", "400", 300, 100)
    assert (second["item"], second["total"], second["names"]) == ("cell", "1,200", ["P1"])


def test_settings_are_flat():
    provenance = {"parameters": {"hits": {"fdr": 0.05}, "by": ["a", "b"], "dose": None}, "versions": {"numpy": "2"}}
    found = record(provenance=provenance)
    assert found.parameters == [("hits.fdr", "0.05"), ("by", "a, b")]
    assert found.versions == [("numpy", "2")]


@pytest.mark.parametrize(
    ("word", "value", "text"),
    [
        (number, 12345.0, "12,345"),
        (number, None, "–"),
        (amount, 0.00012, "1.2e-4"),
        (amount, 0.012345, "0.0123"),
        (amount, 12345.6, "12,346"),
        (amount, 3.0, "3"),
        (amount, np.nan, "–"),
        (percent, 0.0456, "4.56 %"),
        (percent, pd.NA, "–"),
        (score, 0.8, "0.80"),
        (joined, ("a", None, 1.5), "a · – · 1.5"),
    ],
)
def test_numbers_are_written_for_people(word, value, text):
    assert word(value) == text


def test_one_is_singular():
    assert (plural(1, "plate"), plural(0, "plate"), plural(1200, "plate")) == ("1 plate", "0 plates", "1,200 plates")
