"""Tables of any program: plate and well are found, other rows left out, and what cannot be is said plainly."""

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, InputError, PlateLayoutError
from cellprofiling.io.cells import open_cells

HEADER = "label,area,centroid-0,centroid-1,intensity_mean-0\n"


def write(folder: Path, name: str, first: int = 1, header: str = HEADER) -> Path:
    rows = [f"{i},{10 * i},{i}.5,{i}.25,{i / 8}" for i in range(first, first + 2)]
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(header + "\n".join(rows) + "\n")
    return folder / name


def test_plate_well_and_site_come_from_the_usual_file_names(tmp_path):
    write(tmp_path, "P1_A01_s1.csv", 1)
    write(tmp_path, "P1_A01_s2.csv", 3)
    write(tmp_path, "P2_B12_s1.csv", 5)
    opened = open_cells(tmp_path)
    assert opened.format == "regionprops"
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert [len(partition.paths) for partition in opened.partitions] == [2, 1]
    assert opened.features == ["area", "intensity_mean-0"]
    frame = opened.to_frame()
    assert frame["Metadata_Well"].tolist() == ["A01"] * 4 + ["B12"] * 2
    assert frame["Metadata_Site"].tolist() == [1, 1, 2, 2, 1, 1]
    assert frame["Metadata_ObjectNumber"].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame["area"].tolist() == [10, 20, 30, 40, 50, 60]
    line = opened.ledger.iloc[0]
    assert (line["name"], line["n"]) == ("P1_A01_s1.csv", 3)
    assert line["reason"] == (
        "its name says 'Metadata_Plate P1', 'Metadata_Well A01', 'Metadata_Site 1'; the other names likewise"
    )
    assert_frame_equal(opened.partitions[1].read(["Metadata_Plate"]), pd.DataFrame({"Metadata_Plate": ["P2", "P2"]}))
    assert opened.to_frame(["area"], wells=["B12"])["area"].tolist() == [50, 60]


def test_a_pattern_says_where_they_stand(tmp_path):
    write(tmp_path, "run1/plate-7/well_C3.csv")
    opened = open_cells(tmp_path / "*" / "*" / "*.csv", pattern=r"plate-(?P<plate>\d+)/well_(?P<well>[A-P]\d+)")
    assert opened.to_frame(["Metadata_Plate", "Metadata_Well"]).iloc[0].tolist() == ["7", "C03"]


def test_columns_say_where_they_stand(tmp_path):
    path = write(tmp_path, "all.csv", header=HEADER.replace("centroid-0,centroid-1", "Barcode,pos"))
    path.write_text("label,area,Barcode,pos\n1,10,X1,A1\n1,20,X2,B2\n")
    opened = open_cells(path, columns={"plate": "Barcode", "well": "pos"})
    assert [partition.plate for partition in opened.partitions] == [None]
    frame = opened.to_frame(["Metadata_Plate", "Metadata_Well", "area"])
    assert frame.to_numpy().tolist() == [["X1", "A01", 10], ["X2", "B02", 20]]
    path.write_text("label,area,Barcode,pos\n1,10,X1,A1\n1,20,,B2\n")
    with pytest.raises(FileFormatError, match="1 of 2 cells have no 'Barcode'; fill it in"):
        open_cells(path, columns={"plate": "Barcode", "well": "pos"})


def test_a_well_without_a_plate_lies_on_the_plate_that_the_file_is_called(tmp_path):
    (tmp_path / "P5.csv").write_text("label,area,well\n1,10,A1\n")
    opened = open_cells(tmp_path)
    assert opened.to_frame().iloc[0].tolist() == ["P5", 1, "A01", 10]
    assert opened.ledger["reason"].tolist() == ["no Metadata_Plate: the file name is taken as the plate"]


def test_images_named_in_the_table_say_where_their_objects_lie(tmp_path):
    path = tmp_path / "measured.csv"
    path.write_text("image,label,area\nP1_A01_s1.tif,1,10\nP2_A02_s1.tif,1,20\nP1_A01_s1.tif,2,30\n")
    opened = open_cells(path)
    assert [partition.plate for partition in opened.partitions] == [None]
    frame = opened.to_frame(["Metadata_Plate", "Metadata_Well", "area"])
    assert frame.to_numpy().tolist() == [["P1", "A01", 10], ["P2", "A02", 20], ["P1", "A01", 30]]
    assert opened.to_frame(["area"])["area"].tolist() == [10, 20, 30]
    assert opened.ledger["item"].tolist() == ["image"]


def test_one_plate_in_images_is_one_partition(tmp_path):
    (tmp_path / "m.csv").write_text("image,label,area\nP1_A01_s1.tif,1,10\nP1_A02_s1.tif,1,20\n")
    assert [partition.plate for partition in open_cells(tmp_path).partitions] == ["P1"]


def test_without_plate_and_well_the_way_to_say_them_is_told(tmp_path):
    write(tmp_path, "cells.csv")
    message = r"cells.csv': no column says the well .* with pattern='\(\?P<plate>.*columns=\{'well'"
    with pytest.raises(FileFormatError, match=message):
        open_cells(tmp_path)
    with pytest.raises(FileFormatError, match=r"does not match .*cells.csv' \(1 of 1\)"):
        open_cells(tmp_path, pattern=r"(?P<plate>P\d)_(?P<well>[A-P]\d+)")


def test_patterns_that_cannot_be_meant(tmp_path):
    (tmp_path / "P5_A01.csv").write_text("label,area,well\n1,10,A1\n")
    with pytest.raises(ColumnError, match="the table has 'Metadata_Well' already; leave that group out"):
        open_cells(tmp_path, pattern=r"(?P<plate>P\d)_(?P<well>[A-P]\d+)")
    write(tmp_path, "P5_A01.csv")
    with pytest.raises(ColumnError, match="no column says the well; add a group 'well'"):
        open_cells(tmp_path, pattern=r"(?P<plate>P\d)_")


def test_wells_that_are_none_are_refused(tmp_path):
    (tmp_path / "P5.csv").write_text("label,area,well\n1,10,Q99\n")
    with pytest.raises(PlateLayoutError, match="'Q99': not a well name"):
        open_cells(tmp_path).to_frame()


def test_parquet_is_read_as_text_is(tmp_path):
    table = pd.read_csv(write(tmp_path, "P1_A01_s1.csv"))
    text = open_cells(tmp_path).to_frame()
    folder = tmp_path / "parquet"
    folder.mkdir()
    table.to_parquet(folder / "P1_A01_s1.parquet")
    opened = open_cells(folder)
    assert opened.format == "regionprops"
    assert_frame_equal(opened.to_frame(), text)
    table.to_parquet(tmp_path / "P1_A02_s1.parquet")
    with pytest.raises(FileFormatError, match="both as text and as parquet; name one kind"):
        open_cells(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_without_objects_are_left_out(tmp_path, ending):
    table = pd.read_csv(write(tmp_path / "x", "t.csv"))
    for name, rows in (("P1_A01_s1", table), ("P1_A02_s1", table.iloc[:0])):
        path = tmp_path / f"{name}.{ending}"
        rows.to_csv(path, index=False) if ending == "csv" else rows.to_parquet(path)
    opened = open_cells(tmp_path)
    assert len(opened.to_frame()) == 2
    assert opened.ledger["reason"].tolist()[-1] == "left out: it holds no cells"
    with pytest.raises(FileFormatError, match="a header only"):
        open_cells(tmp_path / f"P1_A02_s1.{ending}")


def test_tables_with_other_columns_are_refused(tmp_path):
    write(tmp_path, "P1_A01_s1.csv")
    write(tmp_path, "P1_A02_s1.csv", header=HEADER.replace("intensity_mean", "mean_intensity"))
    with pytest.raises(FileFormatError, match="lacks 'intensity_mean-0' and has 'mean_intensity-0' more"):
        open_cells(tmp_path)


def test_damaged_files_are_named(tmp_path):
    path = write(tmp_path, "P1_A01_s1.csv")
    path.write_text(HEADER + "1,10,1.5,1.25,1\n2,20,2")
    with pytest.raises(FileFormatError, match=r"'P1_A01_s1.csv': cannot be read as a table of 5 columns"):
        open_cells(tmp_path).to_frame()
    (tmp_path / "P1_A01_s1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(FileFormatError, match=r"P1_A01_s1.parquet': not a whole parquet file"):
        open_cells(tmp_path / "P1_A01_s1.parquet")


def test_options_are_those_of_the_format(tmp_path):
    write(tmp_path, "P1_A01_s1.csv")
    with pytest.raises(InputError, match="no option of format 'regionprops', which takes 'columns', 'pattern'"):
        open_cells(tmp_path, population="nuclei")
