"""h5ad files are read as anndata of three ages wrote them, and written so that nothing changes sides."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, InputError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.storage import h5ad
from cellprofiling.io.tables import read_profiles, write_profiles

# Written by anndata of the versions in their names, all from one object: X sparse by columns, by rows, dense
WRITTEN = sorted((Path(__file__).parent / "data").glob("anndata_*.h5ad"))
FEATURES = ["Cells_AreaShape_Area", "Cells_Intensity_MeanIntensity_DNA"]


def profiles(dtype: type = np.float32) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": ["00123"] * 3 + ["P2"] * 3,
            "Metadata_Well": [f"A{i + 1:02d}" for i in range(6)],
            "Metadata_Gene": ["NA", None, "nan", "TP53", "µ,b", ""],
            "Metadata_Dose": [0.1, 1e-5, 10, np.nan, 0, 2.5],
            "Metadata_Batch": range(6),
            "Metadata_QC_Keep": [True, False] * 3,
            "Location_Center_X": np.arange(6) * 0.5,
            "Parent_Cells": range(6),
        }
    )
    x = rng.normal(1e6, 1e-3, (6, 3)).astype(dtype)
    x[0, 0] = np.nan
    return pd.concat([metadata, pd.DataFrame(x, columns=[*FEATURES, "F Actin Intensity/Bckg wv2"])], axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_comes_back_as_it_was(tmp_path, dtype):
    path = write_profiles(profiles(dtype), tmp_path / "a.h5ad")
    assert_frame_equal(read_profiles(path), profiles(dtype))
    opened = open_cells(path)
    assert opened.format == "h5ad"
    assert_frame_equal(opened.to_frame(), profiles(dtype))
    assert opened.ledger.empty


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_files_of_anndata_are_read(path):
    table = read_profiles(path)
    assert table["Metadata_Plate"].tolist() == ["1001"] * 3 + ["1002"] * 3
    assert table["Metadata_Well"].tolist() == ["A01", "A01", "B02", "A01", "B02", "B02"]
    assert table["Metadata_Dose"].fillna(-1).tolist() == [0.5, -1, 1, 2, 4, 8]
    assert table["Metadata_Kind"].fillna("").tolist() == ["x", "", "y", "x", "y", "y"]
    assert table["Metadata_Keep"].tolist() == [True, False, True, True, True, False]
    assert table["Metadata_ObsName"].tolist() == [f"c{i}" for i in range(6)]
    assert table["Location_Center_X"].tolist() == [0, 1.5, 3, 4.5, 6, 7.5]
    assert table["Metadata_Batch"].tolist() == [7] * 6, "a number that another program put into X"
    assert table[FEATURES].to_numpy().tolist() == [[i, 0 if i % 2 else i / 8] for i in range(6)]
    opened = open_cells(path)
    assert opened.features == FEATURES
    assert set(opened.schema.dtypes[FEATURES]) == {np.dtype(np.float32)}
    assert [(partition.plate, partition.n_cells) for partition in opened.partitions] == [("1001", 3), ("1002", 3)]
    assert_frame_equal(opened.to_frame(), table)
    columns = [FEATURES[1], "Metadata_Well", "Metadata_ObsName"]
    assert_frame_equal(opened.partitions[1].read(columns), table.loc[3:, columns].reset_index(drop=True))
    assert opened.ledger["reason"].tolist() == ["left out: 'obsm/X_umap', 'uns/note'; only X and obs are read"]


def test_there_are_files_of_three_versions():
    assert len(WRITTEN) == 3


@pytest.mark.parametrize("at_once", [1, 40, 1 << 25])
def test_plates_may_lie_anywhere_and_are_read_in_pieces(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(h5ad, "AT_ONCE", at_once)
    shuffled = profiles().sample(frac=1, random_state=0, ignore_index=True)
    opened = open_cells(write_profiles(shuffled, tmp_path / "a.h5ad"))
    for partition in opened.partitions:
        rows = shuffled[shuffled["Metadata_Plate"] == partition.plate].reset_index(drop=True)
        assert_frame_equal(partition.read(), rows)
        assert_frame_equal(partition.read(FEATURES[::-1]), rows[FEATURES[::-1]])
        assert_frame_equal(partition.read(["Metadata_Plate"]), rows[["Metadata_Plate"]])


def test_several_files_and_the_file_name_as_plate(tmp_path):
    for name in ("P1", "P2"):
        write_profiles(profiles().drop(columns="Metadata_Plate"), tmp_path / f"{name}.h5ad")
    opened = open_cells(tmp_path)
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert opened.to_frame(["Metadata_Plate", FEATURES[0]])["Metadata_Plate"].tolist() == ["P1"] * 6 + ["P2"] * 6
    assert opened.ledger["reason"].unique() == ["no Metadata_Plate: the file name is taken as the plate"]
    assert "Metadata_Plate" not in read_profiles(tmp_path)


def test_columns_of_other_names(tmp_path):
    path = write_profiles(
        profiles().rename(columns={"Metadata_Plate": "Barcode"}).rename(columns={"Barcode": "Metadata_Barcode"}),
        tmp_path / "a.h5ad",
    )
    opened = open_cells(path, columns={"plate": "Metadata_Barcode"})
    assert [partition.plate for partition in opened.partitions] == ["00123", "P2"]
    with pytest.raises(ColumnError, match="'Barkode' is no column"):
        open_cells(path, columns={"plate": "Barkode"})
    with pytest.raises(InputError, match="population='x': no option of format 'h5ad', which takes 'columns'"):
        open_cells(path, population="x")


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.bool_])
def test_other_types_of_x_become_floats(tmp_path, dtype):
    path = write_profiles(profiles(), tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = np.ones((6, 3), dtype=dtype)
    expected = np.float32 if dtype == np.float16 else np.float64
    assert set(read_profiles(path).dtypes[FEATURES]) == {np.dtype(expected)}


def test_numbers_with_gaps_come_back(tmp_path):
    table = profiles().assign(
        Metadata_N=pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
        Metadata_Yes=pd.array([True, None, False] * 2, dtype="boolean"),
        Metadata_None=None,
    )
    back = read_profiles(write_profiles(table, tmp_path / "a.h5ad"))
    assert back["Metadata_N"].fillna(-1).tolist() == [1, -1, 3, 4, 5, 6]
    assert back["Metadata_Yes"].isna().tolist() == [False, True, False] * 2
    assert back["Metadata_None"].isna().all()


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="columns 'Metadata_a/b' cannot be named so in an h5ad file"):
        write_profiles(profiles().assign(**{"Metadata_a/b": 1}), tmp_path / "a.h5ad")
    with pytest.raises(FileFormatError, match="column 'Metadata_Day': values of type timestamp"):
        write_profiles(profiles().assign(Metadata_Day=pd.Timestamp("2024-01-01")), tmp_path / "a.h5ad")
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_and_other_hdf5_are_named(tmp_path):
    path = write_profiles(profiles(), tmp_path / "a.h5ad")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"a.h5ad': not a whole h5ad file \(.*copy it again"):
        open_cells(path)
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"a.h5ad': is empty \(0 bytes\)"):
        read_profiles(path)
    with h5py.File(path, "w") as file:
        file["image"] = np.ones(3)
    with pytest.raises(FileFormatError, match=r"a.h5ad': holds no 'obs', 'var', 'X'; write it with anndata"):
        read_profiles(path)
    with h5py.File(path, "w") as file:
        file["X"], file["var"] = np.ones((1, 1)), np.array([(b"a",)], dtype=[("index", "S1")])
        file["obs"] = np.array([(b"a",)], dtype=[("index", "S1")])
    with pytest.raises(FileFormatError, match=r"a.h5ad': is of anndata before 0.7"):
        read_profiles(path)


def test_elements_that_are_not_read_are_named(tmp_path):
    path = write_profiles(profiles(), tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs"].create_group("odd").attrs["encoding-type"] = "awkward-array"
        file["obs"].attrs["column-order"] = np.array([*file["obs"].attrs["column-order"], "odd"], dtype=object)
    with pytest.raises(FileFormatError, match="column 'odd' of obs is stored as 'awkward-array', which is not read"):
        read_profiles(path)
    path = write_profiles(profiles(), tmp_path / "b.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        group = file.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = "dia_matrix", (6, 3)
        group["data"] = np.ones(3)
    with pytest.raises(FileFormatError, match="X is stored as 'dia_matrix', which is not read"):
        read_profiles(path)


def test_doubled_names_and_missing_plates_are_refused(tmp_path):
    path = write_profiles(profiles(), tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["var/_index"][1] = FEATURES[0]
    with pytest.raises(FileFormatError, match="names in var occur more than once"):
        read_profiles(path)
    path = write_profiles(profiles().assign(Metadata_Plate=["P1", None] * 3), tmp_path / "b.h5ad")
    with pytest.raises(FileFormatError, match="3 of 6 cells have no plate; fill it in"):
        open_cells(path)


def test_a_column_in_obs_and_in_x_counts_once(tmp_path):
    path = write_profiles(profiles(), tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["var/_index"][2] = "Metadata_Batch"
    opened = open_cells(path)
    assert opened.to_frame()["Metadata_Batch"].tolist() == [0, 1, 2, 3, 4, 5]
    assert opened.ledger[["name", "reason"]].to_numpy().tolist() == [["Metadata_Batch", "left out: in obs too"]]


def test_a_file_without_cells_is_left_out(tmp_path):
    write_profiles(profiles(), tmp_path / "a.h5ad")
    write_profiles(profiles().iloc[:0], tmp_path / "b.h5ad")
    opened = open_cells(tmp_path)
    assert len(opened.to_frame()) == 6
    assert opened.ledger["reason"].tolist() == ["left out: it holds no cells"]


def test_without_h5py_what_to_install_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(InputError, match=r"h5ad files need the package h5py: pip install 'cellprofiling\[h5ad\]'"):
        write_profiles(profiles(), tmp_path / "a.h5ad")
