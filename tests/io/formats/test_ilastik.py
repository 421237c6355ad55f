"""Object tables of ilastik: classes are labels, probabilities and places no features."""

import pytest

from cellprofiling.core.names import parse_features
from cellprofiling.io.cells import open_cells

HEADER = (
    "object_id,timestep,labelimage_oid,User Label,Predicted Class,Probability of live,Probability of dead,"
    "Bounding Box Maximum_0,Bounding Box Maximum_1,Bounding Box Minimum_0,Bounding Box Minimum_1,Size in pixels,"
    "Center of the object_0,Center of the object_1,Radii of the object_0,Mean Intensity_0,Mean Intensity_1,"
    "Mean Intensity in neighborhood_0,Variance of Intensity_0,Principal components of the object_0"
)
ROWS = [
    "0,0,1,0,live,0.9,0.1,10,12,2,3,55.0,6.1,7.2,3.4,101.5,20.25,50.0,9.5,0.7",
    "1,0,2,0,dead,0.2,0.8,20,22,12,13,40.0,16.1,17.2,3.1,99.5,10.75,49.0,8.5,0.6",
]


@pytest.fixture
def table(tmp_path):
    (tmp_path / "P1_A01_s1_table.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return open_cells(tmp_path)


def test_a_table_of_one_image(table):
    assert table.format == "ilastik"
    frame = table.to_frame()
    assert frame["Metadata_Plate"].tolist() == ["P1", "P1"]
    assert frame["Metadata_Site"].tolist() == [1, 1]
    assert frame["Metadata_ObjectNumber"].tolist() == [1, 2]
    assert frame["Metadata_ObjectID"].tolist() == [0, 1]
    assert frame["Metadata_PredictedClass"].tolist() == ["live", "dead"]
    assert frame["Mean Intensity_1"].tolist() == [20.25, 10.75]


def test_features_are_sizes_and_intensities(table):
    assert table.features == [
        "Size in pixels",
        "Radii of the object_0",
        "Mean Intensity_0",
        "Mean Intensity_1",
        "Mean Intensity in neighborhood_0",
        "Variance of Intensity_0",
    ]
    parsed = parse_features(table.features)
    assert (parsed["kind"] == "morphology").all()
    assert parsed["channel"].tolist() == [None, None, "0", "1", "0", "0"]


def test_tables_of_tracking_have_no_labelimage_oid(tmp_path):
    (tmp_path / "P1_A01.csv").write_text("object_id,timestep,track_id,lineage_id,Size in pixels\n7,3,2,1,55\n")
    opened = open_cells(tmp_path)
    assert opened.format == "ilastik"
    row = opened.to_frame().iloc[0]
    assert (row["Metadata_Timepoint"], row["Metadata_TrackID"]) == (3, 2)
    assert opened.features == ["Size in pixels"]


def test_tables_put_together_name_their_images(tmp_path):
    (tmp_path / "out.tsv").write_text(
        f"filename\t{HEADER}\n".replace(",", "\t") + "P1_B02_s3.tif\t" + ROWS[0].replace(",", "\t") + "\n"
    )
    row = open_cells(tmp_path).to_frame().iloc[0]
    assert (row["Metadata_Well"], row["Metadata_Site"]) == ("B02", 3)
