"""Folders of csv files: every object in its well with its own values, whatever the folders and files are called."""

import csv
import gzip
import shutil

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, InputError, PlateLayoutError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.objects import images as images_module

KEYS = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
ON_IMAGES = "left out: measured on the images, not on the cells; image=True reads them, as Image_..."
PLACELESS = "left out with the objects beside it: it holds no image, so that nothing says where they lie"
AREAS = ["Nuclei_AreaShape_Area", "Cells_AreaShape_Area", "Cytoplasm_AreaShape_Area"]


def reasons(table) -> dict[str, int]:
    ledger = table.attrs["ledger"] if isinstance(table, pd.DataFrame) else table.lines
    return {f"{line['name']}: {line['reason']}": line["n"] for line in ledger}


@pytest.fixture
def screen(tmp_path, cp):
    for well in ("A01", "a2"):
        for site in (1, 2):
            cp.site(tmp_path / "screen" / "P1" / "analysis" / f"P1-{well}-{site}", [cp.image(well=well, site=site)])
    return tmp_path / "screen"


def test_objects_are_joined_by_their_parents(screen):
    opened = open_cells(screen)
    assert opened.format == "cellprofiler"
    assert opened.features == AREAS
    cells = opened.to_frame()
    assert len(cells) == 8
    assert cells[[*KEYS, "Metadata_ImageNumber", "Metadata_TableNumber", "Metadata_ObjectNumber"]].iloc[7].tolist() == [
        "P1", "A02", 2, 1, "P1-a2-2", 3,
    ]  # fmt: skip
    assert cells[AREAS].drop_duplicates().to_numpy().tolist() == [[10, 100, 90], [30, 300, 270]]
    assert cells["Nuclei_Location_Center_X"].tolist() == [1.5, 3.5] * 4
    assert list(cells.columns) == list(opened.schema)
    assert cells.dtypes.tolist() == opened.schema.dtypes.tolist()
    assert reasons(cells) == {
        f"1 columns of Image: {ON_IMAGES}": 1,
        "Nuclei: left out: without a partner in every compartment": 4,
    }


def test_all_objects(screen):
    cells = open_cells(screen, objects="all").to_frame()
    assert len(cells) == 12
    without = cells[cells["Cells_AreaShape_Area"].isna()]
    assert without["Nuclei_AreaShape_Area"].tolist() == [20] * 4
    assert without["Metadata_ObjectNumber"].tolist() == [2] * 4
    assert reasons(cells)["Nuclei: kept: without a partner in every compartment"] == 4
    with pytest.raises(InputError, match="objects='some': choose one of 'matched', 'all'"):
        open_cells(screen, objects="some")


@pytest.mark.parametrize("objects", ["matched", "all"])
def test_each_object_has_its_own_values_whatever_the_order(tmp_path, cp, objects):
    """Cell 1 is of nucleus 3 and cell 2 of nucleus 1; the second cell comes first in its file."""
    cells = cp.changed(cp.changed(cp.CELLS, 0, Parent_Nuclei=3), 1, Parent_Nuclei=1)[::-1]
    cp.site(tmp_path / "P1-A01-1", objects={"Nuclei": cp.NUCLEI, "Cells": cells})
    found = open_cells(tmp_path, objects=objects).to_frame().dropna()
    assert found[AREAS[:2]].to_numpy().tolist() == [[10, 300], [30, 100]]
    assert found["Cells_Number_Object_Number"].tolist() == [2, 1]


def test_one_compartment_alone_and_a_wrong_one(screen):
    nuclei = open_cells(screen, compartments=["Nuclei"])
    assert nuclei.features == ["Nuclei_AreaShape_Area"]
    assert len(nuclei.to_frame()) == 12
    assert reasons(nuclei)["Cells: not read: not among the compartments chosen"] == 1
    assert open_cells(screen, compartments="Cells").features == ["Cells_AreaShape_Area"]
    with pytest.raises(InputError, match=r"compartments='Nucleus': choose from .* Did you mean 'Nuclei'"):
        open_cells(screen, compartments=["Nucleus"])


def test_columns_can_be_chosen(screen):
    opened = open_cells(screen)
    columns = ["Cytoplasm_AreaShape_Area", "Metadata_Well", "Nuclei_AreaShape_Area"]
    assert_frame_equal(opened.to_frame(columns), opened.to_frame()[columns])
    assert opened.to_frame(["Metadata_Well"])["Metadata_Well"].tolist() == ["A01"] * 4 + ["A02"] * 4
    assert opened.to_frame(["Cells_AreaShape_Area"], wells=["A02"])["Cells_AreaShape_Area"].tolist() == [100, 300] * 2


def test_foci_are_not_joined_unless_asked_for(tmp_path, cp):
    cp.site(tmp_path / "P1-A01-1", objects={**cp.COMPARTMENTS, "Foci": cp.FOCI})
    opened = open_cells(tmp_path)
    assert len(opened.to_frame()) == 2
    assert (
        reasons(opened)["Foci: not read: not one to one with the compartments read; name it in compartments=[...]"] == 1
    )
    chosen = open_cells(tmp_path, compartments=["Nuclei", "Foci"]).to_frame()
    assert chosen["Foci_AreaShape_Area"].tolist() == [0, 2]
    assert reasons(chosen)["Foci: left out: its parent has another object with a lower number"] == 3


def test_compartments_of_any_name_that_are_one_to_one_are_joined(tmp_path, cp):
    soma = [{**row, "Parent_Kernel": row["Parent_Nuclei"]} for row in cp.CELLS]
    spots = [{**row, "Parent_Kernel": row["Parent_Nuclei"]} for row in cp.FOCI]
    objects = {"Kernel": cp.NUCLEI, "Soma": soma, "Spots": spots}
    cp.site(tmp_path / "P1-A01-1", objects={name: [_without(row) for row in rows] for name, rows in objects.items()})
    opened = open_cells(tmp_path)
    assert opened.features == ["Kernel_AreaShape_Area", "Soma_AreaShape_Area"]
    assert opened.to_frame()["Soma_AreaShape_Area"].tolist() == [100, 300]


def _without(row):
    return {name: value for name, value in row.items() if name != "Parent_Nuclei"}


def test_compartments_that_no_column_relates(tmp_path, cp):
    objects = {"Nuclei": cp.NUCLEI, "Cells": [_without(row) for row in cp.CELLS]}
    cp.site(tmp_path / "P1-A01-1", objects=objects)
    with pytest.raises(InputError, match="no Parent_ column relates"):
        open_cells(tmp_path)
    assert len(open_cells(tmp_path, compartments=["Cells"]).to_frame()) == 2


@pytest.mark.parametrize("prefix", ["", "MyExpt_"])
@pytest.mark.parametrize("packed", [False, True])
def test_names_of_files(tmp_path, cp, prefix, packed):
    folder = cp.site(tmp_path / "P1-A01-1", prefix=prefix)
    (folder / f"{prefix}Image.csv").rename(folder / f"{prefix}image.csv")
    (folder / f"{prefix}Cells.csv").rename(folder / f"{prefix}cells.csv")
    (folder / f"{prefix}Experiment.csv").write_text("Key,Value\n")
    if packed:
        for file in list(folder.iterdir()):
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    for path in (folder, folder / f"{prefix}*.csv*", tmp_path / "P1-*" / "*.csv*"):
        cells = open_cells(path).to_frame()
        assert cells[AREAS].to_numpy().tolist() == [[10, 100, 90], [30, 300, 270]]


def test_two_lines_of_header_hold_several_compartments(tmp_path, cp):
    """CellProfiler writes the objects side by side by their number; whose they are is still said by their parents."""
    folder = cp.site(tmp_path / "P1-A01-1", objects={"Nuclei": cp.NUCLEI})
    (folder / "Nuclei.csv").unlink()
    top, below, rows = ["Image", "Nuclei"], ["ImageNumber", "ObjectNumber"], [[1, i + 1] for i in range(3)]
    for name, objects in cp.COMPARTMENTS.items():
        names = [column for column in objects[0] if column != "ObjectNumber"]
        top += [name] * len(names)
        below += names
        for i, row in enumerate(rows):
            row += [objects[i][column] if i < len(objects) else "nan" for column in names]
    with (folder / "object.csv").open("w", newline="") as file:
        csv.writer(file).writerows([top, below, *rows])
    opened = open_cells(folder)
    assert opened.features == AREAS
    assert opened.to_frame()[AREAS].to_numpy().tolist() == [[10, 100, 90], [30, 300, 270]]
    assert len(open_cells(folder, objects="all").to_frame()) == 3


def test_two_lines_of_header_without_parents_are_joined_as_they_stand(tmp_path, cp):
    folder = cp.site(tmp_path / "P1-A01-1", objects={"Nuclei": cp.NUCLEI})
    (folder / "Nuclei.csv").unlink()
    lines = [
        "Image,Nuclei,Nuclei,Cells",
        "ImageNumber,ObjectNumber,AreaShape_Area,AreaShape_Area",
        "1,1,10,100",
        "1,2,20,200",
    ]
    (folder / "object.csv").write_text("\n".join(lines))
    cells = open_cells(folder).to_frame()
    assert cells[AREAS[:2]].to_numpy().tolist() == [[10, 100], [20, 200]]


def test_images_of_several_wells_in_one_folder(tmp_path, cp):
    images = [cp.image(well=well, number=i + 1) for i, well in enumerate(["B02", "A01", "B02"])]
    cells = open_cells(cp.site(tmp_path / "one", images)).to_frame()
    assert cells["Metadata_Well"].tolist() == ["B02"] * 2 + ["A01"] * 2 + ["B02"] * 2
    assert cells["Metadata_ImageNumber"].tolist() == [1, 1, 2, 2, 3, 3]
    cp.site(tmp_path / "two", [cp.image(plate=plate, number=i + 1) for i, plate in enumerate(["P1", "P2"])])
    opened = open_cells(tmp_path / "two")
    assert [partition.plate for partition in opened.partitions] == [None]
    assert opened.to_frame()["Metadata_Plate"].tolist() == ["P1", "P1", "P2", "P2"]


def test_partitions_are_whole_wells(tmp_path, cp, monkeypatch):
    for plate in ("P1", "P2"):
        for well in ("A01", "A02", "A03"):
            for site in (1, 2):
                cp.site(tmp_path / f"{plate}-{well}-{site}", [cp.image(plate, well, site)])
    whole = open_cells(tmp_path)
    assert [(part.plate, part.wells) for part in whole.partitions] == [("P1", None), ("P2", None)]
    monkeypatch.setattr(images_module, "TOGETHER", 1500)
    opened = open_cells(tmp_path)
    wells = {"P1": [], "P2": []}
    for part in opened.partitions:
        cells = part.read()
        assert set(cells["Metadata_Plate"]) == {part.plate}
        assert set(cells["Metadata_Well"]) == set(part.wells)
        assert {path.parent.name[3:6] for path in part.paths} == set(part.wells)
        wells[part.plate] += part.wells
    assert wells == {"P1": ["A01", "A02", "A03"], "P2": ["A01", "A02", "A03"]}
    assert len(opened.partitions) > 2
    paths = [path for part in opened.partitions for path in part.paths]
    tables = [path for path in paths if path.name == "Image.csv"]
    assert set(tables) == set(tmp_path.glob("*/Image.csv"))  # they say where the objects lie
    assert sum(part.size for part in opened.partitions) == pytest.approx(
        sum(path.stat().st_size for path in paths if path not in tables), abs=20
    )
    order = [*KEYS, "Metadata_ObjectNumber"]
    assert_frame_equal(
        opened.to_frame().sort_values(order, ignore_index=True), whole.to_frame().sort_values(order, ignore_index=True)
    )


def test_plate_and_well_from_the_folder(tmp_path, cp):
    cp.site(tmp_path / "BR-1-c7-3", [cp.image(None, None, None)])
    cells = open_cells(tmp_path).to_frame()
    assert cells[KEYS].iloc[0].tolist() == ["BR-1", "C07", 3]
    shutil.move(tmp_path / "BR-1-c7-3", tmp_path / "BR-c7")
    assert open_cells(tmp_path).to_frame()[KEYS[:2]].iloc[0].tolist() == ["BR", "C07"]


def test_plate_and_well_from_other_columns_or_a_pattern(tmp_path, cp):
    folder = cp.site(
        tmp_path / "run", [cp.image(None, None, None, Barcode="0012", Where="B3", FileName_DNA="x_D05_2.tif")]
    )
    with pytest.raises(FileFormatError, match=r"nothing says the plate of 1 of 1 images.*columns=\{'plate': \.\.\.\}"):
        open_cells(folder)
    named = open_cells(folder, columns={"plate": "Barcode", "well": "Where"}).to_frame()
    assert named[KEYS[:2]].iloc[0].tolist() == ["0012", "B03"]
    read = open_cells(folder, pattern=r"(?P<plate>[a-z]+)_(?P<well>[A-P]\d\d)_(?P<site>\d)").to_frame()
    assert read[KEYS].iloc[0].tolist() == ["x", "D05", 2]
    assert not [name for name in read if "file" in name.lower()]
    along = open_cells(folder, pattern=r"(?P<plate>[a-z]+)_(?P<well>[A-P]\d\d)_", image=["FileName_DNA"]).to_frame()
    assert along["Image_FileName_DNA"].tolist() == ["x_D05_2.tif"] * 2
    assert along["Metadata_Well"].tolist() == ["D05"] * 2
    with pytest.raises(ColumnError, match=r"'Barkode' is no column\. Did you mean 'Barcode'"):
        open_cells(folder, columns={"plate": "Barkode", "well": "Where"})
    with pytest.raises(PlateLayoutError, match="not a well name"):
        open_cells(folder, columns={"plate": "Barcode", "well": "FileName_DNA"})


def test_what_is_measured_on_images_is_read_if_asked_for_and_is_no_feature(screen):
    opened = open_cells(screen, image=True)
    assert opened.to_frame()["Image_Count_Cells"].tolist() == [2] * 8
    assert opened.features == AREAS
    assert "Image_Count_Cells" in open_cells(screen, image=["Count_Cells"]).schema
    with pytest.raises(ColumnError, match="'Image_Count_Cell' is not measured on images"):
        open_cells(screen, image=["Count_Cell"])


def test_the_same_image_number_in_every_folder_mixes_nothing(screen, cp):
    other = [{**row, "AreaShape_Area": 1000 * row["AreaShape_Area"]} for row in cp.CELLS]
    cp.site(
        screen / "P1" / "analysis" / "P1-A01-2", [cp.image(well="A01", site=2)], {**cp.COMPARTMENTS, "Cells": other}
    )
    cells = open_cells(screen).to_frame()
    ratio = cells["Cells_AreaShape_Area"] / cells["Nuclei_AreaShape_Area"]
    assert (ratio == np.where(cells["Metadata_TableNumber"] == "P1-A01-2", 10_000, 10)).all()


def test_empty_files_and_images_without_rows(screen, cp):
    folder = screen / "P1" / "analysis"
    (folder / "P1-A01-1" / "Cells.csv").write_bytes(b"")
    cp.write_csv(folder / "P1-a2-2" / "Image.csv", [], list(cp.image()))
    header = (folder / "P1-A01-2" / "Nuclei.csv").read_text().splitlines()[0]
    for name in ("Nuclei", "Cells", "Cytoplasm"):
        head = (folder / "P1-A01-2" / f"{name}.csv").read_text().splitlines()[0]
        (folder / "P1-A01-2" / f"{name}.csv").write_text(head + "\n")
    assert header.startswith("ImageNumber,ObjectNumber")
    opened = open_cells(screen)
    assert reasons(opened) | {
        f"P1-a2-2/Image.csv: {PLACELESS}": 1,
        "'P1-A01-1/Cells.csv': empty: read as no objects": 1,
    } == reasons(opened)
    cells = opened.to_frame()
    assert cells["Metadata_TableNumber"].unique().tolist() == ["P1-a2-1"]
    assert reasons(cells)["Cytoplasm: left out: without a partner in every compartment"] == 2
    for site in folder.iterdir():
        cp.write_csv(site / "Image.csv", [], list(cp.image()))
    with pytest.raises(FileFormatError, match="no cells in"):
        open_cells(screen)


def test_folders_without_objects_are_refused(tmp_path, cp):
    empty, full = (cp.site(tmp_path / f"P1-A01-{i}", objects={"Cells": cp.CELLS}) for i in (1, 2))
    (empty / "Cells.csv").write_bytes(b"")
    with pytest.raises(FileFormatError, match="there are no folders of csv files of CellProfiler"):
        open_cells(empty, format="cellprofiler")
    (full / "Image.csv").write_bytes(b"")
    with pytest.raises(FileFormatError, match="no csv file of objects"):
        open_cells(tmp_path)


def test_objects_of_an_unknown_image_are_counted(tmp_path, cp):
    folder = cp.site(tmp_path / "P1-A01-1")
    text = (folder / "Cells.csv").read_text().replace("\n1,2,", "\n9,2,").replace("\r", "")
    (folder / "Cells.csv").write_text(text)
    cells = open_cells(folder).to_frame()
    assert len(cells) == 1
    assert reasons(cells)["Cells: left out: the table of images has no row of their image"] == 1


def test_empty_lines_are_no_objects(screen):
    whole = open_cells(screen).to_frame()
    path = screen / "P1" / "analysis" / "P1-A01-1" / "Cells.csv"
    path.write_text(path.read_text().replace("\r", "").replace("\n1,2", "\n\n1,2") + "\n\n")
    assert_frame_equal(open_cells(screen).to_frame(), whole)


def test_values_that_are_missing(tmp_path, cp):
    cells = cp.changed(cp.CELLS, 0, AreaShape_Area="nan")
    found = open_cells(cp.site(tmp_path / "P1-A01-1", objects={**cp.COMPARTMENTS, "Cells": cells})).to_frame()
    assert found["Cells_AreaShape_Area"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"100", b"1x0", r"Cells.csv'.*in column 'AreaShape_Area', '1x0'; copy or export it again"),
        (b",300,2,3", b",30", r"Cells.csv'.*damaged or cut off: .*Expected 5 columns"),
        (b"1,2,300", b"1,-2,300", r"Cells.csv'.*-2.0 in column 'ObjectNumber' is no number of an object"),
        (b"1,2,300", b"1,2.5,300", r"Cells.csv'.*2.5 in column 'ObjectNumber' is no number of an object"),
        (b"1,2,300", b"1,1,300", "object 1 of Cells is there twice in one image"),
        (b"300,2,3", b"300,2,1e300", r"in column 'Parent_Nuclei' is no number of an object"),
    ],
)  # fmt: skip
def test_damaged_files_are_named(screen, old, new, message):
    path = screen / "P1" / "analysis" / "P1-A01-2" / "Cells.csv"
    damaged = path.read_bytes().replace(old, new)
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(FileFormatError, match=message):
        open_cells(screen).to_frame()


def test_damaged_archives_and_tables_of_images_are_named(screen):
    folder = screen / "P1" / "analysis" / "P1-A01-1"
    path = folder / "Cells.csv"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    (folder / "Cells.csv.gz").write_bytes(packed[:-9])
    with pytest.raises(FileFormatError, match=r"P1-A01-1/Cells.csv.gz'.*copy it again"):
        open_cells(screen).to_frame()
    (folder / "Cells.csv.gz").write_bytes(b"no archive")
    with pytest.raises(FileFormatError, match=r"P1-A01-1/Cells.csv.gz': cannot be read"):
        open_cells(screen)
    image = (folder / "Image.csv").read_text().rstrip()
    (folder / "Image.csv").write_text(image.rpartition(",")[0])
    with pytest.raises(FileFormatError, match=r"P1-A01-1/Image.csv': damaged or cut off: a row of 4 values below 5"):
        open_cells(screen)


def test_files_with_other_columns_are_named_both(screen):
    path = screen / "P1" / "analysis" / "P1-a2-2" / "Cells.csv"
    path.write_text(path.read_text().replace("AreaShape_Area", "AreaShape_Aria"))
    with pytest.raises(
        FileFormatError, match=r"P1-a2-2/Cells.csv' lacks 'AreaShape_Area'.*than '.*P1-A01-1/Cells.csv'"
    ):
        open_cells(screen)
    path.write_text(path.read_text().replace("Number_Object_Number", "AreaShape_Aria"))
    with pytest.raises(FileFormatError, match=r"Cells.csv': columns 'AreaShape_Aria' occur more than once"):
        open_cells(screen)


def test_columns_in_another_order_and_images_that_are_there_twice(screen, cp):
    folder = screen / "P1" / "analysis" / "P1-A01-1"
    whole = open_cells(screen).to_frame()
    table = pd.read_csv(folder / "Cells.csv")
    table[[*table.columns[:2], *table.columns[:1:-1]]].to_csv(folder / "Cells.csv", index=False)
    order = ["Metadata_TableNumber", "Metadata_ObjectNumber"]
    again = open_cells(screen).to_frame()[list(whole)]
    assert_frame_equal(again.sort_values(order, ignore_index=True), whole.sort_values(order, ignore_index=True))
    cp.write_csv(folder / "Image.csv", [cp.image(), cp.image()])
    with pytest.raises(FileFormatError, match="image 1 is there twice in the table of images"):
        open_cells(screen)
    (folder / "Image.csv").write_text("Metadata_Plate,Metadata_Well\nP1,A01\n")
    with pytest.raises(FileFormatError, match="has no column 'ImageNumber'; export it again"):
        open_cells(folder)


FIXTURES = "cellprofiler_formats"


@pytest.mark.real
def test_a_tree_of_the_gallery(real_data):
    opened = open_cells(real_data(f"{FIXTURES}/pycytominer_collate"))
    cells = opened.to_frame()
    assert cells.groupby("Metadata_Well").size().to_dict() == {"A01": 89, "A02": 36}
    assert cells["Metadata_Plate"].unique().tolist() == ["BR00121431"]
    for site in ("BR00121431-A01-1", "BR00121431-A02-1"):
        rows = cells[cells["Metadata_TableNumber"] == site]
        for name in ("Cells", "Nuclei", "Cytoplasm"):
            with gzip.open(real_data(f"{FIXTURES}/pycytominer_collate/{site}/{name}.csv.gz"), "rt") as file:
                raw = list(csv.DictReader(file))
            for feature in ("AreaShape_Area", "Texture_Contrast_DNA_10_00_256", "Location_Center_X"):
                assert rows[f"{name}_{feature}"].tolist() == [float(row[feature]) for row in raw]


@pytest.mark.real
def test_one_site_of_the_gallery_with_six_thousand_columns(real_data):
    opened = open_cells(real_data(f"{FIXTURES}/cytotable/cellprofiler/cpg0043_BR00116991-A01-1"))
    cells = opened.to_frame()
    assert cells.shape == (109, 6057)
    assert cells[KEYS].drop_duplicates().to_numpy().tolist() == [["BR00116991", "A01", 1]]


@pytest.mark.real
def test_a_run_without_plate_is_refused_and_read_by_its_file_names(real_data):
    folder = real_data(f"{FIXTURES}/cytotable/cellprofiler/ExampleHuman")
    with pytest.raises(FileFormatError, match="nothing says the plate of 1 of 1 images"):
        open_cells(folder)
    pattern = r"(?P<plate>AS_\d+_\d+)_(?P<well>[A-P]\d\d)f(?P<site>\d+)"
    opened = open_cells(folder, pattern=pattern)
    assert len(opened.to_frame()) == 289
    assert "PH3: not read: not one to one with the compartments read; name it in compartments=[...]" in reasons(opened)
    assert opened.to_frame()["Metadata_Well"].unique().tolist() == ["D03"]


@pytest.mark.real
def test_sites_that_are_empty_on_purpose(real_data, tmp_path):
    source = real_data(f"{FIXTURES}/cytotable/cytominer-database/data_b")
    folder = shutil.copytree(source, tmp_path / "data_b")
    with pytest.raises(FileFormatError, match=r"J21-2/Cells.csv': damaged or cut off: .*Expected 586 columns, got 564"):
        open_cells(folder).to_frame()
    shutil.rmtree(folder / "J21-2")
    opened = open_cells(folder)
    cells = opened.to_frame()
    assert len(cells) == 40
    assert sorted(cells["Metadata_TableNumber"].unique()) == ["A01-1", "A01-2", "B01-1", "B01-2"]
    assert reasons(cells)["Cytoplasm: left out: without a partner in every compartment"] == 10
    assert reasons(opened)["'E17-4/Cells.csv', 'E17-4/Nuclei.csv': empty: read as no objects"] == 2
    assert any(name.startswith("N23-5/Image.csv: left out with the objects") for name in reasons(opened))


def doubled_metadata(folder, wells=("A01", "A02"), copies=("A01", "A02")):
    """Write one compartment whose well is there twice, as some versions export it."""
    folder.mkdir()
    (folder / "Image.csv").write_text(
        "ImageNumber,Metadata_Plate,Metadata_Well\n" + "".join(f"{i},P1,{well}\n" for i, well in enumerate(wells, 1))
    )
    rows = [f"{i},1,{well},{copy},{i}.5\n" for i, (well, copy) in enumerate(zip(wells, copies, strict=True), 1)]
    header = "ImageNumber,ObjectNumber,Metadata_Well,Metadata_Well,AreaShape_Area\n"
    (folder / "Cells.csv").write_text(header + "".join(rows))
    return folder


def test_metadata_exported_twice_are_one_where_the_copies_agree(tmp_path):
    cells = open_cells(doubled_metadata(tmp_path / "twice"))
    table = cells.to_frame()
    assert table["Cells_AreaShape_Area"].tolist() == [1.5, 2.5]
    assert table["Metadata_Well"].tolist() == ["A01", "A02"]
    assert not [name for name in table if "copy" in name]
    assert [line["name"] for line in cells.lines if "taken once" in line["reason"]] == ["Metadata_Well"]


def test_copies_of_metadata_that_differ_are_refused_naming_the_first_difference(tmp_path):
    folder = doubled_metadata(tmp_path / "twice", copies=("A01", "B07"))
    with pytest.raises(FileFormatError, match=r"Cells.csv': column 'Metadata_Well' .* row 2 it is 'A02' and 'B07'"):
        open_cells(folder)
