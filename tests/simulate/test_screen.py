"""Whole screens: nothing where nothing was planted, something where it was, and the same bytes again."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.core.frame import feature_columns
from cellprofiling.io.tables import read_profiles
from cellprofiling.simulate.options import resolve
from cellprofiling.simulate.presets import PRESETS
from cellprofiling.simulate.screen import build, simulate_screen

KEYS = ["Metadata_Plate", "Metadata_Well"]
SMALL = {"plates": 2, "compounds": 10, "controls": 6, "cells_per_well": 20, "features": 40}


def small(preset="easy", **options):
    return simulate_screen(preset, **{**SMALL, **options})


def digest(screen):
    tables = (screen.cells, screen.platemap, screen.truth.compounds, screen.truth.wells, screen.truth.cells)
    return hashlib.sha256(b"".join(table.to_csv(index=False).encode() for table in tables)).hexdigest()


def z_scores(screen):
    """Return well medians in SDs of the control wells of their plate, and their platemap."""
    names = feature_columns(screen.cells)
    wells = screen.cells.groupby(KEYS)[names].median().reset_index().merge(screen.platemap, on=KEYS)
    control = wells[wells["Metadata_Role"] == "negcon"].groupby("Metadata_Plate")[names]
    plate = wells["Metadata_Plate"]
    x = wells[names].to_numpy(float)
    z = (x - control.mean().loc[plate].to_numpy()) / control.std().loc[plate].to_numpy()
    return pd.DataFrame(z, columns=names), wells


def assert_same_table(read, table):
    """Compare what a text file gives: missing and empty text are the same there."""
    texts = table.columns[[not pd.api.types.is_numeric_dtype(table[name]) for name in table]]
    missing = dict.fromkeys(texts, "")
    pd.testing.assert_frame_equal(read.fillna(missing), table.fillna(missing), check_dtype=False)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_screen_has_the_contracted_shape(preset):
    screen = small(preset, doses=(1.0, 10.0))
    names = feature_columns(screen.cells)
    assert len(names) == 40
    assert screen.cells.columns[:7].tolist() == [
        *KEYS,
        *("Metadata_Site", "Metadata_ImageNumber", "Metadata_ObjectNumber"),
        *("Nuclei_Location_Center_X", "Nuclei_Location_Center_Y"),
    ]
    assert (screen.cells[names].dtypes == np.float32).all()
    assert len(screen.truth.cells) == len(screen.cells)
    assert len(screen.truth.wells) == len(screen.platemap) == 2 * (10 * 2 + 6)
    assert len(screen.truth.compounds) == 10
    assert set(screen.platemap["Metadata_Compound"]) == {"DMSO", *screen.truth.compounds["Metadata_Compound"]}
    seen = screen.cells[KEYS].drop_duplicates()
    assert len(seen.merge(screen.platemap, on=KEYS)) == len(seen) == len(screen.platemap)
    assert screen.preset == preset
    assert screen.parameters["seed"] == 0
    assert screen.parameters["features"] == 40


def test_features_are_one_block_of_memory():
    features = small().cells.iloc[:, 7:]  # several blocks would have to be copied together, each time anew
    assert np.shares_memory(features.to_numpy(copy=False), features.to_numpy(copy=False))


@pytest.mark.parametrize("preset", PRESETS)
def test_default_screens_have_the_usual_size(preset):
    chosen = PRESETS[preset]
    assert (chosen.plates, chosen.wells_per_plate, chosen.controls, chosen.features) == (4, 384, 24, 230)
    assert resolve(preset, {}) == chosen  # which fits on its plates
    screen = simulate_screen(preset, plates=1, features=5)
    count = screen.cells.groupby(KEYS).size()
    wells = screen.truth.wells.set_index(KEYS)["expected_count"]
    assert np.median(count / wells.loc[count.index]) == pytest.approx(1, abs=0.02)
    assert count.median() == pytest.approx(120, rel=0.5)


@pytest.mark.parametrize("preset", ["easy", "messy"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(preset):
    first = digest(small(preset))
    assert digest(small(preset)) == first
    assert digest(small(preset, seed=1)) != first


@pytest.mark.parametrize("preset", ["hetero", "messy"])
def test_more_plates_leave_the_first_ones_as_they_are(preset):
    few, many = small(preset), small(preset, plates=4)
    n = len(few.cells)
    pd.testing.assert_frame_equal(few.cells, many.cells.iloc[:n])
    pd.testing.assert_frame_equal(few.truth.cells, many.truth.cells.iloc[:n])
    pd.testing.assert_frame_equal(few.truth.compounds, many.truth.compounds)
    pd.testing.assert_frame_equal(few.platemap, many.platemap.iloc[: len(few.platemap)])


@pytest.mark.parametrize("change", [{"cells_per_well": 35}, {"controls": 8}, {"plates": 3}, {"layout": "fixed"}])
def test_the_compounds_do_not_depend_on_how_they_are_screened(change):
    pd.testing.assert_frame_equal(small().truth.compounds, small(**change).truth.compounds)


def test_which_compounds_are_active_does_not_depend_on_the_features():
    columns = ["type", "mechanism", "active", "ec50", "fraction", "effect"]
    pd.testing.assert_frame_equal(small().truth.compounds[columns], small(features=100).truth.compounds[columns])


def test_where_nothing_works_treated_wells_are_like_control_wells():
    p_values = []
    for seed in range(6):
        z, wells = z_scores(simulate_screen("null", seed=seed, plates=2, compounds=60, controls=60, features=60))
        control = (wells["Metadata_Role"] == "negcon").to_numpy()
        p_values += [stats.ks_2samp(z.loc[control, name], z.loc[~control, name]).pvalue for name in z]
        assert (z[~control].abs() > 3).mean().mean() < 0.02
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.12
    assert 0.4 < np.mean(p_values) < 0.65


def test_where_nothing_works_plates_batches_and_positions_still_differ():
    screen = simulate_screen("null", compounds=300, cells_per_well=40, features=40)
    names = feature_columns(screen.cells)
    wells = screen.cells.groupby(KEYS)[names].median()
    means, within = wells.groupby(level=0).mean(), wells.groupby(level=0).std().mean()
    assert (means.std() / within).median() > 0.5
    edge = screen.truth.wells.set_index(KEYS).loc[wells.index, "position"] < -0.15
    centered = wells - means.reindex(wells.index, level=0)
    assert ((centered[edge].mean() - centered[~edge].mean()) / within).abs().max() > 0.4
    assert (screen.truth.compounds["type"] == "inert").all()


def test_easy_compounds_are_as_strong_and_as_alike_as_those_of_bbbc021():
    """BBBC021: 0.33 of features beyond 2 SDs; cosine 0.86 within and 0.33 between mechanisms."""
    shares, within, between, inert = [], [], [], []
    for seed in range(5):
        screen = simulate_screen("easy", seed=seed, features=100)
        z, wells = z_scores(screen)
        z = z.groupby(wells["Metadata_Compound"].to_numpy()).mean().drop(index="DMSO")
        truth = screen.truth.compounds.set_index("Metadata_Compound").loc[z.index]
        share = (z.abs() > 2).mean(axis=1)
        shares += share[truth["active"]].tolist()
        inert += share[~truth["active"]].tolist()
        unit = z[truth["active"]].to_numpy()
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        mechanism = truth.loc[truth["active"], "mechanism"].to_numpy()
        same = mechanism[:, None] == mechanism
        within.append((unit @ unit.T)[same & ~np.eye(len(same), dtype=bool)].mean())
        between.append((unit @ unit.T)[~same].mean())
    assert np.median(shares) == pytest.approx(0.33, abs=0.07)
    assert np.quantile(shares, 0.1) > 5 * np.quantile(inert, 0.9)
    assert np.quantile(inert, 0.9) < 0.02
    assert np.mean(within) == pytest.approx(0.86, abs=0.06)
    assert np.mean(between) == pytest.approx(0.33, abs=0.12)


def test_the_affected_groups_are_the_ones_that_move_most():
    screen = simulate_screen("easy", compounds=30, plates=4, features=229, effect=0.8)
    z, wells = z_scores(screen)
    z = z.groupby(wells["Metadata_Compound"].to_numpy()).mean()
    ratios = []
    for _, row in screen.truth.compounds.query("active").iterrows():
        moved = z.loc[row["Metadata_Compound"]].abs()
        inside = pd.Series(False, index=moved.index)
        for group in row["groups"].split(";")[:5]:
            compartment, kind, *channel = group.split("/")
            wanted = [f"{compartment}_{kind}_", *"".join(channel).split("|")]
            inside |= np.array([all(part in name for part in wanted) for name in moved.index])
        ratios.append(moved[inside].mean() / moved[~inside].mean())
    assert np.median(ratios) > 1.5
    assert np.mean(np.array(ratios) > 1) > 0.9


def test_effects_follow_the_dose():
    screen = simulate_screen("easy", compounds=20, doses=(0.01, 0.3, 10.0), plates=4, features=60)
    z, wells = z_scores(screen)
    strength = z.groupby([wells["Metadata_Dose"], wells["Metadata_Compound"]]).mean().abs().mean(axis=1)
    active = screen.truth.compounds.query("active")["Metadata_Compound"]
    low, middle, high = (strength[dose].loc[active] for dose in (0.01, 0.3, 10.0))
    assert (high > middle).mean() > 0.9
    assert low.mean() < 0.5 * high.mean()
    planted = screen.truth.wells.groupby(["true_dose", "true_compound"])["true_effect"].first()
    assert (planted[10.0].loc[active] > planted[0.3].loc[active]).all()


def test_exchanged_wells_really_hold_each_others_cells():
    straight = build("messy", replace(resolve("messy", SMALL), swapped=0.0, rotated=False, batch_sd=0.0), seed=0)
    swapped = build("messy", replace(resolve("messy", SMALL), swapped=0.2, rotated=False, batch_sd=0.0), seed=0)
    pd.testing.assert_frame_equal(straight.platemap, swapped.platemap)
    moved = swapped.truth.wells[swapped.truth.wells["swapped"]]
    assert len(moved) == 2 * 2 * np.ceil(0.1 * 66)
    kill = swapped.truth.compounds.set_index("Metadata_Compound")["lethal_ec50"]
    partner_is_lethal = moved["true_compound"].map(kill) < moved["true_dose"]
    count = swapped.cells.groupby(KEYS).size() / straight.cells.groupby(KEYS).size()
    own = swapped.platemap.loc[moved.index]
    own_is_lethal = own["Metadata_Compound"].map(kill) < own["Metadata_Dose"]
    fewer = count.loc[list(moved.loc[partner_is_lethal & ~own_is_lethal, KEYS].itertuples(index=False, name=None))]
    more = count.loc[list(moved.loc[own_is_lethal & ~partner_is_lethal, KEYS].itertuples(index=False, name=None))]
    assert fewer.max() < 0.8 < 1.2 < more.min()


def test_a_turned_plate_holds_the_same_cells_under_other_well_names():
    preset = resolve("messy", SMALL)
    straight, turned = (build("messy", replace(preset, rotated=rotated), seed=0) for rotated in (False, True))
    first = straight.cells.query("Metadata_Plate == 'Plate01'")
    pd.testing.assert_frame_equal(turned.cells.iloc[: len(first)], first)
    where = turned.truth.wells.set_index(KEYS)["true_well"]
    plate = turned.cells[turned.cells["Metadata_Plate"] == "Plate02"]
    real = where.loc[list(plate[KEYS].itertuples(index=False, name=None))].to_numpy()
    seen = plate.set_axis(pd.MultiIndex.from_arrays([real, plate.groupby("Metadata_Well").cumcount()]))
    there = straight.cells[straight.cells["Metadata_Plate"] == "Plate02"]
    there = there.set_axis(
        pd.MultiIndex.from_arrays([there["Metadata_Well"], there.groupby("Metadata_Well").cumcount()])
    )
    pd.testing.assert_frame_equal(seen.iloc[:, 7:].sort_index(), there.iloc[:, 7:].sort_index(), check_names=False)
    assert plate["Metadata_Well"].is_monotonic_increasing


def test_what_is_written_is_what_a_laboratory_has_and_reads_back_the_same(tmp_path):
    screen = small("toxic", doses=(1.0, 10.0))
    folder = screen.write(tmp_path / "new" / "screen")
    files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert files == [
        *("cells/Plate01.parquet", "cells/Plate02.parquet", "platemap.csv", "screen.yaml"),
        *("truth/compounds.csv", "truth/wells.csv"),
    ]
    pd.testing.assert_frame_equal(read_profiles(folder / "cells"), screen.cells, check_dtype=False)
    assert (read_profiles(folder / "cells").dtypes == screen.cells.dtypes).iloc[5:].all()
    platemap = pd.read_csv(folder / "platemap.csv")
    assert list(platemap) == ["Plate", "Well", "Batch", "Compound", "Dose", "Mechanism", "Role"]
    assert_same_table(platemap.add_prefix("Metadata_"), screen.platemap)
    assert_same_table(pd.read_csv(folder / "truth" / "compounds.csv"), screen.truth.compounds)
    assert_same_table(pd.read_csv(folder / "truth" / "wells.csv"), screen.truth.wells)
    recipe = yaml.safe_load((folder / "screen.yaml").read_text())
    assert recipe == {
        "name": "toxic",
        "cells": "cells",
        "platemap": "platemap.csv",
        "reference": "Metadata_Role == 'negcon'",
        "by": ["Metadata_Compound", "Metadata_Dose"],
        "seed": 0,
    }


def test_a_screen_of_one_dose_is_scored_by_compound(tmp_path):
    assert yaml.safe_load((small().write(tmp_path) / "screen.yaml").read_text())["by"] == ["Metadata_Compound"]


def test_writing_again_replaces_and_never_mixes_two_screens(tmp_path):
    small(plates=3).write(tmp_path)
    small(plates=3, seed=1).write(tmp_path)
    pd.testing.assert_frame_equal(read_profiles(tmp_path / "cells"), small(plates=3, seed=1).cells, check_dtype=False)
    with pytest.raises(FileFormatError, match=r"its cells/ holds 'Plate03\.parquet' of another screen"):
        small(plates=2).write(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(FileFormatError, match=r"taken': is a file; name a folder"):
        small().write(tmp_path / "taken")


def test_a_bad_seed_is_said():
    with pytest.raises(InputError, match=r"seed=-1: not a whole number of at least 0"):
        simulate_screen("easy", seed=-1)
