"""How many wells the plates have."""

import pytest

from cellprofiling.core.account.formats import plate_format_of
from cellprofiling.core.errors import PlateLayoutError
from cellprofiling.core.plates import FORMATS, well_names


@pytest.mark.parametrize("n_wells", FORMATS)
def test_a_plate_used_to_its_edges_is_certain(n_wells: int):
    told = plate_format_of(well_names(n_wells))
    assert (told.n_wells, told.certain, told.problem) == (n_wells, True, "")


def test_an_inner_part_is_a_guess_and_said():
    inner = [name for name in well_names(96) if name[0] in "BCDEFG" and name[1:] not in ("01", "12")]
    told = plate_format_of(inner)
    assert told.n_wells == 96
    assert "taken for 96-well plates: no well lies in the first row" in told.problem
    assert plate_format_of(inner, given=96).problem == ""


def test_all_plates_and_the_platemap_tell_the_format_together():
    part = well_names(96)
    assert plate_format_of([*part, "P24"]).n_wells == 384
    assert plate_format_of(part, platemap=["P24"]) == plate_format_of([*part, "P24"])
    assert plate_format_of(part, given=384).n_wells == 384


def test_a_format_that_cannot_be_is_refused():
    with pytest.raises(PlateLayoutError, match=r"plate_format=100: plates have 6, 12, 24, 48, 96, 384, 1536 wells"):
        plate_format_of(["A01"], given=100)
    with pytest.raises(PlateLayoutError, match="plate_format=96: wells 'P24' lie outside such a plate"):
        plate_format_of(["A01", "P24"], given=96)


def test_spelling_and_order_do_not_matter_and_what_is_no_well_is_passed_over():
    assert plate_format_of(["h12", "A1", None, "edge"]) == plate_format_of(["A01", "H12"])
    assert plate_format_of([]).n_wells is None
