"""Plates in order of acquisition: one far off, a run, a drift, batches; and nothing where nothing happens."""

import numpy as np
import pytest

from cellprofiling.quality.checks.plates.drift import batch_effect, plate_levels, trends
from cellprofiling.simulate.faults.planted import drift
from cellprofiling.simulate.faults.well_screen import simulate_wells
from tests.quality.planted import bad, lines


@pytest.fixture(scope="module")
def wells():
    return simulate_wells(plates=12, wells_per_plate=96, controls=16, positives=4, features=20, factors=10, seed=0)


def test_clean_plates_pass(wells):
    found = lines(plate_levels, wells)
    assert set(found["status"]) == {"pass"}
    assert len(found) == 12
    assert not bad(lines(trends, wells))


def test_a_plate_far_from_the_others_is_named(wells):
    here = wells["Metadata_Plate"] == "Plate005"
    few = wells.assign(Metadata_Object_Count=wells["Metadata_Object_Count"] * np.where(here, 0.4, 1))
    assert bad(lines(plate_levels, few)) == {("drift.plate_level", "Plate005")}
    features = [name for name in wells if not name.startswith("Metadata_")]
    moved = wells.copy()
    moved.loc[here, features] += 4 * wells[features].std()
    assert bad(lines(plate_levels, moved)) == {("drift.plate_level", "Plate005")}


def test_drift_is_seen_in_the_order_given_and_not_in_another(wells):
    drifting = drift(wells, np.random.default_rng(0))
    number = drifting["Metadata_Plate"].str[-3:].astype(int)
    found = lines(trends, drifting.assign(Metadata_Run=number), order="Metadata_Run").set_index("id")
    assert found.loc["drift.trend", "status"] == "warn"
    assert "by name" not in found.loc["drift.trend", "message"]
    shuffled = number.map(dict(zip(range(1, 13), np.random.default_rng(1).permutation(12), strict=True)))
    assert not bad(lines(trends, drifting.assign(Metadata_Run=shuffled), order="Metadata_Run"))
    assert "Plates are taken by name" in lines(trends, drifting)["message"].iloc[0]


def test_few_plates_are_not_judged(wells):
    few = wells[wells["Metadata_Plate"] <= "Plate005"]
    for check in (plate_levels, trends):
        assert set(lines(check, few)["status"]) == {"skipped"}
    assert set(lines(plate_levels, wells, reference=None)["status"]) == {"skipped"}


def test_batches_count_where_features_are_normalized(wells):
    features = [name for name in wells if not name.startswith("Metadata_")]
    second = wells["Metadata_Plate"] > "Plate006"
    batches = wells.assign(Metadata_Batch=np.where(second, "B2", "B1"))
    batches[features] += 3 * second.to_numpy()[:, None] * wells[features].std().to_numpy()
    raw = lines(batch_effect, batches)
    assert raw["status"].item() == "skipped"
    assert "not normalized yet" in raw["message"].item()
    assert raw["value"].item() > 0.5
    controls = wells[wells["Metadata_Role"] == "negcon"]
    normal = batches.copy()
    normal[features] = (batches[features] - controls[features].mean()) / controls[features].std()
    assert lines(batch_effect, normal)["status"].item() == "fail"
    corrected = normal.copy()
    for _, rows in corrected.groupby("Metadata_Batch"):
        corrected.loc[rows.index, features] -= rows[features].mean()
    assert lines(batch_effect, corrected)["status"].item() == "pass"
    assert lines(batch_effect, wells)["status"].item() == "skipped"
    assert lines(batch_effect, batches, profiles=corrected)["status"].item() == "pass"
