"""A column of text becomes numbers only where nothing is lost by it."""

import pyarrow as pa
import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.storage.columns import label, measured, texts_table, typed
from cellprofiling.io.storage.text import take_apart


def chunked(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([list(texts)], pa.string())


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "2"], [1, 2]),
        (["0", "-3", ""], [0, -3, None]),
        (["0.10", "10", "1e-05", "2.5E+3"], [0.1, 10, 1e-5, 2500]),
        (["00123", "5"], ["00123", "5"]),
        (["+5"], ["+5"]),
        ([".5"], [".5"]),
        (["2E10"], ["2E10"]),
        (["1", "NA"], ["1", "NA"]),
        (["nan", "None", ""], ["nan", "None", None]),
        (["True", "False", ""], [True, False, None]),
        (["true"], ["true"]),
        (["", ""], [None, None]),
        (["99999999999999999999"], ["99999999999999999999"]),
        (["9007199254740993"], [9007199254740993]),
        (["9007199254740993", ""], ["9007199254740993", None]),
        ([" 5"], [" 5"]),
    ],
)
def test_labels(texts, values):
    assert label(chunked(*texts)).to_pylist() == values


@pytest.mark.parametrize("word", ["", "nan", "NaN", "NA", "null", "none", "None", " nan "])
def test_words_for_missing_among_features(word):
    assert measured(chunked("1", word)).to_pylist()[0] == 1
    assert measured(chunked("1", word)).null_count == 1


def test_features_keep_every_digit_and_other_words_keep_them_text():
    assert measured(chunked("0.1", "1e300", " 2 ", "inf")).to_pylist() == [0.1, 1e300, 2, float("inf")]
    assert measured(chunked("1", "high", "")).to_pylist() == ["1", "high", None]


def test_a_number_far_down_does_not_break_a_column_of_integers(tmp_path):
    body = "Cells_Count_X,Cells_Area\n" + "5,7\n" * 300_000 + "5,7.5\n"
    table = typed(texts_table([take_apart(body.encode(), tmp_path / "a.csv")]))
    assert table["Cells_Area"][-1].as_py() == 7.5


def test_plate_and_well_are_text_and_bookkeeping_keeps_long_integers(tmp_path):
    data = b"Metadata_Plate,Metadata_Well,TableNumber,Cells_Area\n1e+05,1,9007199254740993,1\n"
    table = typed(texts_table([take_apart(data, tmp_path / "a.csv")]))
    assert table.to_pylist() == [
        {"Metadata_Plate": "1e+05", "Metadata_Well": "1", "TableNumber": 9007199254740993, "Cells_Area": 1.0}
    ]


def test_quoted_values_may_hold_delimiters_and_line_ends(tmp_path):
    rows = 200_000  # more than is parsed in one go, so that a value lies across a border
    data = b"Metadata_Gene,Cells_Area\n" + b'"a,b\nc",1\n' * rows
    table = texts_table([take_apart(data, tmp_path / "a.csv")])
    assert table["Metadata_Gene"].value_counts().to_pylist() == [{"values": "a,b\nc", "counts": rows}]


def test_files_are_joined_in_order_whatever_their_column_order(tmp_path):
    data = (b"a,b\n1,2", b"b,a\n4,3\n", b"a,b\n", b"a,b\n5,6\n")
    texts = [take_apart(part, tmp_path / f"{i}.csv") for i, part in enumerate(data)]
    assert texts_table(texts).to_pydict() == {"a": ["1", "3", "5"], "b": ["2", "4", "6"]}


def test_an_index_column_is_dropped_and_another_without_name_refused(tmp_path):
    assert texts_table([take_apart(b",a\n0,5\n1,6\n", tmp_path / "a.csv")]).column_names == ["a"]
    with pytest.raises(FileFormatError, match="a column that holds 'x' has no name; name it"):
        texts_table([take_apart(b",a\nx,5\n", tmp_path / "a.csv")])


def test_a_row_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"'a.csv': cannot be read as a table of 2 columns.*Expected 2"):
        texts_table([take_apart(b"a,b\n1,2\n1,2,3\n", tmp_path / "a.csv")])


def test_files_with_different_columns_are_refused_and_the_columns_named(tmp_path):
    texts = [take_apart(b"a,b\n1,2\n", tmp_path / "1.csv"), take_apart(b"a,c\n1,2\n", tmp_path / "2.csv")]
    with pytest.raises(FileFormatError, match=r"'2.csv' lacks 'b' and has 'c' more than '1.csv'"):
        texts_table(texts)
