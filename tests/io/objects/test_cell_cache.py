"""The cache holds the same cells, a well's cells together, in the layout that is read fastest."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from cellprofiling.core.errors import FeatureError
from cellprofiling.core.ledgers import Ledger
from cellprofiling.core.progress import Progress
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects import cell_cache
from cellprofiling.io.objects.cell_cache import Scratch
from cellprofiling.io.objects.partitions import in_memory
from cellprofiling.io.tables import write_profiles

FEATURES = ["Cells_Area", "Cells_Length", "Nuclei_Area"]


def screen(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": rng.choice(["P1", "P2"], n),
            "Metadata_Well": rng.choice(["A01", "A02", "B11", "P24"], n),
            "Metadata_ObjectNumber": np.arange(n),
            "Metadata_Gene": rng.choice(["TP53", None], n),
            "Location_Center_X": rng.random(n),
        }
    )
    x = rng.normal(1e6, 1, (n, 3))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[0, :2] = np.inf, -np.inf
    return pd.concat([metadata, pd.DataFrame(x, columns=FEATURES)], axis=1)


def by_well(cells: pd.DataFrame) -> pd.DataFrame:
    in_order = cells.sort_values(["Metadata_Plate", "Metadata_Well"], kind="stable", ignore_index=True)
    return in_order.astype(dict.fromkeys(FEATURES, np.float32))


@pytest.mark.parametrize("source", [".parquet", ".csv", "a file for each well"])
@pytest.mark.parametrize("small", [False, True])
def test_cells_are_the_same_and_a_wells_cells_lie_together(tmp_path, monkeypatch, source, small):
    if small:
        for name in ("GROUP_BYTES", "BATCH_BYTES", "SCRATCH_BYTES"):
            monkeypatch.setattr(cell_cache, name, 100)
    cells = screen()
    if source == "a file for each well":
        for i, (_, rows) in enumerate(cells.groupby(["Metadata_Plate", "Metadata_Well"])):
            write_profiles(rows, tmp_path / f"{i}.parquet")
        opened = open_cells(tmp_path)
    else:
        opened = open_cells(write_profiles(cells, tmp_path / f"cells{source}"))
    folder = opened.write(tmp_path / "cache")
    assert_frame_equal(open_cells(folder).to_frame(), by_well(cells))
    assert sorted(file.name for file in folder.iterdir()) == ["P1.parquet", "P2.parquet"]


def test_the_layout_is_the_one_that_is_read_fastest(tmp_path):
    folder = open_cells(write_profiles(screen(), tmp_path / "cells.parquet")).write(tmp_path / "cache")
    file = parquet.ParquetFile(folder / "P1.parquet")
    assert file.num_row_groups == 1
    group = file.metadata.row_group(0)
    chunks = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name in FEATURES:
        field = file.schema_arrow.field(name)
        assert (str(field.type), field.nullable) == ("float", False)
        assert not chunks[name].has_dictionary_page
    assert {chunk.compression for chunk in chunks.values()} == {"LZ4"}
    assert chunks["Metadata_Well"].has_dictionary_page


def test_pieces_of_some_wells_lie_one_after_the_other(tmp_path):
    """Labels that are numbers in one piece and text in another are text in all."""
    plate = screen().query("Metadata_Plate == 'P1'").assign(Metadata_Dose=1)
    first, second = (plate[plate["Metadata_Well"].isin(wells)] for wells in (["A01", "A02"], ["B11", "P24"]))
    second = second.assign(Metadata_Dose="high")
    pieces = tuple(
        replace(in_memory(some), plate="P1", wells=tuple(some["Metadata_Well"].unique()), size=7, columnar=False)
        for some in (first, second)
    )
    told: list[Progress] = []
    cells = Cells("delimited", pieces, plate.iloc[:0], Ledger())
    back = open_cells(cells.write(tmp_path / "cache", progress=told.append)).to_frame()
    expected = by_well(pd.concat([first.astype({"Metadata_Dose": str}), second]))
    assert_frame_equal(back[list(expected)], expected)
    n = len(first)
    assert told == [Progress("P1", 1, 2, n, 7), Progress("P1", 2, 2, len(plate), 14)]


def test_a_value_too_large_leaves_no_file(tmp_path):
    cells = screen()
    cells.loc[3, "Cells_Length"] = -1e39
    with pytest.raises(
        FeatureError, match=r"features 'Cells_Length' hold values beyond 3.4e\+38, too large for float32"
    ):
        open_cells(write_profiles(cells, tmp_path / "cells.parquet")).write(tmp_path / "cache")
    assert [file.name for file in (tmp_path / "cache").iterdir() if file.name != "P1.parquet"] == []


def test_the_scratch_gives_back_what_it_was_given(tmp_path):
    x, y = np.arange(12, dtype=np.float32).reshape(2, 6), np.arange(6, dtype=np.float32).reshape(2, 3) + 100
    with Scratch(tmp_path) as scratch:
        for block in (x, y):
            for name, values in zip("ab", block, strict=True):
                scratch.add(name, values)
        assert scratch.get("b", slice(4, 8)).tolist() == [10, 11, 103, 104]
        assert scratch.get("a", slice(0, 9)).tolist() == [*x[0], *y[0]]
        assert scratch.get("a", slice(6, 7)).tolist() == [100]
