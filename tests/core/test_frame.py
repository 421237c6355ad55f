"""A profile table taken apart and put together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.core.columns import groups, is_metadata, require, rows
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, LeftAsideWarning, ReferenceRowsError
from cellprofiling.core.frame import complete, content_sha256, feature_columns, join, split
from cellprofiling.core.ledgers import KEY, lines, written
from tests.builders import read_only

RNG = np.random.default_rng(0)


@pytest.fixture
def wells() -> pd.DataFrame:
    """Six wells on two plates, values with a mean of 1e6 and a spread of 1e-3, in memory that cannot be written."""
    values = 1e6 + 1e-3 * RNG.standard_normal((6, 2))
    values[1, 0] = np.nan
    values = read_only(values)
    table = pd.DataFrame(
        {
            "Metadata_Plate": ["P2", "P1", "P1", "P2", "P1", "P2"],
            "Metadata_Well": ["A01", "A01", "A02", "A02", "A03", "A03"],
            "Metadata_Role": ["negcon", "negcon", "treatment", "treatment", None, "treatment"],
            "Metadata_Dose": [0.0, 0.0, 1.0, 10.0, 0.1, np.nan],
            "Cells_Location_Center_X": [1, 2, 3, 4, 5, 6],
            "Cells_Parent_Nuclei": [1, 1, 2, 2, 3, 3],
        },
        index=[10, 11, 12, 13, 14, 14],
    )
    features = pd.DataFrame(values, index=table.index, columns=["Cells_AreaShape_Area", "Cells_mystery"], copy=False)
    return pd.concat([table, features], axis=1)


# --- split and join ---------------------------------------------------------------------------------------------------


def test_features_are_what_is_neither_metadata_nor_position_nor_bookkeeping(wells: pd.DataFrame):
    assert feature_columns(wells) == ["Cells_AreaShape_Area", "Cells_mystery"]


def test_splitting_keeps_values_index_and_order(wells: pd.DataFrame):
    table = split(wells)
    assert table.features == ("Cells_AreaShape_Area", "Cells_mystery")
    assert table.x.flags.c_contiguous
    np.testing.assert_array_equal(table.x, wells[list(table.features)].to_numpy())
    assert table.metadata.index.tolist() == [10, 11, 12, 13, 14, 14]
    assert table.metadata.columns.tolist() == wells.columns[:6].tolist()


def test_putting_together_gives_the_table_back(wells: pd.DataFrame):
    pd.testing.assert_frame_equal(join(split(wells), source=wells), wells)


@pytest.mark.parametrize("features", [None, ["Cells_mystery"]])
def test_the_matrix_is_never_the_memory_of_the_input(wells: pd.DataFrame, features):
    before = wells.copy()
    table = split(wells, features)
    table.x[:] = 0.0
    pd.testing.assert_frame_equal(wells, before)


@pytest.mark.parametrize(
    ("given_dtypes", "expected"),
    [
        (("float32", "float32"), "float32"),
        (("float32", "float64"), "float64"),
        (("float64", "float64"), "float64"),
        (("int64", "int8"), "float64"),
        (("float32", "int32"), "float64"),
        (("Float64", "Int64"), "float64"),
    ],
)
def test_float32_stays_and_all_else_becomes_float64(given_dtypes: tuple[str, str], expected: str):
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]}).astype(dict(zip("ab", given_dtypes, strict=True)))
    result = split(table)
    assert result.x.dtype == expected
    np.testing.assert_array_equal(result.x, [[1, 3], [2, 4]])
    assert join(result, source=table).dtypes.tolist() == [np.dtype(expected)] * 2


def test_missing_values_of_nullable_columns_become_nan():
    table = pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([None, 0.5], "Float64"), "c": [1.0, 2.0]})
    np.testing.assert_array_equal(split(table).x, [[1, np.nan, 1], [np.nan, 0.5, 2]])


def test_features_that_are_named_are_taken_whatever_they_are_called(wells: pd.DataFrame):
    table = split(wells, ["Cells_Location_Center_X"])
    assert table.features == ("Cells_Location_Center_X",)
    assert "Cells_mystery" in table.metadata
    assert split(wells, "Cells_mystery").features == ("Cells_mystery",)
    assert split(wells, ["Cells_mystery", "Cells_mystery"]).features == ("Cells_mystery",)


def test_columns_may_be_called_by_numbers():
    table = pd.DataFrame({"Metadata_Well": ["A01"], 0: [1.0], 1: [2.0]})
    assert split(table).features == (0, 1)
    pd.testing.assert_frame_equal(join(split(table), source=table), table)


def test_a_table_without_rows_keeps_its_columns(wells: pd.DataFrame):
    assert join(split(wells.iloc[:0]), source=wells).columns.tolist() == wells.columns.tolist()


def test_keeping_some_features_and_other_values_for_them(wells: pd.DataFrame):
    table = split(wells.astype({"Cells_AreaShape_Area": "float32", "Cells_mystery": "float32"}))
    kept = table.keep(np.array([False, True]))
    assert kept.features == ("Cells_mystery",)
    assert kept.x.flags.c_contiguous
    np.testing.assert_array_equal(kept.x, table.x[:, [1]])
    other = kept.with_x(np.ones((6, 1), dtype=np.float64))
    assert other.x.dtype == np.float32
    assert other.x.sum() == 6


def test_joining_adds_new_lines_to_the_ledger_of_the_source(wells: pd.DataFrame):
    source = written(wells, new=lines("aggregate", "well", ["A09"], "no cells"))
    result = join(split(source), source=source, new=lines("normalize", "feature", ["Cells_b"], "no spread"))
    assert [line["step"] for line in result.attrs[KEY]] == ["aggregate", "features", "features", "normalize"]
    again = join(split(result), source=result)
    assert [line["step"] for line in again.attrs[KEY]] == ["aggregate", "features", "features", "normalize"]
    assert [line["step"] for line in source.attrs[KEY]] == ["aggregate"]


def test_texts_and_truth_values_without_prefix_are_labels_with_a_line(wells: pd.DataFrame):
    for values in ("DMSO", pd.Series([None] * 6, index=wells.index, dtype=object), True):
        table = split(wells.assign(Compound=values))
        assert "Compound" in table.metadata
        assert any("Compound" in line["name"] for line in table.aside)


def test_a_text_in_a_measurement_is_refused_with_its_row_and_a_remedy_that_works(wells: pd.DataFrame):
    broken = wells.reset_index(drop=True).astype({"Cells_AreaShape_Area": object})
    broken.loc[2, "Cells_AreaShape_Area"] = "#DIV/0!"
    with pytest.raises(FeatureError, match=r"'Cells_AreaShape_Area': '#DIV/0!' in row 2.*pandas.to_numeric"):
        split(broken)
    mended = broken.assign(Cells_AreaShape_Area=pd.to_numeric(broken["Cells_AreaShape_Area"], errors="coerce"))
    assert np.isnan(split(mended).x[2, 0])


def test_numbers_as_objects_are_numbers(wells: pd.DataFrame):
    np.testing.assert_array_equal(split(wells.astype({"Cells_AreaShape_Area": object})).x, split(wells).x)


def test_numberings_and_unexplained_numbers_are_no_features():
    """What a csv round trip leaves, and a number that no name explains among known ones; the latter is warned of."""
    n = 24
    table = pd.DataFrame({"Unnamed: 0": range(n), "Cells_AreaShape_Area": np.linspace(0, 1, n) ** 2})
    assert feature_columns(table) == ["Cells_AreaShape_Area"]
    table["mystery"] = np.cos(np.arange(n))
    assert feature_columns(table) == ["Cells_AreaShape_Area"]
    with pytest.warns(LeftAsideWarning, match="1 number column left aside: 'mystery'; take them with features="):
        assert "mystery" in split(table).metadata
    assert feature_columns(table, "all") == ["Cells_AreaShape_Area", "mystery"]
    assert feature_columns(table, ["mystery"]) == ["mystery"]


@pytest.mark.parametrize("values", [[True, False], pd.array([True, None], "boolean"), pd.Categorical(["a", "b"])])
def test_yes_and_no_and_categories_cannot_be_named_as_features(values):
    with pytest.raises(FeatureError, match="flag"):
        split(pd.DataFrame({"flag": values, "a": [1.0, 2.0]}), ["flag"])


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_values_are_refused_with_the_feature_and_the_number_of_rows(wells: pd.DataFrame, infinite: float):
    wells["Cells_mystery"] = [infinite, 0, 1, infinite, np.nan, 2]
    with pytest.raises(FeatureError, match=r"features 'Cells_mystery' hold infinite values \(in 2 rows\)"):
        split(wells)


def test_columns_that_occur_twice_are_refused(wells: pd.DataFrame):
    doubled = pd.concat([wells, wells[["Cells_mystery"]]], axis=1)
    with pytest.raises(ColumnError, match="columns 'Cells_mystery' occur more than once"):
        split(doubled)


def test_a_table_without_features_says_what_a_feature_is(wells: pd.DataFrame):
    with pytest.raises(FeatureError, match="no feature columns among 'Metadata_Plate'"):
        split(wells.iloc[:, :6])


def test_what_is_not_a_table_is_refused():
    with pytest.raises(InputError, match=r"profiles: expected a pandas\.DataFrame, got list"):
        split([1, 2])


def test_metadata_is_told_by_its_prefix():
    assert is_metadata("Metadata_Well")
    assert not is_metadata("Image_Metadata_Well")
    assert not is_metadata(3)


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_misspelt_column_lists_the_columns_and_the_nearest(wells: pd.DataFrame):
    message = (
        r"by='Metadata_plate': no such column\. Metadata columns are 'Metadata_Plate', .+ Did you mean 'Metadata_P"
    )
    with pytest.raises(ColumnError, match=message):
        require(wells, "Metadata_plate", "by")
    with pytest.raises(ColumnError, match=r"features='Cells_mistery': no such column.+Did you mean 'Cells_mystery'\?"):
        split(wells, ["Cells_mistery"])
    with pytest.raises(ColumnError, match=r"by='x': no such column\. Columns are 'a'"):
        require(pd.DataFrame({"a": [1]}), ["x"], "by")


def test_columns_come_back_as_a_list(wells: pd.DataFrame):
    assert require(wells, "Metadata_Plate", "by") == ["Metadata_Plate"]
    assert require(wells, ("Metadata_Plate", "Cells_mystery"), "by") == ["Metadata_Plate", "Cells_mystery"]
    assert require(wells, None, "by") == []


# --- groups -----------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("PQR"), st.integers(0, 3)), min_size=1, max_size=20))
def test_group_numbers_point_at_the_sorted_keys(keys):
    table = pd.DataFrame(keys, columns=["Metadata_Plate", "Metadata_Dose"])
    codes, found = groups(table, ["Metadata_Plate", "Metadata_Dose"])
    assert [tuple(found.loc[code]) for code in codes] == keys
    assert [tuple(row) for row in found.itertuples(index=False)] == sorted(set(keys))


def test_no_column_is_one_group(wells: pd.DataFrame):
    codes, keys = groups(wells, None)
    assert codes.tolist() == [0] * 6
    assert len(keys) == 1


def test_a_column_named_twice_is_used_once(wells: pd.DataFrame):
    codes, keys = groups(wells, ["Metadata_Plate", "Metadata_Plate"])
    assert codes.tolist() == [1, 0, 0, 1, 0, 1]
    assert keys["Metadata_Plate"].tolist() == ["P1", "P2"]


def test_categories_that_do_not_occur_make_no_group(wells: pd.DataFrame):
    plates = pd.Categorical(wells["Metadata_Plate"], categories=["P9", "P2", "P1"])
    codes, keys = groups(wells.assign(Metadata_Plate=plates), "Metadata_Plate")
    assert keys["Metadata_Plate"].tolist() == ["P2", "P1"]
    assert codes.tolist() == [0, 1, 1, 0, 1, 0]


@pytest.mark.parametrize("column", ["Metadata_Role", "Metadata_Dose"])
def test_rows_without_a_key_belong_nowhere(wells: pd.DataFrame, column: str):
    with pytest.raises(ColumnError, match=f"by='{column}': 1 of 6 rows have no value there: fill it in, or drop"):
        groups(wells, ["Metadata_Plate", column])


def test_rows_without_a_nullable_key_belong_nowhere(wells: pd.DataFrame):
    with pytest.raises(ColumnError, match="by='Metadata_Role': 1 of 6 rows"):
        groups(wells.convert_dtypes(), "Metadata_Role")


# --- reference rows ---------------------------------------------------------------------------------------------------

CONTROLS = [True, True, False, False, False, False]


@pytest.mark.parametrize(
    "prepare", [lambda table: table, lambda table: table.convert_dtypes()], ids=["plain", "nullable"]
)
@pytest.mark.parametrize(
    "reference",
    [
        "Metadata_Role == 'negcon'",
        "Metadata_Role in ['negcon', 'poscon'] and Metadata_Dose < 1",
        '`Metadata_Role` == "negcon"',
        {"Metadata_Role": "negcon"},
        {"Metadata_Role": ["negcon", "poscon"], "Metadata_Dose": 0},
        CONTROLS,
        np.array(CONTROLS),
        pd.array([True, True, False, False, None, False], "boolean"),
    ],
    ids=str,
)
def test_ways_to_name_the_controls(wells: pd.DataFrame, prepare, reference):
    if isinstance(reference, pd.api.extensions.ExtensionArray):
        reference = pd.Series(reference, index=wells.index)
    found = rows(prepare(wells), reference)
    assert found.dtype == bool
    assert found.tolist() == CONTROLS


def test_no_reference_is_every_row(wells: pd.DataFrame):
    assert rows(wells, None).all()


def test_a_mask_is_matched_by_its_index():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=["x", "y", "z"])
    mask = pd.Series([True, False, False], index=["z", "y", "x"])
    assert rows(table, mask).tolist() == [False, False, True]


def test_names_with_spaces_and_values_that_look_like_columns_are_read():
    table = pd.DataFrame({"Metadata_Common Name": ["Metadata_odd", "b"], "a": [1.0, 2.0]})
    assert rows(table, "`Metadata_Common Name` == 'Metadata_odd'").tolist() == [True, False]


def test_a_missing_value_can_be_asked_for(wells: pd.DataFrame):
    assert rows(wells, {"Metadata_Role": None}).tolist() == [False, False, False, False, True, False]


def test_a_query_for_a_misspelt_column_names_the_nearest(wells: pd.DataFrame):
    message = r"reference='Metadata_role': no such column.+Did you mean 'Metadata_Role'\?"
    with pytest.raises(ColumnError, match=message):
        rows(wells, "Metadata_role == 'negcon'")
    with pytest.raises(ColumnError, match=message):
        rows(wells, {"Metadata_role": "negcon"})


def test_a_match_of_no_row_lists_the_values_there_are(wells: pd.DataFrame):
    message = r"reference=.+: matches no row\. Metadata_Role holds 'treatment' \(3 rows\), 'negcon' \(2 rows\)\."
    with pytest.raises(ReferenceRowsError, match=message):
        rows(wells, "Metadata_Role == 'negcontrol'")
    with pytest.raises(ReferenceRowsError, match=message):
        rows(wells, {"Metadata_Role": "negcontrol"})
    with pytest.raises(ReferenceRowsError, match="matches no row"):
        rows(wells, np.zeros(6, dtype=bool))


def test_many_values_are_cut():
    table = pd.DataFrame({"Metadata_Dose": range(9), "a": 1.0})
    with pytest.raises(ReferenceRowsError, match="and 4 more values"):
        rows(table, "Metadata_Dose == 10")


def test_a_long_mask_is_not_printed():
    table = pd.DataFrame({"a": np.ones(500)})
    with pytest.raises(ReferenceRowsError, match="reference=a list of 500 values: matches no row"):
        rows(table, [False] * 500)


@pytest.mark.parametrize("query", ["Metadata_Role is negcon", "Metadata_Role = 'negcon'"])
def test_a_query_that_cannot_be_read_says_how_to_write_one(wells: pd.DataFrame, query: str):
    with pytest.raises(ReferenceRowsError, match=r"controls=.+: not a query that can be read.+Write it like.+=="):
        rows(wells, query, "controls")


@pytest.mark.parametrize("query", ["Metadata_Dose", "1"])
def test_a_query_without_a_yes_or_no_says_to_compare(wells: pd.DataFrame, query: str):
    before = wells.copy()
    with pytest.raises(ReferenceRowsError, match=r"does not say of each row whether it is meant\. Compare with =="):
        rows(wells, query)
    pd.testing.assert_frame_equal(wells, before)


@pytest.mark.parametrize("mask", [[True], np.ones((6, 1), dtype=bool), [1, 0, 0, 0, 0, 0], ["a"] * 6, 5])
def test_what_is_not_one_boolean_per_row_is_refused(wells: pd.DataFrame, mask):
    with pytest.raises(ReferenceRowsError, match=r"or one boolean per row \(6\), got"):
        rows(wells, mask)


def test_a_complete_table_comes_back():
    table = split(pd.DataFrame({"Cells_a": [1.0, 2.0]}))
    assert complete(table) is table


def test_features_with_gaps_are_named_with_a_remedy():
    table = split(pd.DataFrame({"Cells_a": [1.0, np.nan, 3.0], "Cells_b": 1.0, "Cells_c": [np.nan, np.nan, 1.0]}))
    with pytest.raises(
        FeatureError, match=r"features 'Cells_a', 'Cells_c' have missing values \(in 2 of 3 rows\): drop"
    ):
        complete(table)


def test_digest_sees_values_names_and_order(wells):
    digest = content_sha256(wells)
    assert digest == content_sha256(wells.copy())
    changed = wells.assign(Cells_mystery=wells["Cells_mystery"] + 1e-9)
    renamed = wells.rename(columns={"Cells_mystery": "enigma"})
    assert len({digest, *map(content_sha256, (changed, renamed, wells.iloc[::-1]))}) == 4


@pytest.mark.parametrize("index", ["Metadata_Plate", ["Metadata_Plate", "Metadata_Well"]])
def test_an_index_called_like_a_column_changes_no_group(wells, index):
    codes, keys = groups(wells, ["Metadata_Plate", "Metadata_Well"])
    with_index = wells.set_index(index, drop=False)
    again, same_keys = groups(with_index, ["Metadata_Plate", "Metadata_Well"])
    assert (again == codes).all()
    pd.testing.assert_frame_equal(same_keys, keys)


def test_a_column_moved_into_the_index_is_said_with_a_remedy_that_works(wells):
    moved = wells.set_index(["Metadata_Plate", "Metadata_Well"])
    with pytest.raises(ColumnError, match=r"by='Metadata_Plate': no column, but a level of the index.*reset_index\(\)"):
        groups(moved, "Metadata_Plate")
    codes, _ = groups(moved.reset_index(), "Metadata_Plate")
    assert (codes == groups(wells, "Metadata_Plate")[0]).all()


def test_several_labels_of_one_row_are_no_group_but_can_be_told_from_others(wells):
    several = wells.assign(Metadata_Moa=[["a", "b"], ["a"], ["b"], ["a", "b"], ["c"], ["a"]])
    with pytest.raises(ColumnError, match=r"by='Metadata_Moa': row 0 holds \['a', 'b'\], several labels.*map\(str\)"):
        groups(several, "Metadata_Moa")
    texts = several.assign(Metadata_Moa=several["Metadata_Moa"].map(str))
    assert groups(texts, "Metadata_Moa")[0].tolist() == [0, 1, 2, 0, 3, 1]
    other = several.assign(Metadata_Moa=[["a", "b"], ["a"], ["b"], ["a", "b"], ["c"], ["c"]])
    assert content_sha256(several) == content_sha256(several.copy()) != content_sha256(other)
