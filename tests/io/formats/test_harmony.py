"""Harmony exports: the plate from the preamble, the well from row and column numbers."""

from pathlib import Path

import pytest

from cellprofiling.core.errors import FileFormatError, InputError, PlateLayoutError
from cellprofiling.io.cells import open_cells

PREAMBLE = """Database Name\tLab
Evaluation Signature\t0815

Plate Name\t{plate}
Measurement\tMeasurement 1
Evaluation\tEvaluation1
Population\tNuclei

[Data]
"""
HEADER = (
    "Row\tColumn\tPlane\tTimepoint\tField\tObject No\tX\tY\tBounding Box\tPosition X [µm]\tPosition Y [µm]\t"
    "Nuclei - Area [µm²]\tNuclei - Object No in Cells\tCompound\tConcentration\tCell Type\tCell Count\t\n"
)


def line(row: int, column: int, number: int, area: object) -> str:
    return f"{row}\t{column}\t1\t0\t3\t{number}\t5\t6\t[1,2,3,4]\t0.5\t0.25\t{area}\t2\tDMSO\t\tU2OS\t5000\t\n"


def evaluation(
    folder: Path, plate: str, *lines: str, population: str = "Nuclei", number: int = 1, encoding: str = "utf-8-sig"
) -> Path:
    inner = folder / f"{plate}__2023-10-27T12_38_08-Measurement 1" / f"Evaluation{number}"
    inner.mkdir(parents=True, exist_ok=True)
    text = PREAMBLE.format(plate=plate) + HEADER + "".join(lines)
    (inner / f"Objects_Population - {population}.txt").write_bytes(text.encode(encoding))
    (inner / "PlateResults.txt").write_text("Database Name\tLab\n\n[Data]\nRow\tColumn\n")
    return inner


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_objects_have_a_plate_a_well_and_labels(tmp_path, encoding):
    folder = evaluation(tmp_path, "Plate 7", line(1, 2, 1, 1.5), line(16, 24, 1, "NaN"), encoding=encoding)
    opened = open_cells(folder)
    assert opened.format == "harmony"
    assert opened.features == ["Nuclei - Area [µm²]"]
    objects = opened.to_frame()
    assert objects["Metadata_Well"].tolist() == ["A02", "P24"]
    assert objects["Nuclei - Area [µm²]"].isna().tolist() == [False, True]
    assert objects.iloc[0].drop("Metadata_Concentration").to_dict() == {
        "Metadata_Plate": "Plate 7",
        "Metadata_Well": "A02",
        "Metadata_Population": "Nuclei",
        "Metadata_Row": 1,
        "Metadata_Column": 2,
        "Metadata_Plane": 1,
        "Metadata_Timepoint": 0,
        "Metadata_Site": 3,
        "Metadata_ObjectNumber": 1,
        "X": 5,
        "Y": 6,
        "Position X [µm]": 0.5,
        "Position Y [µm]": 0.25,
        "Nuclei - Object No in Cells": 2,
        "Metadata_Compound": "DMSO",
        "Metadata_CellType": "U2OS",
        "Metadata_CellCount": 5000,
        "Nuclei - Area [µm²]": 1.5,
    }
    assert opened.ledger[["item", "name"]].to_numpy().tolist() == [
        ["file", "'PlateResults.txt'"],
        ["column", "Bounding Box"],
    ]


def test_a_screen_is_a_folder_of_plates(tmp_path):
    for plate in ("P2", "P1"):
        evaluation(tmp_path, plate, line(1, 1, 1, 1.5))
    opened = open_cells(tmp_path)
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert opened.to_frame()["Metadata_Plate"].tolist() == ["P1", "P2"]
    assert opened.partitions[1].read(["Metadata_Well", "Metadata_Plate"]).to_numpy().tolist() == [["A01", "P2"]]


def test_two_evaluations_of_a_plate_are_refused(tmp_path):
    evaluation(tmp_path, "P1", line(1, 1, 1, 1.5))
    evaluation(tmp_path, "P1", line(1, 1, 1, 1.5), number=2)
    with pytest.raises(
        FileFormatError, match=r"plate 'P1' is there twice, as '.*Evaluation1'.* and as '.*Evaluation2'"
    ):
        open_cells(tmp_path)
    assert len(open_cells(tmp_path / "*" / "Evaluation2" / "Objects*").to_frame()) == 1


def test_populations_need_a_choice(tmp_path):
    folder = evaluation(tmp_path, "P1", line(1, 1, 1, 1.5))
    evaluation(tmp_path, "P1", line(1, 1, 1, 1.5), line(1, 1, 2, 1.5), population="Cells - all")
    with pytest.raises(InputError, match="the files hold 'Cells - all', 'Nuclei'"):
        open_cells(folder)
    assert len(open_cells(folder, population="Cells - all").to_frame()) == 2


def test_a_preamble_in_another_language_names_the_plate_on_its_fourth_line(tmp_path):
    folder = evaluation(tmp_path, "P1", line(1, 1, 1, 1.5))
    path = folder / "Objects_Population - Nuclei.txt"
    path.write_text(path.read_text("utf-8-sig").replace("Plate Name", "Plattenname"))
    assert open_cells(path).to_frame()["Metadata_Plate"].tolist() == ["P1"]


def test_a_preamble_without_plate_is_refused(tmp_path):
    path = tmp_path / "Objects_Population - Nuclei.txt"
    path.write_text("Population\tNuclei\n[Data]\n" + HEADER + line(1, 1, 1, 1))
    with pytest.raises(FileFormatError, match=r"no 'Plate Name' above '\[Data\]'"):
        open_cells(path)


def test_a_file_without_objects_is_left_out(tmp_path):
    evaluation(tmp_path, "P1", line(1, 1, 1, 1.5))
    folder = evaluation(tmp_path, "P2")
    opened = open_cells(tmp_path)
    assert [partition.plate for partition in opened.partitions] == ["P1"]
    assert "left out: it holds no cells" in opened.ledger["reason"].tolist()
    with pytest.raises(FileFormatError, match="holds Harmony tables, but none holds an object"):
        open_cells(folder)


def test_a_place_that_no_plate_has_is_refused(tmp_path):
    folder = evaluation(tmp_path, "P1", line(1, 1, 1, 1.5), line(40, 1, 1, 1.5))
    with pytest.raises(PlateLayoutError, match="no plate is larger than 32 x 48"):
        open_cells(folder).to_frame()
