"""The page of a comparison holds every score, and nothing from elsewhere."""

import re

import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.simulate.faults.batch_screen import simulate_batches

DESIGN = {"batch": "Metadata_Batch", "by": "Metadata_Compound", "reference": "Metadata_Role == 'negcon'"}


def refuse(table):
    raise InputError("not <b>here</b>.")


def center(table):
    return cpf.correct_batch(
        table, "linear", batch="Metadata_Batch", anchors="reference", reference=DESIGN["reference"]
    )


@pytest.fixture(scope="module")
def table():
    wells = simulate_batches("balanced", compounds=24, features=20).wells
    wells["Metadata_Well"] = [
        f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in wells.groupby("Metadata_Plate").cumcount()
    ]
    return cpf.compare_corrections(wells, {"center <1>": center, "refused": refuse}, **DESIGN, draws=100)


@pytest.fixture
def page(table, tmp_path):
    return cpf.write_comparison(table, tmp_path / "corrections.html").read_text(encoding="utf-8")


def test_the_sentence_stands_above_and_every_score_is_there(table, page):
    sentence = table.attrs["recommendation"]["sentence"].replace("<", "&lt;").replace(">", "&gt;")
    assert page.index(sentence) < page.index("<table")
    numbers = set(re.findall(r"<b>([\d.]+)</b>", page))
    known = table[table["value"].notna() & (table["metric"] != "seconds")]
    assert {f"{value:.3f}" for value in known["value"]} <= numbers
    assert f"{table.set_index(['candidate', 'metric']).loc[('center <1>', 'control_gap'), 'difference']:+.3f}" in page


def test_names_and_reasons_are_escaped_and_the_page_needs_nothing(page):
    assert "center &lt;1&gt;" in page
    assert "not &lt;b&gt;here&lt;/b&gt;." in page
    assert "<script" not in page
    assert re.search(r"(src|href)=", page) is None
    assert "default-src 'none'" in page


def test_replicates_of_a_fixed_layout_are_grey_with_the_reason(page):
    row = re.search(r'<tr class="doubtful">.*?</tr>', page, flags=re.DOTALL)
    assert row is not None
    assert "replicate mAP" in row.group()
    assert "layout is fixed: 100%" in row.group()


def test_better_and_worse_are_marked_where_the_interval_says_so(table, page):
    found = table.set_index(["candidate", "metric"]).loc[("center <1>", "control_gap")]
    assert found["difference_high"] < 0
    assert f'class="up">▲ {found["difference"]:+.3f}' in page


def test_the_same_table_gives_the_same_page(table, page, tmp_path):
    assert cpf.write_comparison(table, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_other_tables_are_refused(table, tmp_path):
    bare = table.copy()
    bare.attrs.clear()
    with pytest.raises(InputError, match="table: holds no recommendation"):
        cpf.write_comparison(bare, tmp_path / "x.html")
    with pytest.raises(ColumnError, match="table='group'"):
        cpf.write_comparison(table.drop(columns="group"), tmp_path / "x.html")
