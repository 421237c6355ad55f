"""Which columns are measured, what is left aside, and the sentences on it."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.account.features import features_of, not_numbers
from cellprofiling.core.errors import ColumnError, FeatureError
from tests.builders import wells

FEATURES = [name for name in wells() if name.startswith("Cells_")]


def test_what_is_left_aside_is_named_with_its_reason():
    table = wells().assign(Image_Granularity_1_DNA=0.5, Cells_Location_Center_X=1.0, mystery=0.5, thing="x")
    measured = features_of(table)
    assert list(measured.names) == FEATURES
    assert measured.reasons == {
        "measured on the field, not on its cells": ["Image_Granularity_1_DNA"],
        "says where an object or a well lies": ["Cells_Location_Center_X"],
        "a number whose name no grammar knows, among columns whose names it does know": ["mystery"],
        "text, no number": ["thing"],
    }
    assert [line["n"] for line in measured.lines("normalize")] == [1, 1, 1, 1]


def test_the_remedy_of_the_warning_takes_what_was_left_aside():
    table = wells().assign(Image_Granularity_1_DNA=0.5, mystery=0.5)
    warning = features_of(table).warning
    assert warning.startswith("2 number columns left aside: 'Image_Granularity_1_DNA', 'mystery'; take them with")
    assert 'features="all"' in warning
    assert set(features_of(table, "all").names) == {*FEATURES, "Image_Granularity_1_DNA", "mystery"}
    assert features_of(table, "all").warning == ""


def test_positions_and_numbering_are_no_reason_for_a_warning():
    assert features_of(wells().assign(Cells_Location_Center_X=1.0, index=1)).warning == ""


def test_named_features_are_taken_whatever_they_are_called():
    table = wells()
    assert features_of(table, ["Metadata_Object_Count", FEATURES[1]]).names == ("Metadata_Object_Count", FEATURES[1])
    assert features_of(table, "Metadata_Object_Count").names == ("Metadata_Object_Count",)
    with pytest.raises(ColumnError, match="features='nothing': no such column"):
        features_of(table, ["nothing"])


def test_a_table_without_measurements_says_so():
    with pytest.raises(FeatureError, match="no feature columns among 'Metadata_Plate', 'Metadata_Well'"):
        features_of(wells()[["Metadata_Plate", "Metadata_Well"]])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["1", "#DIV/0!"], "'#DIV/0!' in row 1 is no number: make what is no number missing with pandas.to_numeric"),
        (["1,5", "2,5"], r"'1,5' in row 0 \(and 1 more values\) is no number: these look like decimal commas"),
        (["1", "2"], "holds numbers as objects or texts; make them numbers with pandas.to_numeric"),
        ([1j, 2j], r"holds complex numbers; take their size with \.abs\(\)"),
        ([True, False], r"holds true and false \(bool\)"),
    ],
)
def test_a_value_that_is_no_number_is_shown_with_its_row_and_a_remedy(values: list, sentence: str):
    table = pd.DataFrame({"Cells_AreaShape_Area": values})
    with pytest.raises(FeatureError, match=f"features='Cells_AreaShape_Area': .*{sentence}"):
        features_of(table, ["Cells_AreaShape_Area"])


def test_the_remedies_lead_to_features():
    texts = pd.Series(["1", "#DIV/0!"], name="Cells_AreaShape_Area")
    mended = pd.to_numeric(texts, errors="coerce").to_frame()
    assert features_of(mended, ["Cells_AreaShape_Area"]).names == ("Cells_AreaShape_Area",)
    commas = pd.Series(["1,5", "2,5"], name="Cells_AreaShape_Area").str.replace(",", ".")
    assert not_numbers(pd.to_numeric(commas)) == ""
    assert not_numbers(pd.Series([1.5, np.nan])) == ""
