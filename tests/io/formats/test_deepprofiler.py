"""DeepProfiler: the numbers that pycytominer reads, with plate and well, and without running a pickle."""

import os
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, InputError
from cellprofiling.io.cells import open_cells

FOLDER = "cellprofiler_formats/deepprofiler"
SQ = f"{FOLDER}/SQ00014812_and_SQ00014813"
PLATE = f"{SQ}/outputs/results/features/SQ00014812"


@pytest.fixture(scope="module")
def pycytominer():
    """Give pycytominer's readers; importing it switches a pandas option for the whole process, switched back here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pd.get_option("mode.copy_on_write")
        from pycytominer.cyto_utils import load

        pd.set_option("mode.copy_on_write", before)
    return load


@pytest.mark.real
@pytest.mark.parametrize("path", [SQ, f"{SQ}/outputs/results", PLATE, f"{PLATE}/A01_5.npz"])
def test_cells_are_those_of_pycytominer(real_data, pycytominer, path):
    """pycytominer 1.7.1; chosen differently: metadata that are numbers are numbers, and nothing is "", but missing."""
    peer = pycytominer.load_npz_features(str(real_data(f"{PLATE}/A01_5.npz")))
    places = pycytominer.load_npz_locations(str(real_data(f"{PLATE}/A01_5.npz")))
    opened = open_cells(real_data(path))
    frame = opened.to_frame()
    assert opened.format == "deepprofiler"
    assert opened.partitions[0].n_cells == len(frame) == 158
    assert opened.features == [name for name in peer if not name.startswith("Metadata_")]
    assert opened.features[0] == "efficientnet_0"
    assert_array_equal(frame[opened.features], peer[opened.features], strict=True)
    assert_array_equal(frame[list(places)], places)
    metadata = [name for name in peer if name.startswith("Metadata_")]
    assert [name for name in frame if name.startswith("Metadata_")] == metadata
    assert (
        frame[metadata].astype(object).fillna("").astype(str).to_numpy().tolist() == peer[metadata].to_numpy().tolist()
    )
    assert frame["Metadata_Site"].dtype == np.int64
    assert set(opened.schema) == set(frame)


@pytest.mark.real
def test_the_site_is_one_of_the_index_of_the_run(real_data):
    index = pd.read_csv(real_data(f"{SQ}/inputs/metadata/test_index.csv"))
    row = (
        open_cells(real_data(SQ)).to_frame(["Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_DNA"]).iloc[0]
    )
    found = index[(index["Metadata_Well"] == row["Metadata_Well"]) & (index["Metadata_Site"] == row["Metadata_Site"])]
    assert found.loc[found["Metadata_Plate"] == row["Metadata_Plate"], "DNA"].tolist() == [row["Metadata_DNA"]]


@pytest.mark.real
def test_a_file_without_locations(real_data, pycytominer):
    opened = open_cells(real_data(f"{FOLDER}/Week1_22123"))
    peer = pycytominer.load_npz_features(str(opened.partitions[0].paths[0]))
    frame = opened.to_frame()
    assert frame.shape == peer.shape == (206, 54)
    assert_array_equal(frame[opened.features], peer[opened.features])
    assert frame[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]].iloc[0].tolist() == ["Week1_22123", "B02", "s1"]
    assert opened.ledger["reason"].tolist() == ["no locations of its cells: their columns are left out"]


def write(path, n=3, metadata=None, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.arange(n * 2, dtype=np.float32).reshape(n, 2)
    arrays = {"features": x, "locations": np.ones((n, 2))} | more
    np.savez(path, **arrays, **({} if metadata is None else {"metadata": np.array(metadata, dtype=object)}))
    return path


def test_without_metadata_the_path_says_where(tmp_path):
    write(tmp_path / "features" / "P1" / "A01_1.npz", 2)
    write(tmp_path / "features" / "P1" / "B2_s3.npz", 1)
    write(tmp_path / "features" / "P2" / "A01_1.npz", 4)
    opened = open_cells(tmp_path)
    assert [(partition.plate, partition.n_cells) for partition in opened.partitions] == [("P1", 3), ("P2", 4)]
    frame = opened.to_frame()
    assert frame["Metadata_Well"].tolist() == ["A01", "A01", "B02"] + ["A01"] * 4
    assert frame["DP_1"].tolist() == [1, 3, 1, 1, 3, 5, 7]
    assert opened.partitions[0].read(["Metadata_Site"])["Metadata_Site"].tolist() == ["1", "1", "s3"]
    assert list(opened.partitions[0].read(["DP_1", "Metadata_Well", "Location_Center_Y"])) == [
        "DP_1",
        "Metadata_Well",
        "Location_Center_Y",
    ]
    assert opened.features == ["DP_0", "DP_1"]


def test_a_folder_for_each_well(tmp_path):
    write(tmp_path / "P1" / "C03" / "2.npz")
    first = open_cells(tmp_path).to_frame().iloc[0]
    assert [first[f"Metadata_{key}"] for key in ("Plate", "Well", "Site")] == ["P1", "C03", 2]


def test_other_paths_need_a_pattern(tmp_path):
    write(tmp_path / "P1-C03-2.npz")
    with pytest.raises(FileFormatError, match="no plate and well in its metadata, nor does its path say"):
        open_cells(tmp_path)
    with pytest.raises(ColumnError, match="finds no 'Metadata_Well'"):
        open_cells(tmp_path, pattern=r"(?P<plate>P\d)")
    opened = open_cells(tmp_path, pattern=r"(?P<plate>P\d)-(?P<well>[A-P]\d+)-(?P<site>\d)")
    assert opened.to_frame(["Metadata_Plate", "Metadata_Well", "Metadata_Site"]).iloc[0].tolist() == ["P1", "C03", 2]
    with pytest.raises(InputError, match=r"columns=.*: no option of format 'deepprofiler', which takes 'pattern'"):
        open_cells(tmp_path, columns={"well": "x"})


def test_a_pattern_beside_metadata_is_refused(tmp_path):
    write(tmp_path / "P1-C03.npz", metadata={"Metadata_Plate": "P1", "Metadata_Well": "C3"})
    assert open_cells(tmp_path).to_frame(["Metadata_Well"])["Metadata_Well"].tolist() == ["C03"] * 3
    with pytest.raises(ColumnError, match="the metadata of the files say plate and well already; leave it out"):
        open_cells(tmp_path, pattern=r"(?P<plate>P\d)-(?P<well>[A-P]\d+)")


def test_sites_without_cells_are_left_out(tmp_path):
    write(tmp_path / "P1" / "A01_1.npz")
    write(tmp_path / "P1" / "A01_2.npz", 0)
    opened = open_cells(tmp_path)
    assert len(opened.to_frame()) == 3
    assert opened.ledger["name"].tolist() == ["A01_2.npz"]
    with pytest.raises(FileFormatError, match=r"no cells in 'A01_2.npz'"):
        open_cells(tmp_path / "P1" / "A01_2.npz")


def test_files_that_do_not_go_together_are_refused(tmp_path):
    write(tmp_path / "P1" / "A01_1.npz")
    other = write(tmp_path / "P1" / "A01_2.npz", features=np.ones((3, 5), dtype=np.float32))
    with pytest.raises(FileFormatError, match=r"'A01_2.npz' has 'DP_2', 'DP_3', 'DP_4' more than 'A01_1.npz'"):
        open_cells(tmp_path)
    write(other, features=np.ones(3, dtype=np.float32))
    with pytest.raises(FileFormatError, match=r"A01_2.npz': 'features' has the shape \(3,\), not \(cells, features\)"):
        open_cells(tmp_path)
    write(other, locations=np.ones((2, 2)))
    with pytest.raises(FileFormatError, match=r"A01_2.npz': 2 locations of 3 cells"):
        open_cells(tmp_path).to_frame()
    np.savez(other, something=np.ones(3))
    with pytest.raises(FileFormatError, match=r"A01_2.npz': holds 'something' and no 'features'; leave it out"):
        open_cells(tmp_path)
    write(other, metadata=["a", "b"])
    with pytest.raises(FileFormatError, match=r"A01_2.npz': its 'metadata' are no dictionary"):
        open_cells(tmp_path)


def test_metadata_that_run_a_program_are_refused(tmp_path):
    class Touch:
        def __reduce__(self) -> tuple:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    write(tmp_path / "P1" / "A01_1.npz", metadata={"Metadata_Plate": Touch()})
    with pytest.raises(
        FileFormatError, match=r"A01_1.npz': holds a pickle that asks for posix.system, which is no data"
    ):
        open_cells(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_file_cut_short_is_named(tmp_path):
    whole = write(tmp_path / "P1" / "A01_1.npz").read_bytes()
    shutil.copy(tmp_path / "P1" / "A01_1.npz", tmp_path / "P1" / "A02_1.npz")
    (tmp_path / "P1" / "A02_1.npz").write_bytes(whole[:-100])
    with pytest.raises(FileFormatError, match=r"A02_1.npz': not a whole npz file"):
        open_cells(tmp_path)


def test_other_npz_files_are_not_taken_for_it(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(FileFormatError, match="no table of cells"):
        open_cells(tmp_path)
