"""The role of each column, told from names and values and from nothing else."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.core.account.roles import Named, columns_of, kind_of, names_of
from cellprofiling.core.account.vocabulary import ROLES, plain, role_of_words, words
from cellprofiling.core.errors import ColumnError
from tests.builders import wells

LABELS = """Unnamed: 0|index|level_0|Object|cell_label|frame_i|bbox_0|bbox-1|pubchem_cid|CID|cluster|leiden|Cluster ID|
Plate_Number|plate_nr|Well Number|WellRow|WellCol|well_row|row|Column|time_h|Time|hours|Day|Passage|conc|dose_uM|
Concentration_uM|is_control|Metadata_anything|track_id|ObjectNumber|ImageNumber|row_id|obs_index|Unnamed: 0.1|
Hours after release|Replicate|Batch_Number|n_cells|cell_count|centroid-0|x|Field|Sample No|predicted_class|k-means|
PLATE ID|fov|timepoint|Donor|replicate_nr|Experiment ID|X_um| """.replace("\n", "").split("|")


def roles(table: pd.DataFrame, **options: Any) -> dict[Any, str]:
    return {column.name: column.role for column in columns_of(table, **options)}


@pytest.mark.parametrize("name", LABELS)
def test_numbering_and_labels_of_every_spelling_are_never_features(name: str):
    table = wells()
    values = np.arange(len(table)) % 7 + 0.5
    assert roles(table.assign(**{name: values}))[name] not in ("feature", "")
    own_export = pd.DataFrame({f"thing {i}": values**i for i in range(9)}).assign(**{name: values})
    assert roles(own_export)[name] != "feature"


def test_a_number_that_no_grammar_knows_is_a_label_among_names_that_it_knows_until_it_is_named():
    table = wells().assign(mystery=0.5)
    assert roles(table)["mystery"] == "label"
    assert roles(table, features=["mystery"])["mystery"] == "feature"
    assert roles(table, features="all")["mystery"] == "feature"


def test_where_no_name_is_known_all_numbers_are_features():
    table = pd.DataFrame({"well": ["A01", "A02"], "mystery": [1.0, 2.5], "riddle": [0.1, 0.3]})
    assert roles(table) == {"well": "well", "mystery": "feature", "riddle": "feature"}


def test_one_lucky_name_does_not_make_labels_of_an_own_export():
    table = pd.DataFrame({f"thing {i}": [0.1, 0.7] for i in range(20)} | {"Area": [1.5, 2.5]})
    assert set(roles(table).values()) == {"feature"}


def test_what_begins_like_known_features_is_one():
    table = wells().assign(Cells_Custom_Thing=0.5, DAPI_mean_intensity=0.5)
    assert roles(table)["Cells_Custom_Thing"] == roles(table)["DAPI_mean_intensity"] == "feature"


@pytest.mark.parametrize("start", [0, 1])
def test_a_row_number_is_no_feature_whatever_it_is_called(start: int):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"riddle": rng.normal(size=30), "mystery": rng.permutation(30) + start})
    assert roles(table) == {"riddle": "feature", "mystery": "bookkeeping"}
    assert roles(table.assign(mystery=table["mystery"] + 1))["mystery"] == ("bookkeeping" if start == 0 else "feature")


def test_texts_truth_values_and_lists_are_labels():
    table = wells().assign(note="x", dead=True, groups=[["a"]] * len(wells()))
    assert {roles(table)[name] for name in ("note", "dead", "groups")} == {"label"}


def test_all_takes_every_number_but_numberings_and_labels():
    table = wells().assign(
        **{"Image_Granularity_1_DNA": 0.5, "Cells_Location_Center_X": 1.0, "Unnamed: 0": 3, "hours": 2}
    )
    taken = names_of(columns_of(table, features="all"), "feature")
    assert {"Image_Granularity_1_DNA", "Cells_Location_Center_X"} < set(taken)
    assert not {"Unnamed: 0", "hours", "Metadata_Object_Count"} & set(taken)


def test_a_measurement_that_is_no_number_is_left_out_and_known_as_such():
    table = wells().assign(Cells_AreaShape_Perimeter="#DIV/0!")
    assert roles(table)["Cells_AreaShape_Perimeter"] == "unused"


@pytest.mark.parametrize(
    ("names", "plate"),
    [
        (["PlateID", "PlateName"], "PlateName"),
        (["barcode", "Plate_Number"], "barcode"),
        (["Plate", "Metadata_Plate"], "Metadata_Plate"),
        (["Image_Metadata_Plate", "Plate Map Name"], "Image_Metadata_Plate"),
    ],
)
def test_the_likeliest_name_is_the_plate_in_any_order(names: list[str], plate: str):
    for order in (names, names[::-1]):
        table = pd.DataFrame({name: [1, 2] for name in order} | {"mystery": [0.1, 0.2]})
        assert names_of(columns_of(table), "plate") == [plate]


def test_a_column_that_holds_wells_goes_before_one_that_numbers_them():
    table = pd.DataFrame({"Metadata_Well": [1, 2], "well_position": ["A1", "B02"]})
    assert names_of(columns_of(table), "well") == ["well_position"]


def test_what_the_user_names_is_what_the_user_says():
    table = wells().assign(thing="a", other="b", when=1)
    said = Named(by=["thing"], within="other", plate="when", reference={"thing": "a"}, dose="Metadata_Object_Count")
    told = roles(table, said=said)
    assert (told["thing"], told["other"], told["when"]) == ("perturbation", "stratum", "plate")
    assert told["Metadata_Plate"] == told["Metadata_Compound"] == "label"
    assert told["Metadata_Object_Count"] == "dose"
    with pytest.raises(ColumnError, match="within='nothing': no such column"):
        columns_of(table, Named(within="nothing"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        (["1", " 2.5"], "number"),
        ([Decimal("0.5"), None], "number"),
        (pd.Categorical([1.0, 2.0]), "number"),
        (pd.Categorical(["1", "x"]), "text"),
        (pd.array([1, None], "Int64"), "number"),
        ([True, None], "truth"),
        (pd.array([True, None], "boolean"), "truth"),
        (["a", 1], "text"),
        ([["a"], ["b"]], "other"),
        ([1j, 2j], "other"),
        (pd.to_datetime(["2020-01-01"]), "other"),
    ],
)
def test_kinds_of_values_do_not_depend_on_the_dtype(values: Any, kind: str):
    assert kind_of(pd.Series(values)) == kind


def test_every_role_has_a_reason_and_is_one_of_the_roles():
    for column in columns_of(wells().assign(mystery=1.5, note="x")):
        assert column.role in ROLES
        assert column.why


@pytest.mark.parametrize(
    "name", ["Metadata_PlateID", "plate_id", "Plate ID", "metadata_plate-id", "Image_Metadata_PlateID"]
)
def test_a_name_is_compared_as_words(name: str):
    assert words(name) == "plate id"
    assert plain(name) == "plateid"
    assert role_of_words(name) == role_of_words("plate id")


DTYPES = {
    "Metadata_Plate": [str, object, "category", int, float, "Int64"],
    "Metadata_Dose": [float, object, "Float64", "float32"],
    "Cells_Texture_Contrast_DNA_0_00_256": [float, object, "Float64"],
    "Metadata_Role": [str, object, "category"],
}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_dtypes_index_and_orders_change_no_role(data: st.DataObject):
    table = wells().assign(
        Metadata_Plate=lambda t: t["Metadata_Plate"].map({"P1": "1001", "P2": "1002"}), Metadata_Dose=0.5
    )
    table = table.assign(mystery=np.arange(len(table)) / 7, note="x")
    other = table.astype({name: data.draw(st.sampled_from(dtypes), label=name) for name, dtypes in DTYPES.items()})
    other = other[data.draw(st.permutations(list(other.columns)))].sample(
        frac=1, random_state=data.draw(st.integers(0, 99))
    )
    if data.draw(st.booleans()):
        other = other.set_index("Metadata_Plate", drop=False)
    expected = {column.name: column[1:3] for column in columns_of(table)}
    assert {column.name: column[1:3] for column in columns_of(other)} == expected


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(
            ("platename", "plate"),
            ("wellid", "well"),
            ("cellline", "stratum"),
            ("timepoint", "time"),
            ("Metadata_moa", "label"),
        ),
        *(
            ("cellcount", "count"),
            ("rowid", "bookkeeping"),
            ("controltype", "control"),
            ("dose unit", "label"),
            ("fov", "site"),
        ),
    ],
)
def test_words_may_stand_without_separator(name: str, role: str):
    assert role_of_words(name)[0] == role


@pytest.mark.parametrize(
    "name", ["concavity", "mystery", "overdose", "image mean", "y intensity", "wellness", "texture_id_map"]
)
def test_a_word_inside_another_tells_nothing(name: str):
    assert role_of_words(name) is None
