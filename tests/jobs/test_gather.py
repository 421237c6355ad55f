"""Wells of all plates together: none missing, none made in another way."""

import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.core.errors import FileFormatError, InputError, KeyMatchError


@pytest.fixture
def out(screen, tmp_path, here):
    """Return the results of three plates."""
    cpf.aggregate_plates(screen(3), tmp_path / "out", executor=here)
    return tmp_path / "out"


@pytest.mark.parametrize("plates", [None, ["P00", "P01", "P02"], "cells", "opened"])
def test_all_plates_are_there(out, tmp_path, plates):
    cells = {"cells": tmp_path / "cells", "opened": cpf.open_cells(tmp_path / "cells")}
    wells = cpf.gather_plates(out, cells.get(plates, plates) if isinstance(plates, str) else plates)
    assert_frame_equal(wells, cpf.aggregate(tmp_path / "cells"))
    assert cpf.ledger(wells).empty


def test_missing_plates_are_refused_unless_asked(out):
    (out / "P01.parquet").unlink()
    with pytest.raises(KeyMatchError, match=r"1 of 3 plates are missing: 'P01'"):
        cpf.gather_plates(out, ["P00", "P01", "P02"])
    assert len(cpf.gather_plates(out, ["P00", "P01", "P02"], partial=True)) == 6
    with pytest.raises(KeyMatchError, match=r"also holds plates 'P02'"):
        cpf.gather_plates(out, ["P00"], partial=True)


def test_two_ways_of_making_are_refused(out, screen, tmp_path, here):
    cpf.aggregate_plates(screen(3), tmp_path / "means", statistics="mean", executor=here)
    (tmp_path / "means" / "P02.parquet").replace(out / "P02.parquet")
    with pytest.raises(InputError, match=r"'P02.parquet' were made with other settings"):
        cpf.gather_plates(out)


def test_strangers_and_damaged_files_are_named(out, tmp_path):
    cpf.write_profiles(cpf.read_profiles(out), out / "P03.parquet")
    with pytest.raises(FileFormatError, match=r"P03.parquet': is no result of aggregate_plates"):
        cpf.gather_plates(out)
    (out / "P03.parquet").write_bytes(b"PAR1")
    with pytest.raises(FileFormatError, match=r"P03.parquet': not a whole parquet file"):
        cpf.gather_plates(out)


def test_features_must_be_the_same(out, tmp_path, plate_of_cells, here):
    cpf.write_profiles(plate_of_cells("P03", 3, features=5), tmp_path / "P03.parquet")
    with pytest.raises(FileFormatError, match=r"has 'Cells_Texture_F4' more than"):
        cpf.aggregate_plates([tmp_path / "cells", tmp_path / "P03.parquet"], tmp_path / "new", executor=here)
    cpf.aggregate_plates(tmp_path / "P03.parquet", out, executor=here)
    with pytest.raises(FileFormatError, match=r"has 'Cells_Texture_F4' more than"):
        cpf.gather_plates(out)
