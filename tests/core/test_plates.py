"""Well names and positions, for plates of 6 to 1536 wells."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import PlateLayoutError
from cellprofiling.core.plates import (
    FORMATS,
    LETTERS,
    parse_wells,
    plate_format,
    plate_shape,
    standard_wells,
    well_name,
    well_names,
)


@pytest.mark.parametrize("n_wells", FORMATS)
def test_names_and_positions_of_a_whole_plate_are_each_others_inverse(n_wells: int):
    names = well_names(n_wells)
    wells = parse_wells(names)
    n_rows, n_columns = plate_shape(n_wells)
    assert len(set(names)) == n_wells == n_rows * n_columns
    assert wells.names == names
    assert wells.format == n_wells
    assert np.array_equal(wells.row * n_columns + wells.column, np.arange(n_wells))


def test_corners_of_the_largest_plate():
    assert well_names(1536)[-1] == "AF48" == well_name(31, 47)
    assert LETTERS[25:28] == ["Z", "AA", "AB"]


@pytest.mark.parametrize("name", ["A1", "a01", "A-01", "A 1", "A_001", " a1 ", "A01"])
def test_ways_to_write_the_first_well(name: str):
    assert parse_wells([name]).names == ["A01"]


@pytest.mark.parametrize(
    "name", ["A49", "A00", "ZZ1", "AG1", "", "1A", "A", "12", "A1B", "A-", "A100", "é1", np.nan, None, 7]
)
def test_what_is_not_a_well_is_refused_by_name(name: object):
    with pytest.raises(PlateLayoutError, match=r"Metadata_Well=.+: not a well name\. Wells are written A01 to AF48"):
        parse_wells(["A01", name], "Metadata_Well")


def test_no_wells_have_no_positions():
    assert parse_wells([]).names == []


def test_wells_are_given_back_in_order_and_as_often_as_they_came():
    wells = parse_wells(["B02", "A01", "B02"])
    assert wells.row.tolist() == [1, 0, 1]
    assert wells.column.tolist() == [1, 0, 1]


@pytest.mark.parametrize("n_wells", FORMATS)
def test_edge_distance_is_the_number_of_steps_off_the_plate(n_wells: int):
    n_rows, n_columns = plate_shape(n_wells)
    wells = parse_wells(well_names(n_wells))
    slow = [
        min(len(range(r)), len(range(r + 1, n_rows)), len(range(c)), len(range(c + 1, n_columns)))
        for r, c in zip(wells.row, wells.column, strict=True)
    ]
    assert wells.edge_distance().tolist() == slow


def test_edge_distance_depends_on_the_plate_the_wells_are_from():
    assert parse_wells(["H12"]).edge_distance().tolist() == [0]
    assert parse_wells(["H12"]).edge_distance(384).tolist() == [7]


def test_wells_outside_the_plate_are_named():
    with pytest.raises(PlateLayoutError, match=r"n_wells=96: wells 'P24' lie outside"):
        parse_wells(["A01", "P24"]).edge_distance(96)


def test_a_plate_of_a_size_that_is_not_made_is_refused():
    with pytest.raises(PlateLayoutError, match=r"n_wells=100: plates have 6, 12, 24, 48, 96, 384, 1536 wells"):
        well_names(100)


def test_the_smallest_plate_that_holds_the_wells_is_chosen():
    assert plate_format(8, 12) == 96
    assert plate_format(9, 1) == 384
    assert plate_format(32, 48) == 1536
    with pytest.raises(PlateLayoutError, match="33 rows and 48 columns: no plate is larger"):
        plate_format(33, 48)


def test_well_names_are_rewritten_in_place_of_the_old_ones():
    given = pd.Series(["a1", "P-24", "a1"], index=[5, 5, 7], name="Metadata_Well")
    result = standard_wells(given)
    assert result.tolist() == ["A01", "P24", "A01"]
    assert result.index.tolist() == [5, 5, 7]
    assert given.tolist() == ["a1", "P-24", "a1"]


def test_a_well_that_cannot_be_rewritten_names_its_column():
    with pytest.raises(PlateLayoutError, match="Metadata_Well='Q99'"):
        standard_wells(pd.Series(["A1", "Q99"], name="Metadata_Well"))
