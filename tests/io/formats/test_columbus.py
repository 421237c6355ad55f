"""Columbus exports: every object once, in its well, with the values that Columbus itself sums up."""

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.io.cells import Cells, open_cells

KEYS = "ScreenName\tScreenID\tPlateName\tPlateID\tMeasurementDate\tMeasurementID\tWellName\tRow\tColumn\tField\tPlane\t"
OBJECTS = KEYS + "Timepoint\tObject Number\tX\tY\tBounding Box\tNuclei - Object No in Cells\tNuclei - Area [µm²]\t"


def row(plate: str, well: str, number: int, area: object, *, measurement: str = "7") -> str:
    place = f"{'ABCDEFGH'.index(well[0]) + 1}\t{well[1:]}"
    keys = f"S\t1\t{plate}\t5\t2018-05-10T14:37:22Z\t{measurement}\t{well}\t{place}\t2\t1\t"
    return f"{keys}1\t{number}\t10\t20\t[1,2,3,4]\t3\t{area}\t"


def write(
    folder: Path, well: str, *areas: object, plate: str = "P1", population: str = "Nuclei", measurement: str = "7",
    name: str = "Run[1]", encoding: str = "utf-8", header: str = OBJECTS,
) -> Path:  # fmt: skip
    lines = [header, *(row(plate, well, i + 1, area, measurement=measurement) for i, area in enumerate(areas))]
    path = folder / f"{name}.result.{well}[9].Population - {population}[0].txt"
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def test_keys_positions_and_features(tmp_path):
    write(tmp_path, "A1", 1.5, "")
    write(tmp_path, "H12", 2.5)
    opened = open_cells(tmp_path)
    assert opened.format == "columbus"
    assert opened.features == ["Nuclei - Area [µm²]"]
    objects = opened.to_frame()
    assert objects["Metadata_Well"].tolist() == ["A01", "A01", "H12"]
    assert objects.iloc[2].to_dict() == {
        "Metadata_Population": "Nuclei",
        "Metadata_ScreenName": "S",
        "Metadata_ScreenID": 1,
        "Metadata_Plate": "P1",
        "Metadata_PlateID": 5,
        "Metadata_MeasurementDate": "2018-05-10T14:37:22Z",
        "Metadata_MeasurementID": 7,
        "Metadata_Well": "H12",
        "Metadata_Row": 8,
        "Metadata_Column": 12,
        "Metadata_Site": 2,
        "Metadata_Plane": 1,
        "Metadata_Timepoint": 1,
        "Metadata_ObjectNumber": 1,
        "X": 10,
        "Y": 20,
        "Nuclei - Object No in Cells": 3,
        "Nuclei - Area [µm²]": 2.5,
    }
    assert np.isnan(objects["Nuclei - Area [µm²]"].iloc[1])
    assert opened.ledger[["name", "reason"]].to_numpy().tolist() == [
        ["Bounding Box", "dropped: a text of four numbers"]
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    write(tmp_path, "A1", 1.5, encoding=encoding)
    assert open_cells(tmp_path).features == ["Nuclei - Area [µm²]"]


def test_units_read_wrongly_by_another_program_are_set_right(tmp_path):
    write(tmp_path, "A1", 1.5, header=OBJECTS.replace("µm²", "Âµm¬≤"))
    write(tmp_path, "A2", 1.5)
    assert open_cells(tmp_path).features == ["Nuclei - Area [µm²]"]


def test_commas_and_one_file_for_a_plate(tmp_path):
    lines = [OBJECTS, row("P1", "A1", 1, 5), row("P1", "B2", 1, 6)]
    text = "\n".join(lines).replace("[1,2,3,4]", '"[1,2,3,4]"').replace("\t", ",")
    (tmp_path / "P1.csv").write_text(text)
    opened = open_cells(tmp_path / "P1.csv")
    assert opened.format == "columbus"
    assert opened.to_frame(["Metadata_Well"])["Metadata_Well"].tolist() == ["A01", "B02"]
    assert opened.to_frame(["Metadata_Population"])["Metadata_Population"].tolist() == ["Nuclei", "Nuclei"]


def test_wells_tables_and_other_files_are_left_out_with_a_line_each(tmp_path):
    write(tmp_path, "A1", 1.5)
    (tmp_path / "Run[1].result.1.txt").write_text(
        KEYS + "Nuclei - Number of Objects\n" + "S\t1\tP1\t5\td\t7\tA1\t1\t1\t1\t1\t3\n"
    )
    (tmp_path / "Index.ColumbusIDX.xml").write_text("<xml/>")
    write(tmp_path, "A2")
    ledger = open_cells(tmp_path).ledger
    assert ledger["name"].tolist()[:2] == ["'Index.ColumbusIDX.xml'", "Run[1].result.1.txt"]
    assert ledger["reason"].tolist() == [
        "left out: not read as columbus",
        "left out: a table of wells, not of objects",
        "left out: it holds no cells",
        "dropped: a text of four numbers",
    ]


def test_only_tables_of_wells_is_an_error(tmp_path):
    (tmp_path / "Run.result.1.txt").write_text(KEYS + "N\n")
    with pytest.raises(FileFormatError, match="holds Columbus tables, but none of objects"):
        open_cells(tmp_path)


def test_several_populations_need_a_choice(tmp_path):
    write(tmp_path, "A1", 1.5)
    write(tmp_path, "A1", 1.5, 2.5, population="Nuclei Selected")
    with pytest.raises(
        InputError, match="the files hold 'Nuclei', 'Nuclei Selected': choose one with population='Nuclei'"
    ):
        open_cells(tmp_path)
    assert len(open_cells(tmp_path, population="Nuclei Selected").to_frame()) == 2
    with pytest.raises(InputError, match="population='Cells': choose one of 'Nuclei', 'Nuclei Selected'"):
        open_cells(tmp_path, population="Cells")


def test_a_plate_exported_twice_is_refused(tmp_path):
    write(tmp_path, "A1", 1.5)
    write(tmp_path, "A2", 1.5, measurement="8", name="Run[2]")
    with pytest.raises(FileFormatError, match=r"plate 'P1' is there twice, as '7' \(Run\[1\].*and as '8' \(Run\[2\]"):
        open_cells(tmp_path)


def test_a_well_exported_twice_is_refused(tmp_path):
    write(tmp_path, "A1", 1.5)
    write(tmp_path, "A1", 1.5, name="Run[2]")
    with pytest.raises(
        FileFormatError, match=r"well 'A1' of plate 'P1' is there twice, in .*Run\[1\].* and in .*Run\[2\]"
    ):
        open_cells(tmp_path)


def test_a_file_of_several_plates_is_refused(tmp_path):
    (tmp_path / "all.txt").write_text("\n".join([OBJECTS, row("P1", "A1", 1, 5), row("P2", "A1", 1, 6)]))
    with pytest.raises(FileFormatError, match="begins with plate 'P1' and goes on with 'P2'"):
        open_cells(tmp_path).to_frame()


@pytest.fixture(scope="session")
def export(real_data, tmp_path_factory) -> Cells:
    """Give the two plates of a screen of nuclear shape as Columbus exported them: 768 files of objects."""
    folder = tmp_path_factory.mktemp("columbus")
    with tarfile.open(
        real_data("nucleus_columbus_screen/single_cell/columbus_original_768_object_files.tar.xz")
    ) as tar:
        tar.extractall(folder, filter="data")
    return open_cells(folder / "input")


@pytest.mark.real
def test_counts_and_means_are_those_that_columbus_computed(export, real_data):
    columbus = pd.read_csv(real_data("nucleus_columbus_screen/single_cell/secondary_screen_columbus_per_well.csv.gz"))
    columbus["WellName"] = [f"{well[0]}{int(well[1:]):02d}" for well in columbus["WellName"]]
    columbus = columbus.set_index(["PlateName", "WellName"]).sort_index()
    wells = export.to_frame().groupby(["Metadata_Plate", "Metadata_Well"])
    assert len(wells) == 768
    assert wells.size().to_numpy().tolist() == columbus["Nuclei Selected - Number of Objects"].tolist()
    assert len(export.features) == 7
    for feature in export.features:
        assert_allclose(wells[feature].mean(), columbus[f"{feature} - Mean per Well"], rtol=1e-6, err_msg=feature)


@pytest.mark.real
def test_objects_are_those_of_an_independent_conversion(export, real_data):
    path = real_data("nucleus_columbus_screen/single_cell/secondary_screen_single_cells.parquet")
    other, ours = pd.read_parquet(path), export.to_frame()
    other = other.rename(columns={"Field": "Metadata_Site", "Object Number": "Metadata_ObjectNumber"})
    other = other.rename(columns={name: f"Metadata_{name}" for name in ("PlateID", "Row", "Column")})
    order = ["Metadata_PlateID", "Metadata_Row", "Metadata_Column", "Metadata_Site", "Metadata_ObjectNumber"]
    names = [*order, "X", "Y", "Nuclei Selected - Object No in Nuclei", *export.features]
    ours, other = (table.sort_values(order, ignore_index=True)[names] for table in (ours, other))
    assert_frame_equal(ours, other, check_dtype=False, rtol=1e-6)
