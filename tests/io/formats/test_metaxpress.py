"""MetaXpress: a preamble, and rows of sites and wells among those of cells."""

import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.names import parse_features
from cellprofiling.io.cells import open_cells

PREAMBLE = [
    "ATF\t1.0",
    "2\t4",
    '"Type=Cell data"',
    '"Experiment=Screen 1"',
    '"Screen1_done_2024-01-02_10:11_Plate A"',
    "",
]
HEADER = [
    "Plate ID",
    "Well Name",
    "Site ID",
    "MEASUREMENT SET ID",
    "Run Settings ID",
    "Series ID",
    "Instance",
    "Cell ID",
    "Well X",
    "Well Y",
    "Total Cells (MultiWaveScoring)",
    "Laser_focus_score",
    "Cell: W1 Nucleus Area (MultiWaveScoring)",
    "Cell: W2 Nucleus Average Intensity (MultiWaveScoring)",
    "Cell: Centroid X (MultiWaveScoring)",
]
ROWS = [
    ["1001", "A01", "1", "5", "9", "0", "0", "", "1", "1", "2", "0.5", "", "", ""],
    ["1001", "A01", "1", "5", "9", "0", "1", "1", "1", "1", "", "", "120.5", "300", "17"],
    ["1001", "A01", "1", "5", "9", "0", "2", "2", "1", "1", "", "", "99", "", "18"],
    ["1001", "B2", "1", "5", "9", "0", "1", "1", "2", "2", "", "", "80", "250", "19"],
    ["1001", "B2", "", "5", "9", "0", "0", " ", "2", "2", "1", "0.6", "", "", ""],
]


def text(*, preamble=PREAMBLE, header=HEADER, rows=ROWS, delimiter="\t") -> str:
    return "\r\n".join([*preamble, *(delimiter.join(row) for row in [header, *rows])]) + "\r\n"


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("preamble", [PREAMBLE, [], PREAMBLE[:3]])
def test_cells_are_read_and_other_rows_counted(tmp_path, preamble, delimiter):
    (tmp_path / "export.txt").write_text(text(preamble=preamble, delimiter=delimiter), newline="")
    opened = open_cells(tmp_path)
    assert opened.format == "metaxpress"
    assert [partition.plate for partition in opened.partitions] == ["1001"]
    assert opened.features == HEADER[12:14]
    frame = opened.to_frame()
    assert frame["Metadata_Well"].tolist() == ["A01", "A01", "B02"]
    assert frame["Metadata_ObjectNumber"].tolist() == [1, 2, 1]
    assert frame[HEADER[12]].tolist() == [120.5, 99, 80]
    assert frame[HEADER[13]].isna().tolist() == [False, True, False]
    assert frame["Metadata_Site"].tolist() == [1, 1, 1]
    assert opened.ledger[["item", "name", "n"]].to_numpy().tolist() == [
        ["row", "export.txt", 2],
        ["column", "Total Cells (MultiWaveScoring)", 1],
        ["column", "Laser_focus_score", 1],
    ]
    assert opened.to_frame([HEADER[12]], wells=["B02"])[HEADER[12]].tolist() == [80]
    assert opened.to_frame(["Metadata_Plate"])["Metadata_Plate"].tolist() == ["1001"] * 3


def test_an_export_of_cells_alone_has_no_prefix(tmp_path):
    header = [name.removeprefix("Cell: ") for name in HEADER]
    (tmp_path / "export.txt").write_text(text(header=header, rows=ROWS[1:4]), newline="")
    opened = open_cells(tmp_path)
    assert "W1 Nucleus Area (MultiWaveScoring)" in opened.features
    assert "Laser_focus_score" not in opened.features
    assert opened.ledger.empty


def test_the_plate_may_come_from_the_file_name(tmp_path):
    header = ["Old plate", *HEADER[1:]]
    (tmp_path / "PlateA_export.txt").write_text(text(header=["Plate ID", *header[1:]]), newline="")
    opened = open_cells(tmp_path, columns={"plateID": "Plate ID"}, pattern="(?P<plate>[^_]+)_export")
    assert opened.partitions[0].plate == "PlateA"
    assert opened.to_frame(["Metadata_PlateID"]).iloc[0].tolist() == [1001]


def test_a_plate_of_no_cells_is_refused(tmp_path):
    (tmp_path / "export.txt").write_text(text(rows=[]), newline="")
    with pytest.raises(FileFormatError, match=r"no cells in 'export.txt', a header only"):
        open_cells(tmp_path)


def test_names_are_taken_apart():
    parsed = parse_features([*HEADER[12:], "Cell: Laser_focus_score"])
    assert parsed["kind"].tolist() == ["morphology", "morphology", "position", "bookkeeping"]
    assert parsed.loc[1, ["compartment", "group", "measure", "channel"]].tolist() == [
        "Cell",
        "Intensity",
        "W2 Nucleus Average Intensity",
        "W2",
    ]
