"""A report's record says what the tables say, before any page exists."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import plural
from cellprofiling.quality.screen_quality import check_quality
from cellprofiling.report.record import hit_list
from cellprofiling.report.record.collect import collect
from cellprofiling.report.record.sources import gather
from cellprofiling.report.record.words import amount, joined, number, percent, score
from tests.builders import NEGCON

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


def with_parameters(**more):
    table = hits()
    table.attrs["parameters"] |= more
    return table


def check(id="inputs.duplicate_wells", status="pass", scope="P1", **more):
    """Return a check as quality.json holds it."""
    empty = {"level": "plate", "metric": id, "value": None, "ci_low": None, "ci_high": None, "n": 0, "threshold": ""}
    texts = {"source": "", "message": f"{id} in {scope}", "remedy": "", "waived": "", "gate": True}
    return {"id": id, "status": status, "scope": scope, **empty, **texts, **more}


def quality(checks, status="pass"):
    return {"status": status, "checks": checks}


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
    verdict = record(quality=quality([check(), check("design.controls"), check("images", "skipped")])).verdict
    assert (verdict.status, verdict.headline) == ("pass", "No problem found")
    assert verdict.sentence == "All 2 checks passed. 1 check could not be made."
    assert verdict.problems == []


def test_what_is_waived_stays_in_sight_and_decides_nothing():
    found = record(quality=quality([check(status="fail (waived)", waived="known, says Ada"), check("b")], "pass"))
    assert found.verdict.sentence == "All 1 check passed. 1 check waived."
    assert found.verdict.counts["fail"] == 0
    assert found.verdict.problems == []
    assert found.checks.rows[0][0] == "fail (waived)"
    assert found.checks.rows[0][5][1] == "Waived: known, says Ada."
    assert [row[:2] for row in found.plates.rows] == [["P1", "pass"], ["P2", "skipped"]]


def test_problems_come_worst_first_with_remedy_and_all_their_places():
    told = [
        check("counts.low", "warn", "P1", remedy="Look."),
        check("design.controls", "fail", "P2", remedy="Do."),
        check("design.controls", "fail", "P1"),
        check("controls.z_prime", "inconclusive", "P1"),
        check("counts.low_well", "fail", "P1 A01", level="well"),
        check("inputs", "pass", "P1"),
    ]
    found = record(quality=quality(told, "fail"))
    problems = found.verdict.problems
    assert [problem["status"] for problem in problems] == ["fail", "warn", "inconclusive"]
    assert (problems[0]["scope"], problems[0]["more"], problems[0]["remedy"]) == ("P2", ["P1"], "Do.")
    assert problems[0]["place"] in found.checks.ids
    assert found.verdict.sentence.startswith("Of 5 checks, 2 failed, 1 warned, 1 could not decide.")
    assert found.wells_flagged == "Single wells never decide: 1 are flagged."
    assert [row[0] for row in found.checks.rows] == ["fail", "fail", "warn", "inconclusive", "pass"]


def test_failed_checks_that_do_not_stop_a_screen_are_said_to_warn():
    found = record(quality=quality([check(status="fail"), check("b")], "warn")).verdict
    assert found.sentence.startswith("Of 2 checks, 1 failed. What failed is of the kind that warns.")


def test_ten_problems_stand_in_the_banner_and_the_rest_is_counted():
    found = record(quality=quality([check(f"check.{i}", "warn") for i in range(13)], "warn")).verdict
    assert (len(found.problems), found.further) == (10, 3)


def test_the_checks_of_a_real_screen_make_a_report():
    bad = wells(("P1", "P2", "P3"))
    rng = np.random.default_rng(0)
    bad["Metadata_Object_Count"] += rng.normal(size=len(bad))
    bad = bad.assign(Cells_a=rng.normal(size=len(bad)), Cells_b=rng.normal(size=len(bad)))
    bad.loc[(bad.Metadata_Plate != "P1") & (bad.Metadata_Role == "negcon"), "Metadata_Object_Count"] = 3
    found = record(wells=bad, quality=check_quality(bad, reference=NEGCON))
    assert found.verdict.status == "fail"
    low = next(problem for problem in found.verdict.problems if problem["id"] == "counts.control_low")
    assert low["more"] == ["P3"]
    statuses = {row[0]: row[1] for row in found.plates.rows}
    assert (statuses["P2"], statuses["P3"]) == ("fail", "fail")


def test_plates_have_a_column_for_each_check_that_speaks_of_them():
    told = [
        check("counts.low", "warn", "P1", value=0.2, threshold="warn above 10 %"),
        check("counts.low", "pass", "P2", value=0.1, threshold="warn above 10 %"),
        check("drift.level", "pass", "P2", value=4.0),
        check("screen.only", "pass", "screen", level="screen", value=4.0),
    ]
    plates = record(quality=quality(told, "warn")).plates
    assert [column.head for column in plates.columns] == ["Plate", "Status", "Wells", "Cells", "low", "level"]
    assert plates.rows[0] == ["P1", "warn", ["96", 96], ["164", 163.5], ["20 %", 0.2, "warn"], ["–", None, ""]]
    assert plates.rows[1][4:] == [["10 %", 0.1, ""], ["4", 4.0, ""]]
    middle, spread = plates.footer
    assert (middle[0], middle[4], middle[5]) == ("Median", "15 %", "4")
    assert spread[4] == "7.41 %"  # 1.4826 times the median distance from 15 %


def test_plates_come_as_they_were_acquired():
    found = record(quality=quality([check()]) | {"order": ["P2", "P1"]})
    assert [row[0] for row in found.plates.rows] == ["P2", "P1"]


def explained():
    return pd.DataFrame(
        {
            "Metadata_Compound": ["c0", "c0", "c0", "c1"],
            "Metadata_Dose": 0.5,
            "group": ["shape", "texture", "granules", "shape"],
            "effect": [1.5, -2.0, 0.1, 3.0],
            "ci_low": [1.0, -3.0, -1.0, 2.0],
            "ci_high": [2.0, -1.0, 1.0, 4.0],
            "q_value": [0.01, 0.001, 0.9, 0.001],
            "rank": [2, 1, 3, 1],
            "change": ["larger cells", "smoother cells", "no change", "larger cells"],
            "sentence": ["Larger.", "Smoother.", "Nothing.", "Larger."],
        }
    )


def test_effects_of_hits_stand_beside_the_reason_and_in_a_table_the_largest_first():
    found = record(explanations=explained())
    known = "Smoother cells (g -2, -3 to -1). Larger cells (g 1.5, 1 to 2). Cells_a +3"
    assert found.hits.rows[0][8][1] == known
    assert found.hits.rows[1][8][1] == ""  # no hit, whatever its effects
    assert [row[1] for row in found.explanations.rows] == ["texture", "shape"]
    assert found.explanations.rows[0][2:] == [["-2", -2.0], "-3 to -1", ["0.001", 0.001], "Smoother."]
    assert "explanations.parquet holds all 4 effects" in found.explanations_sentence


def test_a_hit_has_five_effects_on_the_page_however_many_there_are():
    many = pd.concat([explained().iloc[[1]].assign(rank=i, group=f"group {i}") for i in range(1, 9)])
    assert [row[1] for row in record(explanations=many).explanations.rows] == [f"group {i}" for i in range(1, 6)]


def test_a_table_with_sentences_alone_is_enough():
    plain = explained()[["Metadata_Compound", "Metadata_Dose", "group", "effect", "sentence"]]
    found = record(explanations=plain)
    assert found.hits.rows[0][8][1] == "Larger. Smoother. Nothing. Cells_a +3"
    assert record().explanations.rows == []
    assert record().absent["explanations"] == "no 'explanations' was given"


def test_what_was_used_is_cited():
    cited = record(hits=with_parameters(method="map")).citations
    assert any("Kalinin" in each for each in cited)
    assert not any("UMAP" in each for each in cited)
    umap = {"parameters": {"embed": {"method": "umap"}}}
    assert any("UMAP" in each for each in record(provenance=umap).citations)


def test_all_methods_of_a_run_are_cited():
    """Those of the recipe, its defaults among them, or those of the steps as they ran."""
    recipe = {
        "normalize": {"method": "rank_inverse_normal"},
        "select_features": {"steps": ["missing", {"frequency": {"rule": "or"}}]},
        "embed": {"method": "pca"},
        "explain": {"model": "pooled"},
    }
    cited = record(provenance={"parameters": recipe}, explanations=explained()).citations
    chosen = ["normalize, rank_inverse_normal", "select_features, frequency", "rank_hits, map"]
    assert _methods(cited) == [*chosen, "explain, pooled", "explain, benjamini_hochberg"]
    usual = record(provenance={"parameters": recipe | {"select_features": {"steps": None}}}).citations
    assert _methods(usual)[1:3] == ["select_features, blocklist", "select_features, frequency"]
    named = record(provenance={"parameters": {"steps": "multi_site"} | recipe}).citations
    assert {"whiten, tvn", "correct_batch, harmony"} <= set(_methods(named))
    assert "normalize, rank_inverse_normal" not in _methods(named)


def _methods(cited):
    return [line.partition(": ")[0] for line in cited if ", " in line.partition(": ")[0] and "doi 10." in line]


def test_without_quality_nobody_knows():
    verdict = record().verdict
    assert verdict.status == "inconclusive"
    assert "no 'quality' was given" in verdict.sentence


def test_a_hit_is_a_row_of_words():
    rank, name, hit, evidence, q, p, cells, n, why = record().hits.rows[0]
    assert (rank, name, hit) == (["1", 1.0], "c0 · 0.5", True)
    assert evidence == ["0.80", "0.70–0.90", 70.0, 80.0, 90.0]
    assert (q, p, cells, n) == (["0.003", 0.003], ["0.001 floor", 0.001], ["42 %", 0.421], ["4 / 2", 4.0])
    assert why == ["because", "Cells_a +3", ""]
    assert record().hits.rows[1][5] == ["0.5", 0.5]
    assert record().hits.quiet == (1, 2)


def test_a_hit_knows_the_number_of_its_wells():
    assert collect(gather({"wells": wells(), "hits": hits()}), {"c2 · 0.5": 7}).hits.keys == (-1, -1, 7)


def test_the_list_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(hit_list, "MOST", 60)
    found = record(hits=hits(80).assign(hit=True))
    assert len(found.hits.rows) == 60
    assert len(found.hit_names) == 80
    said = (
        "80 of 80 perturbations are called hits at a false discovery rate of 5 %. The page holds the first 60 of them."
    )
    assert found.hits_sentence == said


def test_a_bare_hit_list_has_dashes_where_nothing_is_known():
    row = record(hits=pd.DataFrame({"Metadata_Compound": ["c"], "p_value": [0.2]})).hits.rows[0]
    assert (row[2], row[3][0], row[6], row[8][0], row[5]) == (False, "–", ["–", None], "–", ["0.2", 0.2])


def test_the_audit_is_read_out():
    table = hits()
    table.attrs["audit"] = [
        {"layout": "same position", "n": 0, "message": "not audited: one plate"},
        {"layout": "different positions", "n": 200, "rejected": 9, "rate": 0.045, "ci_low": 0.021, "ci_high": 0.084},
    ]
    assert record(hits=table).audit == [
        "Controls in one well position were not audited: one plate.",
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
