"""SQLite files of CellProfiler: the same cells as in csv files, in pieces, with text among numbers, and damaged."""

import sqlite3
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from cellprofiling.cells.aggregation import aggregate
from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.formats.cellprofiler import cellprofiler_sqlite as sqlite_module
from cellprofiling.io.objects import images as images_module
from cellprofiling.io.storage.sqlite import Database, database

KEYS = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
AREAS = ["Nuclei_AreaShape_Area", "Cells_AreaShape_Area", "Cytoplasm_AreaShape_Area"]
WHOLE = [[10, 100, 90], [30, 300, 270]]


def reasons(table) -> dict[str, int]:
    ledger = table.attrs["ledger"] if isinstance(table, pd.DataFrame) else table.lines
    return {f"{line['name']}: {line['reason']}": line["n"] for line in ledger}


def images(cp) -> list:
    return [cp.image(well=well, site=site, number=1) for well in ("A1", "a02", "B3") for site in (1, 2)]


@pytest.mark.parametrize("kind", ["FLOAT", "BIGINT", "TEXT", ""])
@pytest.mark.parametrize("index", [True, False])
def test_a_backend_of_cytominer_database(tmp_path, cp, kind, index):
    opened = open_cells(cp.backend(tmp_path / "plate.sqlite", images(cp), index=index, kind=kind))
    assert opened.format == "sqlite"
    assert opened.features == AREAS
    cells = opened.to_frame()
    assert cells[AREAS].drop_duplicates().to_numpy().tolist() == WHOLE
    assert cells["Metadata_Well"].tolist() == np.repeat(["A01", "A02", "B03"], 4).tolist()
    assert cells["Metadata_TableNumber"].tolist() == np.repeat(range(101, 107), 2).tolist()
    assert cells["Metadata_ObjectNumber"].tolist() == [1, 3] * 6
    assert list(cells.columns) == list(opened.schema)
    assert cells.dtypes.tolist() == opened.schema.dtypes.tolist()
    assert reasons(cells)["Nuclei: left out: without a partner in every compartment"] == 6
    assert len(open_cells(tmp_path / "plate.sqlite", objects="all").to_frame()) == 18


def test_tables_that_are_numbered_by_text(tmp_path, cp):
    tables = [f"{i}f3a{i}" for i in range(6)]
    cells = open_cells(cp.backend(tmp_path / "plate.sqlite", images(cp), tables=tables)).to_frame()
    assert cells["Metadata_TableNumber"].tolist() == np.repeat(tables, 2).tolist()
    assert cells[AREAS].drop_duplicates().to_numpy().tolist() == WHOLE


@pytest.mark.parametrize("prefix", ["", "MyExpt_"])
def test_an_export_to_database(tmp_path, cp, prefix):
    numbered = [{**row, "ImageNumber": i + 1} for i, row in enumerate(images(cp))]
    opened = open_cells(cp.export(tmp_path / "a.db", numbered, prefix=prefix))
    cells = opened.to_frame()
    assert cells[AREAS].drop_duplicates().to_numpy().tolist() == WHOLE
    assert cells["Metadata_ImageNumber"].tolist() == np.repeat(range(1, 7), 2).tolist()
    assert reasons(opened)[f"{prefix}Per_Experiment: left out: neither of images nor of objects"] == 1
    assert "Metadata_TableNumber" not in cells


def test_one_table_of_all_objects(tmp_path, cp):
    path = cp.export(tmp_path / "a.db", objects={})
    table = pd.DataFrame({"ImageNumber": 1, "ObjectNumber": [1, 2, 3]})
    for name, rows in cp.COMPARTMENTS.items():
        measured = pd.DataFrame(rows).drop(columns="ObjectNumber").add_prefix(f"{name}_")
        table = pd.concat([table, measured], axis=1)
    with sqlite3.connect(path) as file:
        table.to_sql("Per_Object", file, index=False)
    file.close()
    assert open_cells(path).to_frame()[AREAS].to_numpy().tolist() == WHOLE


def test_it_is_the_same_as_csv(tmp_path, cp):
    places = images(cp)
    for i, place in enumerate(places):
        cp.site(tmp_path / "csv" / str(101 + i), [place])
    cp.backend(tmp_path / "plate.sqlite", places)
    text, base = open_cells(tmp_path / "csv").to_frame(), open_cells(tmp_path / "plate.sqlite").to_frame()
    assert_frame_equal(text, base)


def test_partitions_are_whole_wells_even_if_images_are_mixed(tmp_path, cp, monkeypatch):
    cells = cp.changed(cp.CELLS, 1, AreaShape_Extent="nan")
    cells = cp.changed(cells, 0, AreaShape_Extent=0.5)
    path = cp.backend(tmp_path / "plate.sqlite", images(cp), {**cp.COMPARTMENTS, "Cells": cells})
    whole = open_cells(path).to_frame()
    text = "Cells_AreaShape: a text such as 'nan' among numbers is read as missing"
    with sqlite3.connect(path) as file:
        for table in cp.COMPARTMENTS:
            file.execute(
                f"CREATE TABLE mixed AS SELECT * FROM {table} ORDER BY {table}_AreaShape_Area, TableNumber DESC"
            )
            file.execute(f"DROP TABLE {table}")
            file.execute(f"ALTER TABLE mixed RENAME TO {table}")
    file.close()
    monkeypatch.setattr(images_module, "TOGETHER", path.stat().st_size // 3)
    monkeypatch.setattr(sqlite_module, "AT_ONCE", 5)
    monkeypatch.setattr(sqlite_module, "GAP", 1)
    opened = open_cells(path)
    assert [partition.wells for partition in opened.partitions] == [("A01",), ("A02",), ("B03",)]
    assert all(partition.paths == (path,) for partition in opened.partitions)
    order = [*KEYS, "Metadata_ObjectNumber"]
    mixed = opened.to_frame()
    assert_frame_equal(mixed.sort_values(order, ignore_index=True), whole)
    assert reasons(mixed)[text] == reasons(whole)[text] == 6
    assert opened.partitions[1].read(["Metadata_Well"])["Metadata_Well"].tolist() == ["A02"] * 4


def test_what_had_no_partner_is_in_the_ledger_of_the_wells_and_a_piece_may_be_empty(tmp_path, cp, monkeypatch):
    path = cp.backend(tmp_path / "plate.sqlite", images(cp))
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM Cells WHERE TableNumber < 103")
    file.close()
    monkeypatch.setattr(images_module, "TOGETHER", path.stat().st_size // 3)
    assert [len(partition.read()) for partition in open_cells(path).partitions] == [0, 4, 4]
    wells = aggregate(path)
    assert wells["Metadata_Well"].tolist() == ["A02", "B03"]
    assert wells["Cells_AreaShape_Area"].tolist() == [200, 200]
    found = reasons(wells)
    assert found["Nuclei: left out: without a partner in every compartment"] == 10
    assert found["Cytoplasm: left out: without a partner in every compartment"] == 4


def test_text_that_means_missing_is_counted_by_group(tmp_path, cp):
    wells = images(cp)
    cells = cp.changed(cp.CELLS, 1, AreaShape_Area="nan")
    opened = open_cells(cp.backend(tmp_path / "plate.sqlite", wells, {**cp.COMPARTMENTS, "Cells": cells}))
    found = opened.to_frame()
    assert found["Cells_AreaShape_Area"].isna().tolist() == [False, True] * 6
    assert found["Cells_Parent_Nuclei"].tolist() == [1, 3] * 6
    assert reasons(found)["Cells_AreaShape: a text such as 'nan' among numbers is read as missing"] == 6
    assert_frame_equal(found, opened.to_frame())


def test_numbers_beside_text_keep_every_digit(tmp_path, cp):
    values = [1 / 3, "nan", 2 / 3]
    nuclei = [{**row, "AreaShape_Area": value} for row, value in zip(cp.NUCLEI, values, strict=True)]
    path = cp.backend(tmp_path / "plate.sqlite", objects={"Nuclei": nuclei}, kind="")
    assert_array_equal(open_cells(path).to_frame()["Nuclei_AreaShape_Area"], [1 / 3, np.nan, 2 / 3])


def test_other_text_is_refused(tmp_path, cp):
    cells = cp.changed(cp.CELLS, 1, AreaShape_Area="large")
    path = cp.backend(tmp_path / "plate.sqlite", objects={**cp.COMPARTMENTS, "Cells": cells})
    with pytest.raises(
        FileFormatError, match=r"plate.sqlite': column 'Cells_AreaShape_Area' of table 'Cells' holds text"
    ):
        open_cells(path).to_frame()
    assert len(open_cells(path).to_frame(["Nuclei_AreaShape_Area"])) == 2


def test_values_that_begin_whole_or_missing(tmp_path, cp):
    """The driver tells the type of a column by its first rows."""
    values = [*range(50_000), 0.5, None]
    nuclei = [{"ObjectNumber": i + 1, "AreaShape_Area": v, "AreaShape_Extent": None} for i, v in enumerate(values)]
    path = cp.backend(tmp_path / "plate.sqlite", objects={"Nuclei": nuclei}, kind="")
    cells = open_cells(path).to_frame()
    assert_array_equal(cells["Nuclei_AreaShape_Area"], np.array(values, float))
    assert cells["Nuclei_AreaShape_Extent"].isna().all()


def test_names_of_any_length_and_sign_are_kept(tmp_path, cp):
    name = "Txtr_" + 'x"y' * 30
    nuclei = [{**row, name: 1.5} for row in cp.NUCLEI]
    path = cp.backend(tmp_path / "plate.sqlite", objects={"Nuclei": [dict(row) for row in nuclei]}, kind="")
    assert f"Nuclei_{name}" in open_cells(path).features


def test_a_folder_of_plates(tmp_path, cp):
    for plate in ("P1", "P2"):
        (tmp_path / plate).mkdir()
        cp.backend(tmp_path / plate / f"{plate}.sqlite", [cp.image(plate=plate)])
    (tmp_path / "P1" / "P1.csv").write_text("Metadata_Plate,Cells_Area\nP1,2\n")
    for path in (tmp_path, tmp_path / "*" / "*.sqlite"):
        opened = open_cells(path)
        assert opened.format == "sqlite"
        assert [(part.plate, part.wells) for part in opened.partitions] == [("P1", None), ("P2", None)]
        assert opened.to_frame()["Metadata_Plate"].tolist() == ["P1", "P1", "P2", "P2"]
    cp.backend(tmp_path / "again.sqlite", [cp.image(plate="P1")])
    with pytest.raises(
        FileFormatError, match=r"well 'A01' of plate 'P1' is there twice, in '.*' and in '.*': move one"
    ):
        open_cells(tmp_path)
    cp.backend(tmp_path / "P2" / "P2.sqlite.copy", [cp.image(plate="P3")])
    (tmp_path / "again.sqlite").unlink()
    cp.backend(tmp_path / "P3.sqlite", [cp.image(plate="P3")], {"Nuclei": cp.NUCLEI})
    with pytest.raises(
        FileFormatError, match=r"P3.sqlite': has no table of 'Cells', 'Cytoplasm', and another file has"
    ):
        open_cells(tmp_path)


def test_other_databases(tmp_path, cp):
    with sqlite3.connect(tmp_path / "other.db") as file:
        file.execute("CREATE TABLE notes (text TEXT)")
    file.close()
    with pytest.raises(
        FileFormatError, match=r"other\.db': there must be one table of images.*there is none among 'notes'"
    ):
        open_cells(tmp_path / "other.db")
    cp.site(tmp_path / "P1-A01-1")
    assert open_cells(tmp_path).format == "cellprofiler"
    cp.backend(tmp_path / "images.db", objects={})
    with pytest.raises(FileFormatError, match="has a table of images and none of objects"):
        open_cells(tmp_path / "images.db")
    cp.export(tmp_path / "two.db")
    cp.export(tmp_path / "two.db", prefix="Other_")
    with pytest.raises(FileFormatError, match="'Per_Image', 'Other_Per_Image' are several"):
        open_cells(tmp_path / "two.db")


def test_plate_from_the_name_of_the_file(tmp_path, cp):
    opened = open_cells(cp.backend(tmp_path / "SQ1.sqlite", [cp.image(plate=None)]))
    assert opened.to_frame()["Metadata_Plate"].tolist() == ["SQ1", "SQ1"]
    assert reasons(opened)["SQ1.sqlite: no Metadata_Plate: the file name is taken as the plate"] == 1
    with pytest.raises(FileFormatError, match="nothing says the well of 1 of 1 images"):
        open_cells(cp.backend(tmp_path / "SQ2.sqlite", [cp.image(well=None)]))


def test_images_without_objects_and_objects_without_image(tmp_path, cp):
    path = cp.backend(tmp_path / "plate.sqlite", images(cp))
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM Image WHERE TableNumber = '101'")
        file.execute("DELETE FROM Cells WHERE TableNumber = 102")
    file.close()
    opened = open_cells(path)
    assert reasons(opened)["Nuclei: left out: table 'Image' has no row of their image"] == 3
    assert len(opened.to_frame()) == 8
    with sqlite3.connect(path) as file:
        file.execute("INSERT INTO Image SELECT * FROM Image")
    file.close()
    with pytest.raises(FileFormatError, match="is there twice in the table of images"):
        open_cells(path)
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM Image")
    file.close()
    with pytest.raises(FileFormatError, match=r"no cells in 'plate\.sqlite'"):
        open_cells(path)


def test_a_file_that_is_being_written_is_read_as_it_stands(tmp_path, cp):
    path = cp.backend(tmp_path / "plate.sqlite")
    assert database(path).uri.endswith("immutable=1")
    file = sqlite3.connect(path)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("UPDATE Cells SET Cells_AreaShape_Area = 7")
    file.commit()
    assert database(path).uri.endswith("mode=ro")
    assert open_cells(path).to_frame()["Cells_AreaShape_Area"].tolist() == [7, 7]
    file.close()


def test_empty_and_cut_off_files_are_named(tmp_path, cp):
    path = cp.backend(tmp_path / "plate.sqlite", images(cp) * 1)
    data = path.read_bytes()
    (tmp_path / "short.sqlite").write_bytes(data[: len(data) // 2])
    with pytest.raises(
        FileFormatError, match=rf"short.sqlite': cut off, {len(data) // 2} of {len(data)} bytes are there"
    ):
        open_cells(tmp_path)
    (tmp_path / "short.sqlite").write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"short.sqlite': is empty \(0 bytes\)"):
        open_cells(tmp_path)
    (tmp_path / "short.sqlite").write_bytes(b"no database at all" * 10)
    with pytest.raises(FileFormatError, match=r"short.sqlite': damaged, or no SQLite file"):
        open_cells(tmp_path)


def test_flipped_bits_are_named_or_harmless(tmp_path, cp):
    """A damaged page is said to be damaged; a damaged value is a number like any other, or an impossible one."""
    path = cp.backend(tmp_path / "plate.sqlite", images(cp))
    data, rng, named = path.read_bytes(), np.random.default_rng(0), []
    for _ in range(60):
        flipped = bytearray(data)
        flipped[int(rng.integers(100, len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        named.append(_complaint(path))
    assert all("plate.sqlite" in complaint for complaint in named if complaint)
    assert len([complaint for complaint in named if complaint]) >= 2


def _complaint(path) -> str:
    try:
        open_cells(path).to_frame()
    except FileFormatError as error:
        return str(error)
    except InputError:
        return ""  # the name of a column or table is another now
    return ""


def test_a_damaged_page_is_named(tmp_path, cp):
    path = cp.backend(tmp_path / "plate.sqlite", images(cp) * 1, index=False)
    with sqlite3.connect(path) as file:
        ((page,),) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'Cells'").fetchall()
    file.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 100] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(
        FileFormatError, match=r"plate.sqlite': cannot be read as SQLite \(database disk image is malformed"
    ):
        open_cells(path)


def test_a_table_that_changes_type_while_it_is_read(tmp_path, cp, monkeypatch):
    path = cp.backend(tmp_path / "plate.sqlite", objects={"Nuclei": cp.changed(cp.NUCLEI, 0, AreaShape_Area="nan")})
    opened = open_cells(path)
    monkeypatch.setattr(Database, "_look_for_texts", lambda *_: None)
    with pytest.raises(FileFormatError, match="table 'Nuclei' changed while it was read"):
        opened.to_frame()


FIXTURES = "cellprofiler_formats/cytotable"


@pytest.mark.real
def test_schwann_cells_as_cytotable_counts_them(real_data):
    """CytoTable joins 242 cells; 433 nuclei were segmented. Cells are numbered anew, so numbers do not match."""
    path = real_data(f"{FIXTURES}/cellprofiler/NF1_SchwannCell_data/all_cellprofiler.sqlite")
    matched, everything = open_cells(path), open_cells(path, objects="all").to_frame()
    cells = matched.to_frame()
    assert (len(cells), len(everything)) == (242, 433)
    assert everything["Cells_AreaShape_Area"].notna().sum() == 242
    assert reasons(cells)["Nuclei: left out: without a partner in every compartment"] == 191
    with sqlite3.connect(path.resolve().as_uri() + "?immutable=1", uri=True) as file:
        joined = file.execute(
            "SELECT c.ImageNumber, n.Nuclei_Number_Object_Number, c.Cells_AreaShape_Area, n.Nuclei_AreaShape_Area, "
            "y.Cytoplasm_Texture_Contrast_DAPI_3_00_256 FROM Per_Cytoplasm y JOIN Per_Cells c ON c.ImageNumber = "
            "y.ImageNumber AND c.Cells_Number_Object_Number = y.Cytoplasm_Parent_Cells JOIN Per_Nuclei n ON "
            "n.ImageNumber = y.ImageNumber AND n.Nuclei_Number_Object_Number = y.Cytoplasm_Parent_Nuclei ORDER BY 1, 2"
        ).fetchall()
    file.close()
    columns = ["Metadata_ImageNumber", "Metadata_ObjectNumber", "Cells_AreaShape_Area", "Nuclei_AreaShape_Area",
               "Cytoplasm_Texture_Contrast_DAPI_3_00_256"]  # fmt: skip
    assert_array_equal(cells[columns].sort_values(columns[:2]).to_numpy(float), np.array(joined, float))


def _single_cells(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pycytominer.cyto_utils.cells import SingleCells

        return SingleCells(f"sqlite:///{path}", **options)


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
def test_a_backend_as_pycytominer_merges_it(real_data):
    """Parity with pycytominer 1.7.1, which numbers cells by their cytoplasm."""
    path = real_data(f"{FIXTURES}/cytominer-database/data_b_sqlite/data_b.sqlite")
    strata = ["Metadata_Plate", "Metadata_Well"]
    peer = _single_cells(path, strata=strata, image_cols=["TableNumber", "ImageNumber"]).merge_single_cells()
    ours = open_cells(path).to_frame()
    assert len(ours) == len(peer) == 40
    order = ["Metadata_TableNumber", "Metadata_Cytoplasm_Parent_Nuclei"]
    peer = peer.sort_values(order, ignore_index=True)
    ours = ours.sort_values(["Metadata_TableNumber", "Metadata_ObjectNumber"], ignore_index=True)
    shared = [name for name in ours if name in peer and not name.startswith("Metadata_")]
    assert len(shared) > 1600
    assert_allclose(ours[shared].to_numpy(), peer[shared].to_numpy(float), rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_medians_are_those_of_pycytominer(tmp_path, cp):
    """Parity with pycytominer 1.7.1, whose medians are of each compartment alone: so with all objects."""
    rng = np.random.default_rng(0)
    objects = {
        name: [{**row, "AreaShape_Area": float(rng.normal()), "AreaShape_Extent": float(rng.normal())} for row in rows]
        for name, rows in cp.COMPARTMENTS.items()
    }
    path = cp.backend(tmp_path / "plate.sqlite", images(cp), objects)
    columns = ["TableNumber", "ImageNumber", "Metadata_Site"]
    options = {"strata": ["Metadata_Plate", "Metadata_Well"], "fields_of_view_feature": "Metadata_Site"}
    peer = _single_cells(path, image_cols=columns, **options).aggregate_profiles()
    ours = aggregate(open_cells(path, objects="all"))
    assert ours["Metadata_Well"].tolist() == ["A01", "A02", "B03"]
    peer = peer.set_index("Metadata_Well").loc[["A1", "a02", "B3"]]
    for feature in (*AREAS, *(name.replace("Area_", "Extent_") for name in AREAS)):
        assert_allclose(ours[feature], peer[feature], rtol=1e-12)
