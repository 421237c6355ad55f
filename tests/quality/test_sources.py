"""Flags of cells and measures of images, from wherever they come."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError
from cellprofiling.quality.sources import flagged_shares, image_measures

PLATE, WELL, COUNT = "Metadata_Plate", "Metadata_Well", "Metadata_Object_Count"


@pytest.fixture
def cells() -> pd.DataFrame:
    """Return two plates of two wells with 50 cells each, some small, some without an area."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({PLATE: np.repeat(["P1", "P2"], 100), WELL: np.tile(np.repeat(["a1", "A02"], 50), 2)})
    area = rng.normal(100, 5, 200)
    area[:10], area[60:65] = 5, np.nan
    return table.assign(Nuclei_Area=area)


def shares(cells, wells=None):
    wells = pd.DataFrame({PLATE: ["P1"], WELL: ["A01"]}) if wells is None else wells
    return flagged_shares(cells, wells, wells[[PLATE, WELL]], PLATE, WELL, COUNT)


def test_flags_of_this_package_are_counted_by_well(cells, tmp_path: Path) -> None:
    flagged = cpf.flag_cells(cells, ["small", "missing"])
    table, why = shares(flagged)
    assert why == ""
    assert table.columns.tolist() == [PLATE, WELL, "n_cells", "flagged", "missing", "small"]
    assert table[[PLATE, WELL]].values.tolist() == [["P1", "A01"], ["P1", "A02"], ["P2", "A01"], ["P2", "A02"]]
    assert table["n_cells"].tolist() == [50] * 4
    assert table["small"].tolist() == [0.2, 0, 0, 0]
    assert table["missing"].tolist() == [0, 0.1, 0, 0]
    assert table["flagged"].tolist() == [0.2, 0.1, 0, 0]


def test_cells_in_files_give_the_same_read_a_plate_at_a_time(cells, tmp_path: Path) -> None:
    for plate, part in cells.groupby(PLATE):
        part.to_parquet(tmp_path / f"{plate}.parquet", index=False)
    opened = cpf.flag_cells(cpf.open_cells(tmp_path), ["small", "missing"])
    assert len(opened.partitions) == 2
    pd.testing.assert_frame_equal(shares(opened)[0], shares(cpf.flag_cells(cells, ["small", "missing"]))[0])


def test_counts_of_flags_beside_aggregated_wells_say_the_same(cells) -> None:
    """`aggregate` counts each flag and what was left out: no second look at the cells is needed."""
    flagged = cpf.flag_cells(cells, ["small", "missing"])
    for exclude in (None, "Metadata_QC_Flagged"):
        wells = cpf.aggregate(flagged, exclude=exclude)
        found = shares(None, wells.assign(Metadata_Well=wells[WELL].replace("a1", "A01")))[0]
        expected = shares(flagged)[0]
        pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)


@pytest.mark.parametrize(
    "name", ["Metadata_cqc_small_is_outlier", "cqc.small.is_outlier", "Metadata_QCFlag", "Image_Metadata_QCFlag"]
)
def test_flags_of_others_are_read(cells, name) -> None:
    """coSMicQC and CellProfiler; a flag that is missing is a state of its own and counts as flagged."""
    flag = pd.Series([True] * 10 + [None] * 5 + [False] * 185, dtype="boolean")
    table, _ = shares(cells.assign(**{name: flag}))
    assert table["flagged"].tolist() == [0.3, 0, 0, 0]
    assert table["missing"].tolist() == [0.1, 0, 0, 0]
    numbers = shares(cells.assign(**{name: flag.astype(float)}))[0]
    assert numbers["flagged"].tolist() == [0.3, 0, 0, 0]
    texts = shares(cells.assign(**{name: flag.astype(object)}))[0]
    assert texts["flagged"].tolist() == [0.3, 0, 0, 0]


def test_cells_without_flags_are_skipped_and_say_why(cells) -> None:
    assert shares(cells) == (None, UNFLAGGED)
    assert shares(None)[0] is None
    with pytest.raises(ColumnError, match="cells='Metadata_Well'"):
        shares(cells.drop(columns=WELL))


UNFLAGGED = "The cells carry no flags: give what flag_cells() returns, or flags of coSMicQC or CellProfiler."


def test_image_measures_are_read_under_either_name(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {PLATE: [1, 1], WELL: ["a1", "B2"], "Image_ImageQuality_FocusScore_DNA": [0.1, 0.2], "Other": 3}
    )
    found, why = image_measures(table, PLATE, WELL)
    assert why == ""
    assert found.columns.tolist() == [PLATE, WELL, "ImageQuality_FocusScore_DNA"]
    assert found[[PLATE, WELL]].values.tolist() == [["1", "A01"], ["1", "B02"]]
    table.to_csv(tmp_path / "images.csv", index=False)
    pd.testing.assert_frame_equal(image_measures(tmp_path / "images.csv", PLATE, WELL)[0], found)
    assert image_measures(table[[PLATE, "Other"]], PLATE, WELL)[0] is None
    assert image_measures(None, PLATE, WELL)[1].startswith("No measurements of images")
    with pytest.raises(ColumnError, match="images='Metadata_Plate'"):
        image_measures(table.drop(columns=PLATE), PLATE, WELL)
