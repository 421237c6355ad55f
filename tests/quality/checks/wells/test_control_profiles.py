"""Controls by their whole profiles: apart, contaminated, exchanged."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellprofiling.quality.checks.wells.contamination import _like_the_others, exchanged_controls, stray_controls
from cellprofiling.quality.checks.wells.controls import profile_separation
from cellprofiling.quality.checks.wells.counts import control_separation
from cellprofiling.simulate.faults.planted import contaminated_controls, swapped_wells
from cellprofiling.simulate.faults.well_screen import simulate_wells
from tests.quality.planted import bad, lines, usual

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def wells():
    return simulate_wells(plates=3, features=20, factors=10, seed=1)


def test_clean_controls_pass(wells):
    for check in (profile_separation, stray_controls, exchanged_controls):
        assert not bad(lines(check, wells)), check


def test_one_plate_is_judged_by_folds_of_its_wells(wells):
    found = lines(profile_separation, wells[wells["Metadata_Plate"] == "Plate001"])
    assert set(found["status"]) == {"pass"}
    assert (found["low"] < found["value"]).all()


def test_noise_never_passes(wells):
    """300 features of noise, 16 wells of each kind on one plate: the same wells would give a Z' of 1."""
    rng = RNG(0)
    names = [f"{r}{c:02d}" for r in "ABCDEFGH" for c in range(1, 5)]
    noise = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": names, "Metadata_Role": ["negcon", "poscon"] * 16})
    noise = noise.join(pd.DataFrame(rng.normal(size=(32, 300))).add_prefix("Cells_f"))
    found = lines(profile_separation, noise, by=None).set_index("id")
    assert found.loc["controls.profile_z_prime", "value"] < 0
    assert found.loc["controls.profile_z_prime", "status"] == "fail"
    assert found.loc["controls.profile_ssmd", "status"] == "fail"


def test_four_wells_carry_an_interval_and_are_inconclusive(wells):
    few = wells.copy()
    for _, plate in wells.groupby("Metadata_Plate"):
        few.loc[plate.index[plate["Metadata_Role"] == "poscon"][4:], "Metadata_Role"] = "treatment"
    for check in (profile_separation, control_separation):
        found = lines(check, few)
        assert set(found["status"]) == {"inconclusive"}
        assert found["low"].notna().all()
        assert (found["n"] == 4).all()
        assert found["message"].str.contains("too few to tell").all()


def test_one_bad_negative_well_does_not_flip_the_verdict(wells):
    plate = wells["Metadata_Plate"] == "Plate001"
    one = wells.index[plate & (wells["Metadata_Role"] == "negcon")][0]
    spoiled = wells.copy()
    spoiled.loc[one, "Metadata_Object_Count"] = 40
    before, after = (
        lines(control_separation, table).set_index(["id", "plate"])["status"] for table in (wells, spoiled)
    )
    pd.testing.assert_series_equal(before, after)


def test_exchanged_controls_are_named(wells):
    swapped = swapped_wells(wells, RNG(3))
    found = lines(exchanged_controls, swapped)
    assert bad(found) == {("controls.exchanged", "Plate003")}
    features = [name for name in wells if not name.startswith("Metadata_")]
    moved = (swapped[features] != wells[features]).any(axis=1)
    said = set(found.loc[found["level"] == "well", "well"])
    assert said == set(wells.loc[moved, "Metadata_Well"])
    assert len(said) == 8


def test_a_well_near_the_other_kind_is_exchanged_only_if_its_own_kind_does_not_reach_there():
    """Negative controls of scores -2 to 2 and one of 3.4, positive ones near 5: nearer to those, and no stranger."""
    rule = usual()["controls.exchanged"]
    wide, positive = np.r_[np.linspace(-2, 2, 15), 3.4], 5 + np.linspace(-0.1, 0.1, 8)
    kind = np.repeat([False, True], [16, 8])
    narrow = np.r_[np.linspace(-0.5, 0.5, 15), 3.4]
    assert _like_the_others(np.r_[wide, positive], kind, replace(rule, settings={"apart": 2})).sum() == 0
    assert np.flatnonzero(_like_the_others(np.r_[narrow, positive], kind, rule)).tolist() == [15]


def test_a_whole_plate_the_wrong_way_round_fails(wells):
    turned = wells.copy()
    plate = wells["Metadata_Plate"] == "Plate002"
    turned.loc[plate, "Metadata_Role"] = wells.loc[plate, "Metadata_Role"].map(
        {"negcon": "poscon", "poscon": "negcon", "treatment": "treatment"}
    )
    found = lines(profile_separation, turned).set_index(["id", "plate"])
    assert found.loc[("controls.profile_ssmd", "Plate002"), "value"] < 0
    assert found.loc[("controls.profile_ssmd", "Plate002"), "status"] == "fail"


def test_a_contaminated_column_is_named_well_by_well(wells):
    found = lines(stray_controls, contaminated_controls(wells, RNG(0)))
    assert bad(found) == {("controls.stray", "Plate003")}
    said = found.loc[(found["level"] == "well") & (found["plate"] == "Plate003"), "well"]
    column = wells.query("Metadata_Plate == 'Plate003' and Metadata_Role == 'negcon'")["Metadata_Well"]
    assert set(column[column.str.endswith("02")]) <= set(said)
    assert len(said) <= 10


def test_what_cannot_be_told_is_not_green(wells):
    bare = wells.filter(regex="^Metadata")
    for check in (profile_separation, stray_controls, exchanged_controls):
        assert set(lines(check, bare)["status"]) == {"skipped"}
    assert set(lines(exchanged_controls, wells, positive=None)["status"]) == {"skipped"}
    alike = wells.copy()
    rng = RNG(0)
    alike["Metadata_Role"] = np.where(wells["Metadata_Role"] == "poscon", "treatment", wells["Metadata_Role"])
    negative = alike.index[alike["Metadata_Role"] == "negcon"]
    alike.loc[rng.permutation(negative)[: len(negative) // 2], "Metadata_Role"] = "poscon"
    told = lines(exchanged_controls, alike)
    assert set(told["status"]) == {"skipped"}
    assert told["message"].str.contains("do not lie apart").all()
    three = wells[wells["Metadata_Role"].eq("treatment") | wells["Metadata_Well"].isin(["A02", "C02", "E02"])]
    assert set(lines(stray_controls, three, positive=None)["status"]) == {"inconclusive"}
