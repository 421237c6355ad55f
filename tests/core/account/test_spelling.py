"""One well or plate written two ways is one."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprofiling.core.account.spelling import (
    canonical,
    canonical_codes,
    canonical_label,
    canonical_well,
    spelled_once,
    spellings,
)


@pytest.mark.parametrize(
    "value", [1001, "1001", 1001.0, "1001.0", " 1001 ", np.int64(1001), np.float32(1001), Decimal(1001)]
)
def test_ways_to_write_one_plate(value: Any):
    assert canonical_label(value) == "1001"


@pytest.mark.parametrize("value", ["00123", "1E05", "P1", "1.5", "BR.00", "v1.0.0", "nan", "NA"])
def test_texts_that_mean_themselves_stay(value: str):
    assert canonical_label(value) == value


@pytest.mark.parametrize("value", [None, np.nan, pd.NA, pd.NaT])
def test_what_is_missing_stays_missing(value: Any):
    assert canonical_label(value) is None
    assert canonical_well(value) is None
    assert canonical(pd.Series([value, "A1"], dtype=object), well=True).tolist() == [None, "A01"]


@pytest.mark.parametrize("value", ["A1", "a01", "A-01", " A 1 ", "A_001"])
def test_ways_to_write_one_well(value: str):
    assert canonical_well(value) == "A01"


def test_what_is_no_well_is_left_as_text():
    assert canonical_well("well 7") == "well 7"
    assert canonical_well(7.0) == "7"


def test_two_spellings_become_one_with_a_line_and_the_table_given_stays():
    table = pd.DataFrame(
        {"Metadata_Plate": ["P1", "P1 ", "P1"], "Metadata_Well": ["A1", "A01", "B02"]}, index=[5, 6, 7]
    )
    before = table.copy()
    once, said = spelled_once(table, plate="Metadata_Plate", well="Metadata_Well", step="aggregate")
    assert once["Metadata_Plate"].tolist() == ["P1"] * 3
    assert once["Metadata_Well"].tolist() == ["A01", "A01", "B02"]
    assert [line["name"] for line in said] == ["P1 ('P1 ', 'P1')", "A01 ('A01', 'A1')"]
    pd.testing.assert_frame_equal(table, before)


def test_a_table_in_one_spelling_is_returned_as_it_is():
    table = pd.DataFrame({"plate": [1001, 1002], "well": ["A1", "B2"]})
    once, said = spelled_once(table, plate="plate", well="well", step="aggregate")
    assert once is table
    assert said == []


def test_several_labels_of_a_row_are_one_text_in_any_order():
    assert canonical(pd.Series([["b", "a"], ("a", "b"), None])).tolist() == ["a|b", "a|b", None]
    assert spellings(pd.Series([["b", "a"], "A1"])) == {}


def test_codes_are_those_of_the_sorted_names():
    codes, names = canonical_codes(pd.Series(["B2", None, "a1", "A01"]), well=True)
    assert names == ["A01", "B02"]
    assert codes.tolist() == [1, -1, 0, 0]


def test_spellings_names_only_what_is_written_in_several_ways():
    assert spellings(pd.Series(["A1", "A01", "B02"]), well=True) == {"A01": ["A01", "A1"]}


@given(st.integers(0, 10**9), st.sampled_from([int, float, str, lambda i: f"{i}.0", lambda i: f" {i}"]))
def test_whole_numbers_have_one_spelling_in_any_type(number: int, written: Any):
    assert canonical_label(written(number)) == str(number)
