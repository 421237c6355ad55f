"""Replicates, layout and swapped wells: planted faults are found where they are, and clean screens are left alone."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import parse_wells, well_name
from cellprofiling.kernels.inference.proportions import clopper_pearson
from cellprofiling.kernels.retrieval.agreement import plate_agreement, replicate_p_values
from cellprofiling.quality.screen_quality import check_quality
from tests.chance import allowed

NEGCON, BY = "Metadata_Role == 'negcon'", "Metadata_Compound"
MEASURED = ["Metadata_Object_Count", *(f"Cells_f{i}" for i in range(30))]


def line(quality, check, scope="screen"):
    return quality.checks.query("id == @check and scope == @scope").iloc[0]


def turned(wells, plate, rows=True, columns=True):
    """Return the screen with what was measured on a plate as if it had been put in the wrong way round."""
    here = wells["Metadata_Plate"] == plate
    place = parse_wells(wells.loc[here, "Metadata_Well"])
    row = 7 - place.row if rows else place.row
    column = 11 - place.column if columns else place.column
    twin = [well_name(r, c) for r, c in zip(row, column, strict=True)]
    measured = wells[here].set_index("Metadata_Well").loc[twin, MEASURED].to_numpy()
    changed = wells.copy()
    changed.loc[here, MEASURED] = measured
    return changed


def test_replicates_that_agree_pass_and_each_plate_agrees(clean) -> None:
    quality = check_quality(clean, reference=NEGCON, by=BY)
    share = line(quality, "replicates.share")
    assert (share.status, share.n) == ("pass", 80)
    assert share.value > 0.4
    assert share.ci_low < share.value < share.ci_high
    assert set(quality.checks.query("id == 'replicates.plate'").status) == {"pass"}


def test_replicates_that_do_not_agree_fail_without_failing_the_screen(make) -> None:
    """Compounds that do nothing are no fault of the plates: the check fails, the verdict warns."""
    quality = check_quality(make(active=0.0), reference=NEGCON, by=BY)
    share = line(quality, "replicates.share")
    assert share.status == "fail"
    assert not share.gate
    assert quality.status == "warn"
    assert set(quality.checks.query("id == 'replicates.plate'").status) == {"skipped"}


def test_few_perturbations_are_inconclusive(make) -> None:
    wells = make(active=0.0)
    keep = wells["Metadata_Compound"].isin(["DMSO", "c0-01", "c0-02", "c0-03", "c0-04", "c0-05", "c0-06"])
    assert line(check_quality(wells[keep], reference=NEGCON, by=BY), "replicates.share").status == "inconclusive"


def test_a_plate_that_does_not_agree_with_the_others_is_named(clean) -> None:
    rng = np.random.default_rng(0)
    here = clean["Metadata_Plate"] == "P02"
    clean.loc[here, MEASURED[1:]] = rng.normal(size=(96, 30))
    quality = check_quality(clean, reference=NEGCON, by=BY)
    assert line(quality, "replicates.plate", "P02").status == "warn"
    assert line(quality, "replicates.plate", "P00").status == "pass"


@pytest.mark.parametrize("fit", ["counts", "features"])
@pytest.mark.parametrize(("rows", "columns", "name"), [(True, True, "rotated by 180"), (False, True, "flipped left")])
def test_a_turned_plate_is_found_from_counts_and_platemap_alone(clean, fit, rows, columns, name) -> None:
    wells = turned(clean, "P02", rows, columns)
    wells = wells[wells.columns[:6]] if fit == "counts" else wells.drop(columns="Metadata_Object_Count")
    platemap = clean[["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Role"]]
    bare = wells.drop(columns=["Metadata_Compound", "Metadata_Role"])
    quality = check_quality(bare, platemap=platemap, reference=NEGCON, by=BY)
    found = line(quality, "layout.plate", "P02")
    assert found.status == "fail"
    assert f"looks {name}" in found.message
    assert {line(quality, "layout.plate", plate).status for plate in ("P00", "P01", "P03")} == {"pass"}
    assert quality.status == "fail"


def test_a_plate_with_the_map_of_another_layout_is_found(make) -> None:
    wells = make(n_plates=4, n_layouts=2)
    labels = ["Metadata_Well", "Metadata_Compound", "Metadata_Role"]
    here, other = wells["Metadata_Plate"] == "P02", wells["Metadata_Plate"] == "P10"
    by_well = wells[here].set_index("Metadata_Well")
    platemap = wells[["Metadata_Plate", *labels]].copy()
    platemap.loc[here, "Metadata_Compound"] = (
        platemap[other].set_index("Metadata_Well").loc[by_well.index, "Metadata_Compound"].to_numpy()
    )
    quality = check_quality(wells.drop(columns=labels[1:]), platemap=platemap, reference=NEGCON, by=BY)
    found = line(quality, "layout.plate", "P02")
    assert found.status == "fail"
    assert "with the layout of P00" in found.message
    assert (quality.checks.query("id == 'layout.plate' and scope != 'P02'").status == "pass").all()
    assert line(quality, "replicates.plate", "P02").status == "warn"


def test_layout_without_evidence_is_never_green(clean, make) -> None:
    one = clean[clean["Metadata_Plate"] == "P00"]
    assert line(check_quality(one, reference=NEGCON, by=BY), "layout.plate").status == "skipped"
    silent = check_quality(make(active=0.0), reference=NEGCON, by=BY)
    assert (silent.checks.query("id == 'layout.plate'").status == "skipped").all()
    twice = pd.concat([clean, clean.iloc[:1]])
    assert "inputs.duplicate_wells" in line(check_quality(twice, reference=NEGCON, by=BY), "layout.plate").message
    nothing = check_quality(clean[clean.columns[:5]], reference=NEGCON, by=BY)
    assert line(nothing, "layout.plate").status == "skipped"


def test_swapped_wells_are_named_and_flagged(clean) -> None:
    assert line(check_quality(clean, reference=NEGCON, by=BY), "layout.swapped_wells").status == "pass"
    strong = clean[MEASURED[1:]].pow(2).sum(axis=1).where(clean["Metadata_Plate"] == "P01").nlargest(2).index
    swapped = clean.copy()
    swapped.loc[strong, MEASURED] = clean.loc[strong[::-1], MEASURED].to_numpy()
    quality = check_quality(swapped, reference=NEGCON, by=BY)
    found = line(quality, "layout.swapped_wells")
    assert found.status == "warn"
    assert all(well in found.message for well in clean.loc[strong, "Metadata_Well"])
    flags = quality.flags("well").Metadata_QC_reasons
    assert set(flags.index[flags.str.contains("swapped label")]) == set(strong)


@pytest.mark.slow
def test_swaps_and_layouts_are_not_seen_in_clean_screens(make) -> None:
    """One clean screen in a hundred may warn of a swap; none fails for its layout."""
    quality = [check_quality(make(seed=seed), reference=NEGCON, by=BY) for seed in range(20)]
    assert sum(line(each, "layout.swapped_wells").status == "warn" for each in quality) <= 1
    assert not any((each.checks.query("id == 'layout.plate'").status == "fail").any() for each in quality)


def unit_rows(n, p, seed):
    x = np.random.default_rng(seed).normal(size=(n, p))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_replicate_scores_are_medians_over_pairs_on_different_plates() -> None:
    unit = unit_rows(24, 6, 0)
    plate = np.arange(24) % 3
    label = np.arange(24) // 6  # two wells of a label on each plate
    score, p = replicate_p_values(unit, label, plate, range(4), draws=19)
    for each in range(4):
        wells = np.flatnonzero(label == each)
        pairs = [unit[i] @ unit[j] for i in wells for j in wells if i < j and plate[i] != plate[j]]
        assert score[each] == pytest.approx(np.median(pairs))
    assert ((p >= 1 / 20) & (p <= 1)).all()
    assert np.isnan(replicate_p_values(unit, np.zeros(24, int), plate, [0], draws=19)[1]).all()


def test_labels_on_one_plate_have_no_score() -> None:
    score, p = replicate_p_values(unit_rows(6, 4, 0), np.zeros(6, int), np.zeros(6, int), [0], draws=9)
    assert np.isnan(score).all()
    assert np.isnan(p).all()


def test_replicates_without_effect_reach_5_percent_in_5_percent_of_cases() -> None:
    """Calibration under the null, and a variant that must not be calibrated: wells of a label that are alike."""
    rng = np.random.default_rng(0)
    plate, label = np.repeat(np.arange(4), 100), np.tile(np.arange(100), 4)
    plate_effect = 2 * rng.normal(size=(4, 12))  # what a plate does to all its wells must not count
    null, alike = [], []
    for _ in range(5):
        x = rng.normal(size=(400, 12)) + plate_effect[plate]
        moved = x + 1.5 * rng.normal(size=(100, 12))[label]
        for values, found in ((x, null), (moved, alike)):
            unit = values / np.linalg.norm(values, axis=1, keepdims=True)
            found.append(replicate_p_values(unit, label, plate, range(100), draws=199)[1])
    low, high = allowed(500)
    assert low <= (np.concatenate(null) <= 0.05).mean() <= high
    assert (np.concatenate(alike) <= 0.05).mean() > 0.5


def test_plate_agreement_is_calibrated_and_sees_labels() -> None:
    plate, label = np.repeat(np.arange(3), 40), np.tile(np.arange(40), 3)
    p = [plate_agreement(unit_rows(120, 8, seed), label, plate, 0, draws=99, seed=seed)[2] for seed in range(100)]
    low, high = allowed(100)
    assert low <= (np.array(p) <= 0.05).mean() <= high
    x = unit_rows(40, 8, 1)[label] + 0.3 * unit_rows(120, 8, 2)
    assert plate_agreement(x / np.linalg.norm(x, axis=1, keepdims=True), label, plate, 0, draws=99)[2] == 0.01


def test_plates_with_fewer_than_four_replicated_wells_say_nothing() -> None:
    plate, label = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2])
    assert np.isnan(plate_agreement(unit_rows(6, 4, 0), label, plate, 0, draws=9)[2])


def test_intervals_of_shares() -> None:
    """Clopper and Pearson: 0 of 10 reaches to 0.3085 at 95 %; none of none says nothing."""
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(0.3085, abs=1e-4))
    assert clopper_pearson(10, 10) == (pytest.approx(0.6915, abs=1e-4), 1.0)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
