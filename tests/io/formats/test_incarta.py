"""IN Carta: one csv for each plate, with an object number that starts anew in every field."""

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.cells import open_cells

FOLDER = "cellprofiler_formats/cytotable/in-carta/colas-lab"
HEADER = '"OBJECT ID","Row","Column","FOV","WELL LABEL","Z","T","Class Name","F Actin Area wv2","Plate ID"\n'


@pytest.fixture
def export(real_data):
    return open_cells(real_data(FOLDER))


@pytest.mark.real
def test_every_object_of_the_export_is_there_with_its_raw_values(export, real_data):
    files = sorted(real_data(FOLDER).glob("*.csv"))
    raw = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in files])
    raw = raw.set_index("Plate ID").sort_index(kind="stable")
    assert export.format == "incarta"
    assert [partition.plate for partition in export.partitions] == sorted(raw.index.unique())
    frame = export.to_frame()
    assert len(frame) == len(raw) == 4 * 144
    features = [name for name in raw if name in set(frame)]
    assert len(features) == 141
    assert_array_equal(frame[features], raw[features].map(lambda text: float(text or "nan")))


@pytest.mark.real
def test_plate_well_site_plane_and_number_know_an_object(export):
    keys = ["Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_Plane", "Metadata_Timepoint"]
    frame = export.to_frame([*keys, "Metadata_ObjectNumber"])
    assert not frame.duplicated().any()
    assert frame["Metadata_ObjectNumber"].max() == 3
    assert sorted(frame["Metadata_Well"].unique()) == [f"{row}{column:02d}" for row in "CD" for column in range(3, 9)]


@pytest.mark.real
def test_targets_are_features_and_places_are_not(export):
    assert len(export.features) == 134
    assert {name.split(" ")[0] for name in export.features} == {"Primary", "Cells", "F", "Mitochondria"}
    left = set(export.to_frame()) - set(export.features)
    assert {"Primary Target cg X wv1", "Cells Max top border wv3", "Primary Target Major Axis Angle wv1"} < left


def test_blank_is_missing_and_labels_stay_text(tmp_path):
    (tmp_path / "a.csv").write_text(
        HEADER + '1,"C",3,1,"C - 3",1,1,"01",,"0012"\n2,"C",3,1,"C - 3",1,1,"02",2.5,"0012"\n'
    )
    frame = open_cells(tmp_path).to_frame()
    assert frame["F Actin Area wv2"].isna().tolist() == [True, False]
    assert frame["Metadata_ClassName"].tolist() == ["01", "02"]
    assert frame["Metadata_Plate"].tolist() == ["0012", "0012"]


def test_objects_without_a_plate_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text(HEADER + '1,"C",3,1,"C - 3",1,1,"01",1,""\n')
    with pytest.raises(FileFormatError, match="1 of 1 cells have no 'Plate ID'; fill it in"):
        open_cells(tmp_path)
