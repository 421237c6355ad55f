"""The ledger stays with a table through pandas and through a file, and is not copied on the way."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.ledgers import COLUMNS, KEY, Ledger, lines, written


@pytest.fixture
def wells() -> pd.DataFrame:
    table = pd.DataFrame({"Metadata_Well": ["A02", "A01"], "Cells_a": [1.0, 2.0]})
    return written(table, new=lines("select", "feature", ["Cells_b", "Cells_c"], "no spread"))


def test_a_ledger_reads_as_one_row_per_line_in_order(wells: pd.DataFrame):
    table = cpf.ledger(wells)
    assert tuple(table.columns) == COLUMNS
    assert table["name"].tolist() == ["Cells_b", "Cells_c"]
    assert table["n"].tolist() == [1, 1]
    assert set(table["step"]) == {"select"}


def test_a_table_without_history_has_an_empty_ledger():
    assert tuple(cpf.ledger(pd.DataFrame({"a": [1]})).columns) == COLUMNS
    assert cpf.ledger(pd.DataFrame()).empty


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.query("Cells_a > 1"),
        lambda table: table.sort_values("Metadata_Well"),
        lambda table: table.copy(),
        lambda table: table.reset_index(drop=True),
        lambda table: table[["Cells_a"]],
        lambda table: table.assign(Metadata_New=1),
        lambda table: table.head(1),
        lambda table: pd.concat([table, table]),
    ],
)
def test_what_pandas_makes_of_a_table_keeps_the_very_same_ledger(wells: pd.DataFrame, change):
    assert change(wells).attrs[KEY] is wells.attrs[KEY]


def test_a_deep_copy_is_the_ledger_itself(wells: pd.DataFrame):
    assert copy.deepcopy(wells.attrs[KEY]) is wells.attrs[KEY]


def test_a_ledger_comes_back_from_a_parquet_file(wells: pd.DataFrame, tmp_path: Path):
    written(wells, wells, new=lines("select", "well", ["A03"], "few cells", n=np.int64(3)))
    wells.to_parquet(tmp_path / "wells.parquet")
    again = pd.read_parquet(tmp_path / "wells.parquet")
    assert cpf.ledger(again).equals(cpf.ledger(wells))
    assert isinstance(written(again, again).attrs[KEY], Ledger)


def test_lines_of_several_tables_are_joined_once_each_and_new_ones_last(wells: pd.DataFrame):
    other = written(pd.DataFrame({"x": [1.0]}), wells, new=lines("normalize", "well", ["A03"], "few cells", n=12))
    table = written(pd.DataFrame({"x": [1.0]}), wells, other, new=lines("embed", "feature", ["Cells_d"], "missing"))
    assert cpf.ledger(table)["step"].tolist() == ["select", "select", "normalize", "embed"]
    assert cpf.ledger(table)["n"].tolist() == [1, 1, 12, 1]


def test_writing_adds_nothing_to_the_tables_lines_came_from(wells: pd.DataFrame):
    before = list(wells.attrs[KEY])
    written(pd.DataFrame({"x": [1.0]}), wells, new=lines("embed", "feature", ["Cells_d"], "missing"))
    assert wells.attrs[KEY] == before


def test_names_of_any_kind_become_text():
    assert [line["name"] for line in lines("step", "feature", [3, ("P1", "A01")], "reason")] == ["3", "('P1', 'A01')"]
