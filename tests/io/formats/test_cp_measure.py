"""Tables of cp_measure: one row for each object of each mask, of which one kind is read."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import InputError
from cellprofiling.core.names import parse_features
from cellprofiling.io.cells import open_cells

FEATURES = [
    "Area",
    "MajorAxisLength",
    "Zernike_3_1",
    "Intensity_MeanIntensity__DNA",
    "RadialDistribution_FracAtD_1of4__ER",
    "Correlation_Pearson__DNA__ER",
    "Contrast_3_00_256__DNA",
    "Granularity_2__ER",
]


def rows(objects=("nuclei", "cells"), images=("P1_A01_s1", "P1_A02_s1")) -> pd.DataFrame:
    """As `pandas.DataFrame(rows, columns=["image_id", "object_name", "label"])` beside the features."""
    keys = [(image, kind, label) for image in images for kind in objects for label in (1, 2)]
    table = pd.DataFrame(keys, columns=["image_id", "object_name", "label"])
    for i, name in enumerate(FEATURES):
        table[name] = [i + row / 8 for row in range(len(table))]
    return table.assign(Center_X=1.5, BoundingBoxMinimum_X=3)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_kind_of_object_is_read(tmp_path, ending):
    path = tmp_path / f"featurized.{ending}"
    rows().to_csv(path, index=False) if ending == "csv" else rows().to_parquet(path)
    with pytest.raises(InputError, match="the files hold 'cells', 'nuclei': choose one with population='cells'"):
        open_cells(path)
    with pytest.raises(InputError, match="population='nucleus': choose one of 'cells', 'nuclei'"):
        open_cells(path, population="nucleus")
    opened = open_cells(path, population="nuclei")
    assert opened.format == "cp_measure"
    assert opened.features == FEATURES
    expected = rows()[rows()["object_name"] == "nuclei"].reset_index(drop=True)
    frame = opened.to_frame()
    assert_frame_equal(frame[FEATURES], expected[FEATURES])
    assert frame["Metadata_Well"].tolist() == ["A01", "A01", "A02", "A02"]
    assert frame["Metadata_Population"].unique().tolist() == ["nuclei"]
    assert opened.to_frame(["Area"])["Area"].tolist() == expected["Area"].tolist()
    assert opened.to_frame(["Metadata_Plate"])["Metadata_Plate"].tolist() == ["P1"] * 4


def test_one_mask_needs_no_choice(tmp_path):
    rows(objects=("cells",)).to_csv(tmp_path / "t.csv", index=False)
    assert len(open_cells(tmp_path).to_frame()) == 4


def test_tables_without_object_names_and_images(tmp_path):
    rows(("cells",), ("x",)).drop(columns=["image_id", "object_name"]).to_csv(tmp_path / "P7_B03.csv", index=False)
    opened = open_cells(tmp_path)
    assert opened.to_frame(["Metadata_Well"])["Metadata_Well"].tolist() == ["B03", "B03"]
    with pytest.raises(InputError, match="population='cells': no column says of what kind the objects are"):
        open_cells(tmp_path, population="cells")


def test_images_that_are_numbers_leave_the_file_name(tmp_path):
    rows(("cells",), (0, 1)).to_parquet(tmp_path / "P7_B03.parquet")
    frame = open_cells(tmp_path).to_frame(["Metadata_Image", "Metadata_Plate"])
    assert frame["Metadata_Image"].tolist() == [0, 0, 1, 1]
    assert frame["Metadata_Plate"].tolist() == ["P7"] * 4


def test_every_name_is_read():
    parsed = parse_features(FEATURES)
    assert (parsed["kind"] == "morphology").all()
    assert parsed.loc[5, "channel"] == "DNA|ER"


@pytest.mark.parametrize("name", ["Cells_Area__mad", "Cells_AreaShape_Area", "area", "score"])
def test_other_names_are_not_taken_for_cp_measure(tmp_path, name):
    (tmp_path / "P1_A01.csv").write_text(f"label,{name}\n1,2\n")
    assert open_cells(tmp_path).format != "cp_measure"
