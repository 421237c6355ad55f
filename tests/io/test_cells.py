"""Cells are the same whatever format they lie in; nothing is left out without a ledger line."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import (
    ColumnError,
    FeatureError,
    FileFormatError,
    InputError,
    KeyMatchError,
)
from cellprofiling.io.cells import open_cells
from cellprofiling.io.tables import write_profiles


def cells(plates: tuple[str, ...] = ("P1", "P2"), n: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(plates, n),
            "Metadata_Well": np.tile(np.repeat(["A01", "A02"], n // 2), len(plates)),
            "Metadata_Gene": "NA",
            "Location_Center_X": np.arange(n * len(plates)) * 0.5,
        }
    )
    x = rng.normal(1e6, 1e-3, (len(metadata), 3))
    return pd.concat([metadata, pd.DataFrame(x, columns=["Cells_Area", "Cells_Length", "Nuclei_Area"])], axis=1)


def by_plate(table: pd.DataFrame, folder, ending: str):
    for plate, rows in table.groupby("Metadata_Plate"):
        write_profiles(rows, folder / f"{plate}{ending}")
    return folder


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".csv.gz", ".tsv"])
def test_a_file_for_each_plate(tmp_path, ending):
    opened = open_cells(by_plate(cells(), tmp_path, ending))
    assert opened.format == ("parquet" if ending == ".parquet" else "delimited")
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert opened.features == ["Cells_Area", "Cells_Length", "Nuclei_Area"]
    assert opened.metadata == ["Metadata_Plate", "Metadata_Well", "Metadata_Gene"]
    assert opened.ledger.empty
    assert_frame_equal(opened.to_frame(), cells())
    assert_frame_equal(opened.partitions[1].read(), cells().iloc[20:].reset_index(drop=True))


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_several_plates_in_one_file(tmp_path, ending):
    shuffled = cells().sample(frac=1, random_state=0)
    opened = open_cells(write_profiles(shuffled, tmp_path / f"all{ending}"))
    plates = [partition.plate for partition in opened.partitions]
    assert plates == (["P1", "P2"] if ending == ".parquet" else [None])
    back = opened.to_frame().sort_values("Location_Center_X", ignore_index=True)
    assert_frame_equal(back, cells())


def test_a_plate_in_several_files_is_one_partition(tmp_path):
    table = cells(("P1",))
    for well, rows in table.groupby("Metadata_Well"):
        write_profiles(rows, tmp_path / f"{well}.parquet")
    opened = open_cells(tmp_path)
    assert [partition.plate for partition in opened.partitions] == ["P1"]
    assert_frame_equal(opened.to_frame(), table)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_columns_and_wells_can_be_chosen(tmp_path, ending):
    opened = open_cells(by_plate(cells(), tmp_path, ending))
    columns = ["Nuclei_Area", "Metadata_Plate"]
    assert_frame_equal(opened.to_frame(columns), cells()[columns])
    chosen = opened.to_frame(columns, wells=["A02"])
    rows = cells()["Metadata_Well"] == "A02"
    assert_frame_equal(chosen, cells().loc[rows, columns].reset_index(drop=True))
    assert_frame_equal(opened.partitions[0].read(["Metadata_Plate"]), cells()[["Metadata_Plate"]].iloc[:20])


def test_a_column_or_well_that_is_not_there(tmp_path):
    opened = open_cells(by_plate(cells(), tmp_path, ".parquet"))
    with pytest.raises(ColumnError, match=r"columns='Cells_Are': no such column. Did you mean 'Cells_Area'"):
        opened.to_frame(["Cells_Are"])
    with pytest.raises(KeyMatchError, match="wells='A1': no cell lies there"):
        opened.to_frame(wells=["A01", "A1"])


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_without_plate_column_the_file_name_is_the_plate(tmp_path, ending):
    by_plate(cells(), tmp_path, ending)
    for path in tmp_path.iterdir():
        rows = cells()[cells()["Metadata_Plate"] == path.name.removesuffix(ending)]
        write_profiles(rows.drop(columns="Metadata_Plate"), path)
    opened = open_cells(tmp_path)
    assert_frame_equal(opened.to_frame(list(cells())), cells())
    assert_frame_equal(opened.to_frame(["Metadata_Plate"]), cells()[["Metadata_Plate"]])
    assert opened.ledger["name"].tolist() == [f"P1{ending}", f"P2{ending}"]
    assert opened.ledger["reason"].unique() == ["no Metadata_Plate: the file name is taken as the plate"]


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_files_of_one_name_without_plate_column_are_refused(tmp_path, ending):
    for folder in ("P1", "P2"):
        (tmp_path / folder).mkdir()
        write_profiles(cells().drop(columns="Metadata_Plate"), tmp_path / folder / f"cells{ending}")
    with pytest.raises(FileFormatError, match="have the same name and no plate column"):
        open_cells(tmp_path / "*" / f"cells{ending}")


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_keys_of_other_names(tmp_path, ending):
    image = cells().rename(columns={"Metadata_Plate": "Image_Metadata_Plate", "Metadata_Well": "Image_Metadata_Well"})
    opened = open_cells(write_profiles(image, tmp_path / f"a{ending}"))
    assert_frame_equal(opened.to_frame(list(cells())), cells())
    other = cells().rename(columns={"Metadata_Plate": "Barcode", "Metadata_Well": "pos", "Metadata_Gene": "gene"})
    keys = {"plate": "Barcode", "well": "pos", "gene": "gene"}
    opened = open_cells(write_profiles(other, tmp_path / f"b{ending}"), columns=keys)
    assert_frame_equal(opened.to_frame(list(cells())), cells())
    with pytest.raises(ColumnError, match=r"'Barkode' is no column. Did you mean 'Barcode'"):
        open_cells(tmp_path / f"b{ending}", columns={"plate": "Barkode"})
    with pytest.raises(ColumnError, match="the table has 'Metadata_Plate' already; leave that key out"):
        open_cells(write_profiles(cells(), tmp_path / f"c{ending}"), columns={"plate": "Metadata_Gene"})


def test_text_without_prefix_is_a_label(tmp_path):
    opened = open_cells(write_profiles(cells().assign(treatment="x"), tmp_path / "a.csv"))
    assert "treatment" in opened.to_frame()
    assert "treatment" not in opened.features


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_cells_without_plate_are_refused(tmp_path, ending):
    table = cells()
    table.loc[[3, 4], "Metadata_Plate"] = None
    with pytest.raises(FileFormatError, match="2 of 40 cells have no"):
        open_cells(write_profiles(table, tmp_path / f"a{ending}"))


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_files_without_cells_are_left_out_and_a_folder_of_them_is_refused(tmp_path, ending):
    by_plate(cells(), tmp_path, ending)
    write_profiles(cells().iloc[:0], tmp_path / f"P3{ending}")
    opened = open_cells(tmp_path)
    assert_frame_equal(opened.to_frame(), cells())
    assert opened.ledger[["name", "reason"]].to_numpy().tolist() == [[f"P3{ending}", "left out: it holds no cells"]]
    with pytest.raises(FileFormatError, match=r"no cells in 'P3.*', a header only"):
        open_cells(tmp_path / f"P3{ending}")
    write_profiles(cells().iloc[:0].drop(columns="Metadata_Plate"), tmp_path / f"P4{ending}")
    with pytest.raises(FileFormatError, match=r"no cells in 'P4.*', a header only"):
        open_cells(tmp_path / f"P4{ending}")


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_files_with_different_columns_are_refused(tmp_path, ending):
    by_plate(cells(), tmp_path, ending)
    write_profiles(cells(("P3",)).rename(columns={"Cells_Area": "Cells_Aria"}), tmp_path / f"P3{ending}")
    with pytest.raises(FileFormatError, match=r"lacks 'Cells_Area' and has 'Cells_Aria' more than 'P1"):
        open_cells(tmp_path)


def test_labels_that_are_numbers_on_one_plate_only_become_text(tmp_path):
    for plate, dose in (("P1", 5), ("P2", "high"), ("P3", None)):
        write_profiles(cells((plate,)).assign(Metadata_Dose=dose), tmp_path / f"{plate}.csv")
    doses = open_cells(tmp_path).to_frame(["Metadata_Dose"])["Metadata_Dose"]
    assert doses.iloc[[0, 20]].tolist() == ["5", "high"]
    assert doses.iloc[40:].isna().all()


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_written_cells_are_the_same_in_single_precision(tmp_path, ending):
    table = cells(("P1", "a/b"))
    source = write_profiles(table, tmp_path / f"all{ending}")
    folder = open_cells(source).write(tmp_path / "cells")
    assert sorted(file.name for file in folder.iterdir()) == ["P1.parquet", "a%2Fb.parquet"]
    back = open_cells(folder)
    features = dict.fromkeys(back.features, np.float32)
    assert_frame_equal(back.to_frame(), table.astype(features))
    assert back.write(folder) == folder
    write_profiles(table, folder / "stranger.parquet")
    with pytest.raises(FileFormatError, match=r"holds 'stranger.parquet', of other cells; name a new folder"):
        back.write(folder)


def test_values_beyond_single_precision_are_refused(tmp_path):
    table = cells()
    table.loc[0, "Cells_Area"] = 1e39
    opened = open_cells(write_profiles(table, tmp_path / "a.parquet"))
    with pytest.raises(FeatureError, match="'Cells_Area' hold values beyond"):
        opened.write(tmp_path / "cells")


def test_other_files_are_in_the_ledger(tmp_path):
    by_plate(cells(), tmp_path, ".parquet")
    for name in ("notes.md", "a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    opened = open_cells(tmp_path)
    assert opened.ledger[["name", "n"]].to_numpy().tolist() == [["'a.csv', 'b.csv'", 2], ["'notes.md'", 1]]
    assert opened.to_frame().attrs["ledger"] == opened.lines


def test_unknown_formats_options_and_files(tmp_path):
    by_plate(cells(), tmp_path, ".parquet")
    with pytest.raises(InputError, match=r"format='parkuet': choose one of .* Did you mean 'parquet'"):
        open_cells(tmp_path, format="parkuet")
    with pytest.raises(InputError, match="population='Nuclei': no option of format 'parquet', which takes 'columns'"):
        open_cells(tmp_path, population="Nuclei")
    with pytest.raises(FileFormatError, match="format='columbus': there are no object tables of Columbus"):
        open_cells(tmp_path, format="columbus")
    with pytest.raises(FileFormatError, match="no such file or folder"):
        open_cells(tmp_path / "nowhere")


def test_a_folder_of_something_else_is_refused_with_what_it_holds_and_what_is_read(tmp_path):
    (tmp_path / "image.tif").write_text("x")
    (tmp_path / "more").mkdir()
    with pytest.raises(
        FileFormatError,
        match=r"no table of cells. It is a folder, and it holds 'image.tif', 'more/'. Formats .*columbus: ",
    ):
        open_cells(tmp_path)


def test_opening_says_what_is_there_without_reading(tmp_path):
    assert (
        repr(open_cells(by_plate(cells(), tmp_path, ".parquet"))) == "<Cells in parquet files: 'P1', 'P2'; 7 columns>"
    )
