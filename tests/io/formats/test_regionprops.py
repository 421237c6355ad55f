"""Tables of scikit-image: lengths and intensities are features, places and labels never."""

import pandas as pd
import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.names import parse_features
from cellprofiling.io.cells import open_cells

# As `regionprops_table` of scikit-image 0.25 names them for a mask of two cells and an image of two channels
COLUMNS = {
    "label": [1, 2],
    "bbox-0": [0, 4],
    "bbox-1": [0, 4],
    "bbox-2": [3, 9],
    "bbox-3": [3, 9],
    "centroid-0": [1.0, 6.0],
    "centroid-1": [1.0, 6.0],
    "centroid_local-0": [1.0, 2.0],
    "centroid_weighted-0-1": [1.0, 6.0],
    "area": [9.0, 25.0],
    "area_convex": [9.0, 25.0],
    "axis_major_length": [3.3, 5.7],
    "eccentricity": [0.0, 0.0],
    "euler_number": [1, 1],
    "feret_diameter_max": [4.2, 7.1],
    "inertia_tensor-0-1": [0.0, -0.0],
    "intensity_mean-0": [0.5, 0.25],
    "intensity_mean-1": [5.0, 2.5],
    "moments_hu-6": [0.0, 0.0],
    "orientation": [0.78, 0.78],
    "perimeter": [8.0, 16.0],
    "solidity": [1.0, 1.0],
}
PLACES = ["bbox-0", "bbox-1", "bbox-2", "bbox-3", "centroid-0", "centroid-1", "centroid_local-0"]
NO_FEATURES = ["label", *PLACES, "centroid_weighted-0-1", "orientation"]


def test_places_and_labels_are_no_features(tmp_path):
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "P1_A01_s1.csv", index=False)
    opened = open_cells(tmp_path)
    assert opened.format == "regionprops"
    assert opened.features == [name for name in COLUMNS if name not in NO_FEATURES]
    frame = opened.to_frame()
    assert frame["centroid-1"].tolist() == [1, 6]
    assert frame["axis_major_length"].tolist() == [3.3, 5.7]


def test_an_index_that_pandas_wrote_is_no_column(tmp_path):
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "P1_A01_s1.csv")
    assert open_cells(tmp_path).format == "regionprops"
    assert "Unnamed: 0" not in open_cells(tmp_path).to_frame()


def test_properties_of_pixels_have_channels_and_all_are_known():
    parsed = parse_features([name for name in COLUMNS if name not in NO_FEATURES]).set_index("name")
    assert (parsed["kind"] == "morphology").all()
    assert parsed.loc[["intensity_mean-1", "area"], "channel"].tolist() == ["1", None]
    assert parsed.loc[["inertia_tensor-0-1", "moments_hu-6"], "scale"].tolist() == ["0-1", "6"]
    old = parse_features(["mean_intensity-0", "convex_area", "major_axis_length", "weighted_moments_central-0-1"])
    assert old["group"].tolist() == ["Intensity", "AreaShape", "AreaShape", "Intensity"]


def test_names_as_paths_are_read(tmp_path):
    pd.DataFrame(COLUMNS).assign(filename="/raw/P3/B04_f2.tif").to_csv(tmp_path / "table.csv", index=False)
    first = open_cells(tmp_path).to_frame().iloc[0]
    assert [first[f"Metadata_{key}"] for key in ("Plate", "Well", "Site")] == ["P3", "B04", 2]


def test_a_table_without_a_name_that_says_where_is_refused(tmp_path):
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "regionprops.csv", index=False)
    with pytest.raises(FileFormatError, match="no column says the well"):
        open_cells(tmp_path)


def test_tables_of_a_real_run_open(tmp_path):
    measure = pytest.importorskip("skimage.measure", reason="scikit-image is not installed")
    import numpy as np

    mask = np.zeros((20, 20), dtype=int)
    mask[1:4, 1:4], mask[10:18, 8:12] = 1, 2
    properties = ("label", "area", "bbox", "centroid", "intensity_mean", "orientation", "moments_hu")
    table = measure.regionprops_table(mask, np.dstack([mask, mask * 2.0]), properties=properties)
    pd.DataFrame(table).to_csv(tmp_path / "P1_A01_s1.csv", index=False)
    opened = open_cells(tmp_path)
    assert opened.features == ["area", "intensity_mean-0", "intensity_mean-1", *(f"moments_hu-{i}" for i in range(7))]
    assert opened.to_frame()["intensity_mean-1"].tolist() == [2, 4]
