"""A plate is read from the row groups it lies in, and all of it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.tables import write_profiles


def screen(*, shuffled: bool) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat([10, 20, 30], [13, 1, 26]),
            "Metadata_Cell": np.arange(40),
            "Cells_Area": rng.normal(size=40).astype(np.float32),
            "Cells_Length": rng.normal(size=40).astype(np.float32),
        }
    )
    return table.sample(frac=1, random_state=1, ignore_index=True) if shuffled else table


@pytest.mark.parametrize("kind", ["int64", "float64", "str", "category"])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("rows_together", [1, 7, 100])
def test_plates_may_lie_anywhere_in_a_file(tmp_path, shuffled, rows_together, kind):
    table = screen(shuffled=shuffled).astype({"Metadata_Plate": kind})
    parquet.write_table(pa.Table.from_pandas(table), tmp_path / "a.parquet", row_group_size=rows_together)
    opened = open_cells(tmp_path / "a.parquet")
    assert [partition.plate for partition in opened.partitions] == ["10", "20", "30"]
    for partition in opened.partitions:
        rows = table["Metadata_Plate"].astype(str).str.removesuffix(".0") == partition.plate
        expected = table[rows].assign(Metadata_Plate=partition.plate).reset_index(drop=True)
        assert_frame_equal(partition.read(), expected)
        assert_frame_equal(partition.read(["Cells_Length"]), expected[["Cells_Length"]])


def test_only_the_columns_asked_for_are_read(tmp_path):
    """Bytes of another column may be damaged: they are never looked at."""
    path = tmp_path / "a.parquet"
    table = screen(shuffled=False)
    parquet.write_table(pa.Table.from_pandas(table), path, compression="none", use_dictionary=False)
    opened = open_cells(path)
    chunk = parquet.ParquetFile(path).metadata.row_group(0).column(3)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset : chunk.data_page_offset + 20] = b"\xff" * 20
    path.write_bytes(data)
    assert len(opened.to_frame(["Cells_Area"])) == 40
    with pytest.raises(FileFormatError, match="not a whole parquet file"):
        opened.to_frame()


def test_the_index_of_pandas_is_no_column(tmp_path):
    screen(shuffled=True).sample(frac=1, random_state=0).to_parquet(tmp_path / "a.parquet")
    assert list(open_cells(tmp_path).to_frame()) == list(screen(shuffled=True))


def test_types_that_differ_between_files_are_refused(tmp_path):
    write_profiles(screen(shuffled=False), tmp_path / "1.parquet")
    write_profiles(screen(shuffled=False).assign(Metadata_Cell="x"), tmp_path / "2.parquet")
    with pytest.raises(FileFormatError, match="columns 'Metadata_Cell' are not of one type"):
        open_cells(tmp_path)
