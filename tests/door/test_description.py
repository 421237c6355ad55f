"""What describe says of tables, files and cells."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from tests.builders import NEGCON, whole_plates


def said(described: Any) -> tuple:
    """Return all that a description says, in an order that does not depend on the order of columns."""
    columns = described.columns.sort_values("name", ignore_index=True).to_dict("records")
    return str(columns), described.unit, described.why, described.layout.to_dict("records"), sorted(described.problems)


def test_a_table_in_order_has_no_problems():
    described = cpf.describe(whole_plates(), by="Metadata_Compound", reference=NEGCON)
    assert described.problems == []
    assert described.ok
    assert described.unit == "well"
    assert described.columns["name"].tolist() == list(whole_plates())
    assert described.layout[["plate", "format", "n_wells", "n_controls", "n_perturbations"]].values.tolist() == [
        ["1001", 96, 16, 8, 4],
        ["1002", 96, 16, 8, 4],
    ]


WRITTEN: dict[str, list[Any]] = {
    "Metadata_Plate": [
        str,
        object,
        "category",
        int,
        float,
        "Int64",
        lambda c: c + " ",
        lambda c: c.astype(int).astype(object),
    ],
    "Metadata_Well": [
        str,
        object,
        "category",
        lambda c: c.str.replace("(?<=[A-P])0", "", regex=True),
        lambda c: c.str.lower(),
    ],
    "Metadata_Compound": [str, object, "category"],
    "Metadata_Role": [str, object, "category"],
    "Metadata_Dose": [float, object, "Float64", "float32"],
    "Metadata_Object_Count": [int, float, object, "Int64", "category"],
}
INDICES: list[Any] = [
    lambda t: t,
    lambda t: t.set_index("Metadata_Plate", drop=False),
    lambda t: t.set_index(["Metadata_Plate", "Metadata_Well"], drop=False),
    lambda t: t.set_index(["Metadata_Plate", "Metadata_Well"]),
    lambda t: t.set_axis(np.zeros(len(t))),
]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_dtype_spelling_index_and_orders_change_nothing(data: st.DataObject):
    other = whole_plates()
    for name, ways in WRITTEN.items():
        way = data.draw(st.sampled_from(ways), label=name)
        other[name] = way(other[name]) if callable(way) and not isinstance(way, type) else other[name].astype(way)
    other = other[data.draw(st.permutations(list(other.columns)))]
    other = other.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    other = data.draw(st.sampled_from(INDICES))(other)
    assert said(cpf.describe(other)) == said(cpf.describe(whole_plates()))


def test_a_table_needs_no_renaming():
    plain = whole_plates().rename(columns=lambda name: name.removeprefix("Metadata_"))
    plain = plain.rename(columns={"Plate": "barcode", "Well": "well_id"})
    described = cpf.describe(plain)
    roles = described.columns.set_index("name")["role"]
    assert (roles["barcode"], roles["well_id"], roles["Compound"], roles["Role"]) == (
        "plate",
        "well",
        "perturbation",
        "control",
    )
    assert described.reference == "Role == 'negcon'"
    assert described.ok


def test_columns_that_do_not_exist_are_refused_but_for_the_defaults():
    with pytest.raises(ColumnError, match="plate='Barcode': no such column"):
        cpf.describe(whole_plates(), plate="Barcode")
    with pytest.raises(ColumnError, match="features='nothing': no such column"):
        cpf.describe(whole_plates(), features=["nothing"])
    with pytest.raises(InputError, match=r"profiles=array.*a path, or Cells"):
        cpf.describe(np.zeros(3))


def test_a_mask_means_the_rows_of_the_table_as_it_came():
    shuffled = whole_plates().sample(frac=1, random_state=0)
    mask = (shuffled["Metadata_Role"] == "negcon").sample(frac=1, random_state=1)
    described = cpf.describe(shuffled, reference=mask)
    assert described.reference == "16 rows"
    assert described.layout["n_controls"].tolist() == [8, 8]


def test_files_tables_and_cells_are_described_alike(tmp_path: Path):
    cpf.write_profiles(whole_plates(), tmp_path / "wells.csv")
    assert said(cpf.describe(tmp_path / "wells.csv")) == said(cpf.describe(whole_plates()))
    cells = pd.concat([whole_plates().drop(columns="Metadata_Object_Count")] * 3, ignore_index=True)
    for plate, part in cells.groupby("Metadata_Plate"):
        (tmp_path / "cells").mkdir(exist_ok=True)
        part.to_parquet(tmp_path / "cells" / f"{plate}.parquet")
    described = cpf.describe(tmp_path / "cells")
    assert (described.unit, described.n_rows) == ("cell", len(cells))
    features = described.columns.query("role == 'feature'")
    assert features["n_distinct"].isna().all()  # they were not read
    assert described.layout["n_wells"].tolist() == [16, 16]
    assert repr(cpf.describe(cpf.open_cells(tmp_path / "cells"))) == repr(described)


def test_it_prints_itself_as_text_and_as_a_page_without_script_or_style():
    described = cpf.describe(whole_plates().assign(**{"<b>": "x", "mystery": 0.5}))
    assert "each a well: no two rows share plate and well" in repr(described)
    assert "1. number columns 'mystery' are taken for labels" in repr(described)
    page = described._repr_html_()
    assert "&lt;b&gt;" in page
    assert not re.search(r"<script|<style|style=|<b>[^D]", page)
    assert max(map(len, repr(described).splitlines())) <= 110


def test_the_table_given_is_not_changed():
    given_table = whole_plates()
    before = given_table.copy()
    cpf.describe(given_table.set_index("Metadata_Plate", drop=False))
    pd.testing.assert_frame_equal(given_table, before)


def test_an_empty_table_is_described():
    assert cpf.describe(whole_plates().iloc[:0]).unit == "well"
