"""Features that are not usable, and profiles that occur twice."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.kernels.similarity.near_copies import near_copies
from cellprofiling.quality.screen_quality import check_quality

NEGCON, BY = "Metadata_Role == 'negcon'", "Metadata_Compound"


def line(quality, check, scope="screen"):
    return quality.checks.query("id == @check and scope == @scope").iloc[0]


def test_infinite_and_empty_features_are_named_and_fail_in_profiles(clean) -> None:
    wells = clean.copy()
    wells.loc[3, "Cells_f1"] = np.inf
    wells["Cells_f2"] = np.nan
    quality = check_quality(wells, reference=NEGCON, profiles=wells)
    raw, kept = line(quality, "features.unusable"), line(quality, "features.unusable_kept")
    assert (raw.status, raw.value, kept.status, kept.value) == ("warn", 2, "fail", 2)
    assert "'Cells_f1', 'Cells_f2'" in kept.message
    assert line(check_quality(clean, reference=NEGCON), "features.unusable_kept").status == "skipped"


@pytest.mark.parametrize(("value", "status"), [(100.0, "pass"), (101.0, "warn"), (-501.0, "fail")])
def test_values_that_explode_are_told_by_their_size(clean, value, status) -> None:
    profiles = clean.copy()
    profiles.loc[9, "Cells_f4"] = value
    found = line(check_quality(clean, reference=NEGCON, profiles=profiles), "features.exploding")
    assert (found.status, found.value) == (status, abs(value))
    assert ("Cells_f4" in found.message) == (status != "pass")


def test_features_without_spread_in_controls_are_counted_by_plate(clean) -> None:
    here = (clean["Metadata_Plate"] == "P01") & (clean["Metadata_Role"] == "negcon")
    flat = clean.copy()
    flat.loc[here, ["Cells_f0", "Cells_f1", "Cells_f2", "Cells_f3"]] = 7.0
    found = line(check_quality(flat, reference=NEGCON), "features.flat_in_controls", "P01")
    assert (found.status, found.value) == ("warn", 4 / 30)
    assert line(check_quality(flat, reference=NEGCON), "features.flat_in_controls", "P00").value == 0
    few = clean.copy()
    few.loc[np.flatnonzero(here)[3:], "Metadata_Role"] = "treatment"
    assert line(check_quality(few, reference=NEGCON), "features.flat_in_controls", "P01").status == "inconclusive"


@pytest.mark.parametrize(("n", "status"), [(0, "pass"), (1, "warn"), (2, "fail")])
def test_features_that_one_plate_lacks(clean, n, status) -> None:
    clean.loc[clean["Metadata_Plate"] == "P02", [f"Cells_f{i}" for i in range(n)]] = np.nan
    found = line(check_quality(clean, reference=NEGCON), "features.set", "P02")
    assert (found.status, found.value) == (status, n / 30)


def test_a_copied_well_and_a_copied_plate_fail_and_are_named(clean) -> None:
    features = [f"Cells_f{i}" for i in range(30)]
    assert (check_quality(clean, reference=NEGCON).checks.query("id == 'duplicates.exact'").status == "pass").all()
    well = clean.copy()
    well.loc[100, features] = clean.loc[20, features].to_numpy()
    quality = check_quality(well, reference=NEGCON)
    assert line(quality, "duplicates.exact", "P01").value == 1 / 96
    a, b = (" ".join(well.loc[i, ["Metadata_Plate", "Metadata_Well"]]) for i in (20, 100))
    assert f"{b} = {a}" in line(quality, "duplicates.exact", "P01").message
    reasons = quality.flags("well").Metadata_QC_reasons
    assert set(reasons.index[reasons.str.contains("copied profile")]) == {20, 100}
    plate = clean.copy()
    plate.loc[plate["Metadata_Plate"] == "P03", features] = clean.loc[
        clean["Metadata_Plate"] == "P00", features
    ].to_numpy()
    quality = check_quality(plate, reference=NEGCON)
    assert line(quality, "duplicates.exact", "P03").message.startswith(
        "96 of 96 wells of plate P03 have exactly the profile of a well of 'P00'"
    )
    assert not quality.flags("well").Metadata_QC_reasons.str.contains("copied").any()
    assert line(quality, "duplicates.exact", "P01").status == "pass"


def test_rows_that_hold_one_value_or_little_are_no_copies(clean) -> None:
    features = [f"Cells_f{i}" for i in range(30)]
    clean.loc[[4, 40, 200], features] = 0.0
    clean.loc[[5, 41], features[4:]] = np.nan
    clean.loc[[5, 41], features[:4]] = 1.5
    assert (check_quality(clean, reference=NEGCON).checks.query("id == 'duplicates.exact'").status == "pass").all()


def test_missing_values_count_among_what_makes_a_copy(clean) -> None:
    features = [f"Cells_f{i}" for i in range(30)]
    clean.loc[100, features] = clean.loc[20, features].to_numpy()
    clean.loc[100, "Cells_f5"] = np.nan
    quality = check_quality(clean, reference=NEGCON)
    assert line(quality, "duplicates.exact", "P01").status == "pass"
    clean.loc[20, "Cells_f5"] = np.nan
    assert line(check_quality(clean, reference=NEGCON), "duplicates.exact", "P01").status == "fail"


def test_an_exploding_feature_makes_unrelated_profiles_alike(clean) -> None:
    """Two compounds whose profile is one feature have a cosine of 1; their replicates are no finding."""
    assert line(check_quality(clean, reference=NEGCON, by=BY), "duplicates.near").status == "pass"
    profiles = clean.copy()
    loud = profiles["Metadata_Compound"].isin(["c0-07", "c0-21"])
    profiles.loc[loud, "Cells_f3"] = 1e6
    found = line(check_quality(clean, reference=NEGCON, by=BY, profiles=profiles), "duplicates.near")
    assert (found.status, found.value) == ("warn", 8 / 320)
    profiles = clean.copy()
    profiles.loc[profiles["Metadata_Compound"] == "c0-07", "Cells_f3"] = 1e6
    assert line(check_quality(clean, reference=NEGCON, by=BY, profiles=profiles), "duplicates.near").status == "pass"


@pytest.mark.parametrize("seed", range(4))
def test_near_copies_are_those_of_all_pairs(seed) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 25))
    x[30:40] = x[:10] + rng.normal(size=(10, 25)) * np.geomspace(1e-4, 0.1, 10)[:, None]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    kind = rng.integers(0, 20, 60)
    alike = unit @ unit.T
    alike[kind[:, None] == kind] = -np.inf
    expected = np.where(alike.max(axis=1) > 0.9999, alike.argmax(axis=1), -1)
    found = near_copies(unit, kind, 0.9999)
    assert found.tolist() == expected.tolist()
    assert (found >= 0).sum() >= 8


def test_one_row_has_no_near_copy() -> None:
    assert near_copies(np.ones((1, 1)), np.zeros(1, dtype=np.intp), 0.9).tolist() == [-1]


def test_few_features_are_not_asked(clean) -> None:
    few = clean[[*clean.columns[:6], "Cells_f0", "Cells_f1"]]
    quality = check_quality(few, reference=NEGCON, by=BY)
    for check in ("duplicates.exact", "duplicates.near", "replicates.share", "layout.swapped_wells"):
        assert line(quality, check).status == "skipped", check
    none = check_quality(clean[clean.columns[:6]], reference=NEGCON, by=BY)
    for check in ("duplicates.exact", "duplicates.near", "features.set", "replicates.share"):
        assert line(none, check).status == "skipped", check
    assert pd.isna(line(none, "features.set").value)
