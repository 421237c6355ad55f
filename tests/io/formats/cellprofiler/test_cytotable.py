"""CytoTable: signed parquet and warehouses, with ids that are no features."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.cells import open_cells

SIGNED = {"data-producer": "https://github.com/cytomining/CytoTable", "data-producer-version": "1.2.6"}
IDS = [
    "Cytoplasm_Parent_Cells",
    "Cytoplasm_Parent_Nuclei",
    "Cells_ObjectNumber",
    "Nuclei_Number_Object_Number",
    "Cells_Neighbors_FirstClosestObjectNumber_Adjacent",
    "Cells_Location_Center_X",
]


def joined(plate: str = "P1", keys: str = "Image_Metadata_") -> pd.DataFrame:
    """Cells as the join leaves them: by object number within image, so that those of a well lie apart."""
    table = pd.DataFrame({"Metadata_ImageNumber": [19, 16, 23, 19, 16, 23], f"{keys}Plate": plate})
    table[f"{keys}Well"] = ["A01", "A02", "A01", "A01", "A02", "A01"]
    for i, name in enumerate(IDS):
        table[name] = np.arange(6.0) + i
    return table.assign(
        Cells_AreaShape_Area=np.arange(6) / 8, Nuclei_Intensity_MeanIntensity_DNA=[1.5, np.nan, 3, 4, 5, 6]
    )


def write(path, table: pd.DataFrame, metadata=SIGNED):
    path.parent.mkdir(parents=True, exist_ok=True)
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(metadata)
    parquet.write_table(arrow, path, row_group_size=2)
    return path


@pytest.mark.parametrize("keys", ["Image_Metadata_", "Metadata_"])
def test_a_signed_file(tmp_path, keys):
    opened = open_cells(write(tmp_path / "all.parquet", joined(keys=keys)))
    assert opened.format == "cytotable"
    assert [partition.plate for partition in opened.partitions] == ["P1"]
    assert opened.features == ["Cells_AreaShape_Area", "Nuclei_Intensity_MeanIntensity_DNA"]
    frame = opened.to_frame()
    expected = joined(keys="Metadata_")
    assert_frame_equal(frame[list(expected)], expected)
    assert frame[opened.features].dtypes.tolist() == [np.float64] * 2
    assert opened.to_frame([IDS[0]], wells=["A02"])[IDS[0]].tolist() == [1, 4]


def test_a_file_of_another_producer_is_plain_parquet(tmp_path):
    for metadata in (None, {"data-producer": "https://example.org"}):
        assert open_cells(write(tmp_path / "a.parquet", joined(), metadata)).format == "parquet"


@pytest.mark.parametrize("given", ["", "warehouse", "warehouse/profiles", "warehouse/profiles/joined_profiles"])
def test_a_warehouse_opens_by_any_of_its_folders(tmp_path, given):
    table = tmp_path / "warehouse" / "profiles" / "joined_profiles"
    for i, plate in enumerate(["P1", "P2"]):
        write(table / "data" / f"0000-{i}.parquet", joined(plate))
    write(tmp_path / "warehouse" / "profiles" / "per_image" / "data" / "0.parquet", joined("P3"))
    write(tmp_path / "warehouse" / "images" / "image_crops" / "data" / "0.parquet", joined("P4"))
    (table / "metadata").mkdir()
    (tmp_path / "warehouse" / "catalog.json").write_text("{}")
    opened = open_cells(tmp_path / given)
    assert opened.format == "cytotable"
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    assert len(opened.to_frame()) == 12


def test_of_several_tables_one_must_be_named(tmp_path):
    for name in ("all_profiles", "few_profiles"):
        write(tmp_path / "warehouse" / "profiles" / name / "data" / "0.parquet", joined())
    with pytest.raises(
        FileFormatError, match=r"holds the tables 'all_profiles', 'few_profiles'; give the folder of one"
    ):
        open_cells(tmp_path)


def test_a_warehouse_of_one_table_needs_no_name(tmp_path):
    write(tmp_path / "profiles" / "mine" / "data" / "0.parquet", joined())
    assert open_cells(tmp_path).format == "cytotable"


def test_keys_of_other_names_and_patterns(tmp_path):
    table = joined().drop(columns="Image_Metadata_Plate").rename(columns={"Image_Metadata_Well": "Image_Well"})
    path = write(tmp_path / "P7_cells.parquet", table)
    opened = open_cells(path, columns={"well": "Image_Well"}, pattern="(?P<plate>P\\d)_")
    assert opened.partitions[0].plate == "P7"
    assert opened.to_frame(["Metadata_Well"])["Metadata_Well"].tolist()[:2] == ["A01", "A02"]


def test_a_damaged_file_is_named(tmp_path):
    whole = write(tmp_path / "warehouse" / "profiles" / "joined_profiles" / "data" / "0.parquet", joined())
    whole.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match=r"0.parquet': not a whole parquet file"):
        open_cells(tmp_path)
