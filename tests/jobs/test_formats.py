"""Whatever a format's reader needs travels with the job to another process, and changes of its files are seen."""

import os
import pickle

import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.jobs.screen import find_plates

FIXTURES = [
    "pycytominer_collate/BR00121431-A02-1",
    "cytotable/cytominer-database/data_b_sqlite",
    "cytotable/cellprofiler/NF1_SchwannCell_data",
    "cytotable/in-carta/colas-lab",
    "deepprofiler/Week1_22123",
]


@pytest.mark.real
@pytest.mark.parametrize("name", FIXTURES)
def test_plates_of_real_files(real_data, tmp_path, name, here):
    folder = real_data("cellprofiler_formats") / name
    plates = find_plates(folder).plates
    for cells in plates.values():
        there = pickle.loads(pickle.dumps(cells))
        columns = [*there.metadata, *there.features[:2]]
        assert_frame_equal(there.to_frame(columns), cells.to_frame(columns))
        assert all(part.paths and part.size for part in there.partitions)
    by = [name for name in ("Metadata_Plate", "Metadata_Well") if name in there.metadata]
    done = cpf.aggregate_plates(folder, tmp_path / "out", by, features=there.features[:2], executor=here)
    assert set(done["status"]) == {"done"}, done["reason"].to_list()
    again = cpf.aggregate_plates(folder, tmp_path / "out", by, features=there.features[:2], executor=here, resume=True)
    assert set(again["status"]) == {"kept"}


def test_a_changed_table_of_images_is_noticed(tmp_path):
    """CellProfiler's Image.csv says in which well the objects beside it lie: a resumed run goes by it, too."""
    site = tmp_path / "cells" / "site"
    site.mkdir(parents=True)
    (site / "Nuclei.csv").write_text("ImageNumber,ObjectNumber,AreaShape_Area\n1,1,5\n1,2,6\n")
    for well, status in [("A01", "done"), ("A01", "kept"), ("B07", "done")]:
        (site / "Image.csv").write_text(f"ImageNumber,Metadata_Plate,Metadata_Well\n1,P1,{well}\n")
        os.utime(site / "Image.csv", (0, ord(well[0])))
        plates = cpf.aggregate_plates(tmp_path / "cells", tmp_path / "out", resume=True)
        assert plates["status"].tolist() == [status]
        assert cpf.read_profiles(tmp_path / "out" / "P1.parquet")["Metadata_Well"].tolist() == [well]
