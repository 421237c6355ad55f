"""Plate, well and site are found in names of files, and only where the pattern says."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, InputError, PlateLayoutError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.objects.plate_and_well_names import EXAMPLE, USUAL, compiled, matches, places
from cellprofiling.io.tables import write_profiles


def found(names: list[str], pattern: str) -> list[dict]:
    return [{key: value.as_py() for key, value in place.items()} for place in places(names, compiled(pattern)).values()]


def test_groups_become_keys_wells_are_padded_and_sites_are_numbers():
    assert found(["P1_A1_s1.csv", "P2_b12_s20.csv"], "(?P<plate>[^_]+)_(?P<well>[A-Pa-p]\\d+)_s(?P<site>\\d+)") == [
        {"Metadata_Plate": "P1", "Metadata_Well": "A01", "Metadata_Site": 1},
        {"Metadata_Plate": "P2", "Metadata_Well": "B12", "Metadata_Site": 20},
    ]


def test_the_shortest_end_of_the_path_counts():
    """`[^_]+` would match the folders above, were the whole path searched."""
    assert found(["/my_data/x/P1_A01_s1.csv"], EXAMPLE)[0]["Metadata_Plate"] == "P1"
    in_folder = found(["C:\\my_data\\P_7\\A01.csv"], r"(?P<plate>[^/]+)/(?P<well>[A-P]\d+)\.csv")
    assert in_folder == [{"Metadata_Plate": "P_7", "Metadata_Well": "A01"}]


def test_keys_that_are_not_all_numbers_and_plates_stay_text():
    names = ["0012_A01_s1.csv", "0013_A01_sx.csv"]
    assert found(names, r"(?P<plate>\d+)_(?P<well>[A-P]\d+)_s(?P<site>\w)") == [
        {"Metadata_Plate": "0012", "Metadata_Well": "A01", "Metadata_Site": "1"},
        {"Metadata_Plate": "0013", "Metadata_Well": "A01", "Metadata_Site": "x"},
    ]
    assert found(["A01_r007"], r"(?P<well>[A-P]\d+)_r(?P<run>\d+)")[0]["Metadata_Run"] == "007"


@pytest.mark.parametrize(
    ("name", "plate", "well", "site"),
    [
        ("P1_A01_s1.csv", "P1", "A01", 1),
        ("/data/P-1_AB2_f3_measured.csv", "P-1", "AB02", 3),
        ("/data/P1/A01_2.csv", "P1", "A01", 2),
        ("/data/my_P1/A1.csv", "my_P1", "A01", None),
        ("P1-A01-1.parquet", "P1", "A01", 1),
        ("screen_plate7_H12_site4.tif", "screen_plate7", "H12", 4),
    ],
)
def test_the_usual_forms_of_names(name, plate, well, site):
    (place,) = places([name], USUAL).values()
    assert [value.as_py() for value in place.values()] == [plate, well, site]


@pytest.mark.parametrize("name", ["cells.csv", "P1_Z99.csv", "A01.csv", "P1_A01x.csv", "P1_A001.csv"])
def test_other_names_are_no_usual_form(name):
    assert not matches([name], USUAL)


def test_a_pattern_that_is_none_or_names_nothing():
    with pytest.raises(InputError, match=r"pattern='\(\?P<plate': not a regular expression .*write it like"):
        compiled("(?P<plate")
    with pytest.raises(InputError, match=r"pattern='\\\\d\+': names no group; write it like"):
        compiled(r"\d+")


def test_names_that_do_not_match_are_named_and_wells_checked():
    with pytest.raises(FileFormatError, match=r"does not match 'b.csv' \(1 of 2\), or finds no plate or no well there"):
        places(["P1_A01_s1.csv", "b.csv"], compiled(EXAMPLE))
    with pytest.raises(PlateLayoutError, match=r"'A99': not a well name.*Mend the group 'well'"):
        places(["P1_A99_s1.csv"], compiled(EXAMPLE))


# --- the option `pattern` of text and parquet -------------------------------------------------------------------------

PATTERN = r"(?P<plate>[^_/]+)_(?P<well>[A-P]\d+)_s(?P<site>\d+)"


def cells(n: int = 4) -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=(n, 2))
    return pd.DataFrame(x, columns=["Cells_Area", "Cells_Length"]).assign(Metadata_Dose=range(n))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_tables_without_plate_and_well_get_them_from_their_paths(tmp_path, ending):
    names = ("P1_A1_s1", "P1_B02_s2", "P2_A01_s1")
    for i, name in enumerate(names):
        write_profiles(cells().assign(Metadata_Dose=i), tmp_path / f"{name}{ending}")
    opened = open_cells(tmp_path, pattern=PATTERN)
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert opened.ledger.empty
    frame = opened.to_frame(["Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_Dose", "Cells_Length"])
    keys = [["P1", "A01", 1, 0], ["P1", "B02", 2, 1], ["P2", "A01", 1, 2]]
    expected = pd.DataFrame(np.repeat(np.array(keys, dtype=object), 4, axis=0), columns=list(frame)[:4])
    assert frame.iloc[:, :4].astype(object).to_numpy().tolist() == expected.to_numpy().tolist()
    assert frame["Cells_Length"].tolist() == cells()["Cells_Length"].tolist() * 3
    assert set(opened.to_frame()) == {*frame, "Cells_Area"}
    assert opened.features == ["Cells_Area", "Cells_Length"]
    assert opened.to_frame(["Metadata_Site"], wells=["B02"])["Metadata_Site"].tolist() == [2] * 4
    assert_frame_equal(opened.partitions[1].read(["Cells_Area"]), cells()[["Cells_Area"]])
    assert set(opened.schema["Metadata_Site"].dtype.kind) == {"i"}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_pattern_may_add_the_well_alone(tmp_path, ending):
    write_profiles(cells().assign(Metadata_Plate="P9"), tmp_path / f"x_B02{ending}")
    opened = open_cells(tmp_path, pattern=r"_(?P<well>[A-P]\d+)")
    assert opened.partitions[0].plate == "P9"
    frame = opened.to_frame(["Metadata_Well", "Metadata_Plate"])
    assert frame.drop_duplicates().to_numpy().tolist() == [["B02", "P9"]]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_a_pattern_cannot_do(tmp_path, ending):
    write_profiles(cells().assign(Metadata_Well="A01"), tmp_path / f"P1_A01_s1{ending}")
    with pytest.raises(ColumnError, match="has 'Metadata_Well' already; leave that group out"):
        open_cells(tmp_path, pattern=PATTERN)
    with pytest.raises(FileFormatError, match=r"does not match .*P1_A01_s1.* \(1 of 1\)"):
        open_cells(tmp_path, pattern="plate(?P<plate>x)")
