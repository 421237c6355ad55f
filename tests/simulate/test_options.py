"""What a user may change, and the sentence for what cannot be."""

import numpy as np
import pytest

from cellprofiling.core.errors import InputError, PlateLayoutError
from cellprofiling.simulate.options import resolve
from cellprofiling.simulate.presets import PRESETS


def test_options_that_are_none_leave_the_preset_as_it_is():
    assert resolve("hetero", {"plates": None, "effect": None}) == PRESETS["hetero"]


def test_options_take_the_place_of_numbers():
    changed = resolve("toxic", {"plates": np.int64(2), "doses": [1, 3], "effect": 0.7, "fraction": 0.3})
    assert (changed.plates, changed.doses) == (2, (1.0, 3.0))
    assert [cohort.effect for cohort in changed.cohorts] == [0.0, 0.7, 0.7]  # the first kills, and moves no feature
    assert {cohort.fraction for cohort in changed.cohorts} == {0.3}


@pytest.mark.parametrize("name", ["plates", "compounds", "cells_per_well", "features", "controls", "batches"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "4", True])
def test_numbers_of_things_are_whole_and_at_least_one(name, value):
    with pytest.raises(InputError, match=rf"{name}={value!r}: not a whole number of at least 1"):
        resolve("easy", {name: value})


@pytest.mark.parametrize("value", [0, -1, np.inf, np.nan, "big"])
def test_an_effect_is_above_zero(value):
    with pytest.raises(InputError, match=r"effect=.*: not a finite number above 0"):
        resolve("easy", {"effect": value})


@pytest.mark.parametrize("value", [0, 1.01, np.nan])
def test_a_fraction_is_at_most_one(value):
    with pytest.raises(InputError, match=r"fraction=.*: not a number above 0 and up to 1"):
        resolve("easy", {"fraction": value})


@pytest.mark.parametrize("value", [(), (0, 1), (1, 1), (3, 1), (1, np.inf), (np.nan,), 5, "ab"])
def test_doses_rise_from_above_zero(value):
    with pytest.raises(InputError, match=r"doses=.*: give one or more rising doses"):
        resolve("easy", {"doses": value})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layout": "rnadom"}, r"layout='rnadom': choose one of 'random', 'fixed'\. Did you mean 'random'\?"),
        ({"wells_per_plate": 100}, r"wells_per_plate=100: choose one of 96, 384\."),
        ({"features": 100_000}, r"features=100000: there are names for at most \d+ features\."),
        ({"compounds": 80, "wells_per_plate": 96}, r"compounds=80 x 1 doses \+ controls=24 need 104 wells"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        resolve("easy", options)


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(InputError, match=r"preset='esay': choose one of 'null', 'easy'.* Did you mean 'easy'\?"):
        resolve("esay", {})


def test_a_plate_is_only_turned_if_it_fits_its_own_platemap():
    with pytest.raises(PlateLayoutError, match=r"so give controls=4\."):
        resolve("messy", {"compounds": 10, "doses": (1,), "controls": 3})
    assert resolve("messy", {"compounds": 10, "doses": (1,), "controls": 3, "plates": 1}).plates == 1
