"""The Results table of Fiji: rows are counted, images named, and the count is no feature."""

import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.names import parse_features
from cellprofiling.io.cells import open_cells

HEADER = [
    " ",
    "Label",
    "Area",
    "Mean",
    "StdDev",
    "Min",
    "Max",
    "X",
    "Y",
    "XM",
    "YM",
    "Perim.",
    "Circ.",
    "Angle",
    "IntDen",
]
ROWS = [
    ["1", "P1_A01_s1.tif", "12.5", "100.1", "3", "90", "120", "4.5", "6", "4.4", "6", "13", "0.9", "45", "1251.25"],
    ["2", "P1_A01_s1.tif", "20", "110", "NaN", "90", "120", "14.5", "6", "14.4", "6", "16", "0.8", "90", "2200"],
    ["3", "P1_B02_s1.tif:0001-0007", "8", "70", "2", "60", "80", "1", "2", "1", "2", "9", "0.95", "0", "560"],
]


@pytest.mark.parametrize(("delimiter", "ending"), [(",", "csv"), ("\t", "tsv"), ("\t", "txt"), ("\t", "xls")])
def test_images_say_plate_and_well(tmp_path, delimiter, ending):
    (tmp_path / f"Results.{ending}").write_text("\n".join(delimiter.join(row) for row in [HEADER, *ROWS]) + "\n")
    opened = open_cells(tmp_path)
    assert opened.format == "fiji"
    assert opened.features == ["Area", "Mean", "StdDev", "Min", "Max", "Perim.", "Circ.", "IntDen"]
    frame = opened.to_frame()
    assert frame["Metadata_ObjectNumber"].tolist() == [1, 2, 3]
    assert frame["Metadata_Well"].tolist() == ["A01", "A01", "B02"]
    assert frame["Area"].tolist() == [12.5, 20, 8]
    assert frame["StdDev"].isna().tolist() == [False, True, False]
    assert frame["XM"].tolist() == [4.4, 14.4, 1]


def test_without_labels_the_file_name_says_them(tmp_path):
    (tmp_path / "P1_C03.csv").write_text(" ,Area\n1,5\n2,6\n")
    frame = open_cells(tmp_path).to_frame()
    assert frame["Metadata_Well"].tolist() == ["C03", "C03"]
    assert frame["Area"].tolist() == [5, 6]


def test_counts_may_start_anew_or_have_gaps(tmp_path):
    """A column without a name that is not 0, 1, 2... is refused in other tables: here it counts objects."""
    (tmp_path / "P1_C03.csv").write_text(" ,Area,Mean\n1,5,1\n2,6,1\n1,7,1\n")
    assert open_cells(tmp_path).to_frame()["Metadata_ObjectNumber"].tolist() == [1, 2, 1]


def test_names_of_images_without_a_well_need_a_pattern(tmp_path):
    (tmp_path / "Results.csv").write_text(" ,Label,Area,Mean\n1,img-x7.A1,5,1\n")
    with pytest.raises(FileFormatError, match="no column says the well"):
        open_cells(tmp_path, format="fiji")
    opened = open_cells(tmp_path, pattern=r"img-(?P<plate>\w+)\.(?P<well>[A-P]\d+)")
    assert opened.to_frame(["Metadata_Plate", "Metadata_Well"]).iloc[0].tolist() == ["x7", "A01"]


@pytest.mark.parametrize(
    "header",
    [",Metadata_Well,Cells_AreaShape_Area", ",label,area,centroid-0", "Label,Area,Mean", ",Area,My feature,Other"],
)
def test_other_tables_are_not_taken_for_results(tmp_path, header):
    (tmp_path / "P1_A01_s1.csv").write_text(header + "\n" + ",".join("0" for _ in header.split(",")) + "\n")
    with pytest.raises(FileFormatError, match="format='fiji': there are no Results tables of Fiji"):
        open_cells(tmp_path, format="fiji")


def test_measurements_are_known_by_name():
    parsed = parse_features(["Area", "Mean", "Circ.", "Kurt", "XM", "FeretAngle", "MinThr"])
    assert parsed["kind"].tolist() == ["morphology"] * 4 + ["position"] * 2 + ["bookkeeping"]
    assert parsed["group"].tolist()[:4] == ["AreaShape", "Intensity", "AreaShape", "Intensity"]
