"""Trees of the Cell Painting Gallery open by any folder above; lists of deep features become columns."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.formats.cellprofiler import gallery
from cellprofiling.io.tables import read_profiles, write_profiles

JUMP = "jump_cell_counts_and_fixtures/fixtures/inputs"


def plate(name: str) -> pd.DataFrame:
    return pd.DataFrame({"Metadata_Plate": name, "Metadata_Well": ["A01", "A02"], "Cells_AreaShape_Area": [1.0, 2.0]})


def tree(folder, ending=".parquet", names=("P1", "P2")):
    for name in names:
        path = folder / "source_1" / "workspace" / "profiles" / "Batch1" / name
        path.mkdir(parents=True)
        write_profiles(plate(name), path / f"{name}{ending}")
        write_profiles(plate("other"), path / f"{name}_normalized{ending}")
    (folder / "source_1" / "workspace" / "metadata").mkdir()
    write_profiles(plate("meta"), folder / "source_1" / "workspace" / "metadata" / "well.parquet")
    return folder


@pytest.mark.parametrize("given", ["", "source_1", "source_1/workspace/profiles", "source_1/workspace/profiles/Batch1"])
def test_a_tree_opens_by_any_folder_above_the_plates(tmp_path, given):
    opened = open_cells(tree(tmp_path) / given)
    assert opened.format == "gallery"
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert_frame_equal(opened.to_frame(), pd.concat([plate("P1"), plate("P2")], ignore_index=True))
    assert_frame_equal(read_profiles(tmp_path / given), opened.to_frame())


def test_profiles_may_be_text(tmp_path):
    folder = tree(tmp_path, ".csv.gz") / "source_1" / "workspace" / "profiles"
    assert_frame_equal(read_profiles(folder), pd.concat([plate("P1"), plate("P2")], ignore_index=True))


def test_a_folder_with_tables_of_its_own_is_no_tree(tmp_path):
    write_profiles(plate("P9"), tree(tmp_path) / "P9.parquet")
    assert open_cells(tmp_path).format == "parquet"
    assert read_profiles(tmp_path)["Metadata_Plate"].unique().tolist() == ["P9"]


def test_hidden_and_deeper_folders_are_not_searched(tmp_path):
    for folder in (tmp_path / ".trash" / "P1", tmp_path.joinpath(*"1234567") / "P1"):
        folder.mkdir(parents=True)
        write_profiles(plate("P1"), folder / "P1.parquet")
    assert gallery.find(tmp_path) == []


def test_a_search_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "ENTRIES", 4)
    tree(tmp_path)
    with pytest.raises(FileFormatError, match=r"more than 4 files and folders below.*such as '.*Batch1'"):
        gallery.find(tmp_path / "source_1" / "workspace" / "profiles")
    for i in range(6):
        (tmp_path / "images" / str(i)).mkdir(parents=True)
    assert gallery.find(tmp_path / "images") == []


@pytest.mark.real
def test_profiles_of_jump_open_as_a_whole_and_equal_the_raw_files(real_data):
    files = sorted(real_data(f"{JUMP}/profiles").glob("*/workspace/profiles/*/*/*.parquet"))
    assert len(files) == 8
    raw = pd.concat([pd.read_parquet(path) for path in files], ignore_index=True)
    ours = read_profiles(real_data(f"{JUMP}/profiles"))
    assert_frame_equal(ours, raw, check_dtype=False)
    opened = open_cells(real_data(f"{JUMP}/profiles"))
    assert [partition.plate for partition in opened.partitions] == sorted(raw["Metadata_Plate"].unique())
    assert len(opened.to_frame()) == len(raw) == 3070


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "n"),
    [
        ("profiles_cpcnn_zenodo_7114558", 3),
        ("profiles_efficientnet_v2_imagenet21k_s_feature_vector_2_0260bc96", 5),
    ],
)
def test_deep_features_of_jump_become_columns(real_data, folder, n):
    table = read_profiles(real_data(f"{JUMP}/{folder}"))
    assert table.shape == (768, 4 + n)
    assert list(table)[:4] == ["Metadata_Source", "Metadata_Batch", "Metadata_Plate", "Metadata_Well"]
    path = next(real_data(f"{JUMP}/{folder}").rglob("BR00117037.parquet"))
    raw = pd.read_parquet(path)
    lists = [name for name in raw if name.endswith("_emb")]
    expected = np.hstack([np.vstack(raw[name].to_numpy()) for name in lists])
    assert np.array_equal(table.iloc[: len(raw), 4:], expected)
    with pytest.raises(FileFormatError, match=r"'BR00117037.parquet': columns .*_emb'.* hold lists of numbers"):
        open_cells(path)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2)])
def test_lists_become_columns(tmp_path, kind):
    table = pa.table(
        {"plate": ["P1", "P1"], "well": ["A01", "A02"], "emb": pa.array([[1, 2], [3, 4]], kind), "score": [5.0, 6]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    read = read_profiles(tmp_path / "a.parquet")
    assert list(read) == ["Metadata_Plate", "Metadata_Well", "emb_0", "emb_1", "score"]
    assert read[["emb_0", "emb_1"]].to_numpy().tolist() == [[1, 2], [3, 4]]


def test_lists_of_several_lengths_are_refused(tmp_path):
    for lists in ([[1.0, 2], [3]], [[1.0], None]):
        pq.write_table(pa.table({"well": ["A01", "A02"], "emb": lists}), tmp_path / "a.parquet")
        with pytest.raises(FileFormatError, match=r"'a.parquet': the lists in column 'emb' are not of one length"):
            read_profiles(tmp_path / "a.parquet")
