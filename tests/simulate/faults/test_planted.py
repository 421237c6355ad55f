"""Planted faults change what they say and nothing else."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.simulate.faults.planted import FAULTS
from cellprofiling.simulate.faults.well_screen import simulate_wells

COUNT = "Metadata_Object_Count"


@pytest.fixture(scope="module")
def wells():
    return simulate_wells(plates=6, wells_per_plate=96, controls=16, positives=6, features=12, factors=6, seed=0)


def changed(wells, name, seed=1):
    after = FAULTS[name](wells, np.random.default_rng(seed))
    differs = wells.ne(after) & ~(wells.isna() & after.isna())
    return after, differs


def test_the_same_seed_gives_the_same_wells(wells):
    again = simulate_wells(plates=6, wells_per_plate=96, controls=16, positives=6, features=12, factors=6, seed=0)
    pd.testing.assert_frame_equal(wells, again)
    for _, plate in wells.groupby("Metadata_Plate"):
        assert plate["Metadata_Role"].value_counts().to_dict() == {"treatment": 74, "negcon": 16, "poscon": 6}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_repeatable_and_leaves_the_input_alone(wells, name):
    before = wells.copy()
    after, differs = changed(wells, name)
    pd.testing.assert_frame_equal(wells, before)
    pd.testing.assert_frame_equal(after, changed(wells, name)[0])
    assert list(after) == list(wells)
    assert differs.to_numpy().any()


@pytest.mark.parametrize(
    "name",
    [
        "rotated plate",
        "swapped wells",
        "dead plate",
        "contaminated control column",
        "wrong plate map",
        "missing controls",
    ],
)
def test_one_plate_is_touched(wells, name):
    differs = changed(wells, name)[1]
    assert set(wells.loc[differs.any(axis=1), "Metadata_Plate"]) == {"Plate003"}


def test_a_turned_plate_turned_again_is_as_it_was(wells):
    once = changed(wells, "rotated plate")[0]
    pd.testing.assert_frame_equal(changed(once, "rotated plate")[0], wells)
    plate = wells[wells["Metadata_Plate"] == "Plate003"].set_index("Metadata_Well")
    turned = once[once["Metadata_Plate"] == "Plate003"].set_index("Metadata_Well")
    assert turned.loc["A01", COUNT] == plate.loc["H12", COUNT]


def test_a_duplicate_plate_is_exact_and_a_drift_grows(wells):
    copy = changed(wells, "duplicate plate")[0]
    features = [name for name in wells if name.startswith("Cells")]
    third, fifth = (copy[copy["Metadata_Plate"] == f"Plate00{i}"][features].to_numpy() for i in (3, 5))
    assert (third == fifth).all()
    drifting = changed(wells, "drift")[0]
    moved = (drifting[features] - wells[features]).pow(2).sum(axis=1) ** 0.5
    by_plate = moved.groupby(wells["Metadata_Plate"]).mean()
    assert by_plate.iloc[0] == 0
    assert by_plate.is_monotonic_increasing


def test_wells_keep_what_the_fault_has_nothing_to_do_with(wells):
    _, differs = changed(wells, "missing controls")
    assert set(differs.columns[differs.any()]) == {"Metadata_Compound", "Metadata_Role"}
    _, differs = changed(wells, "contaminated control column")
    assert set(wells.loc[differs.any(axis=1), "Metadata_Well"].str[1:]) == {"02"}
    _, differs = changed(wells, "swapped wells")
    assert differs[COUNT].sum() <= 8
    assert differs["Cells_Texture_Variance_000"].sum() == 8
