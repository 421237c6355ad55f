"""Wells in batches."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import InputError
from cellprofiling.simulate.faults.batch_screen import simulate_batches


def test_a_balanced_screen_holds_every_compound_once_on_every_plate():
    wells = simulate_batches("balanced", batches=3, plates=2, compounds=10, controls=4).wells
    counts = pd.crosstab(wells["Metadata_Plate"], wells["Metadata_Compound"])
    assert counts.shape == (6, 11)
    assert (counts.drop(columns="DMSO") == 1).all(axis=None)
    assert (counts["DMSO"] == 4).all()
    assert not wells.duplicated(["Metadata_Plate", "Metadata_Well"]).any()


def test_a_split_library_shares_controls_only_and_its_first_batch_is_focused():
    screen = simulate_batches("split", batches=3, compounds=30)
    treated = screen.wells[screen.wells["Metadata_Role"] == "treatment"]
    assert (pd.crosstab(treated["Metadata_Compound"], treated["Metadata_Batch"]) > 0).sum(axis=1).eq(1).all()
    first = screen.compounds["Metadata_Compound"].isin(
        treated.loc[treated["Metadata_Batch"] == "B1", "Metadata_Compound"]
    )
    assert screen.compounds.loc[first, "active"].all()
    unit = screen.effects[first] / np.linalg.norm(screen.effects[first], axis=1, keepdims=True)
    assert (unit @ unit.T).mean() > 0.5


def test_effects_are_what_was_planted():
    screen = simulate_batches("balanced", batches=2, plates=40, compounds=6, controls=40, features=30, batch_effect=0.0)
    x = screen.wells.filter(like="Cells").to_numpy()
    compound = screen.wells["Metadata_Compound"].to_numpy()
    base = x[compound == "DMSO"].mean(axis=0)
    found = np.array([x[compound == name].mean(axis=0) - base for name in screen.compounds["Metadata_Compound"]])
    np.testing.assert_allclose(found, screen.effects, atol=0.6)
    assert (np.abs(screen.effects).max(axis=1) > 0).tolist() == screen.compounds["active"].tolist()


def test_batch_effects_have_the_size_asked_for():
    sizes = []
    for size in (0.0, 1.0, 2.0):
        wells = simulate_batches(batches=6, batch_effect=size, controls=60, features=100).wells
        controls = wells[wells["Metadata_Role"] == "negcon"]
        means = controls.filter(regex="Cells|Batch").groupby(controls["Metadata_Batch"]).mean(numeric_only=True)
        sizes.append(np.sqrt((means.var(axis=0, ddof=1)).mean()))
    assert sizes[0] < 0.2
    np.testing.assert_allclose(sizes[1:], [1.0, 2.0], rtol=0.15)


def test_the_same_seed_gives_the_same_wells():
    pd.testing.assert_frame_equal(simulate_batches(seed=3).wells, simulate_batches(seed=3).wells, check_exact=True)
    assert not simulate_batches(seed=3).wells.equals(simulate_batches(seed=4).wells)


def test_there_are_two_libraries():
    with pytest.raises(InputError, match=r"library='nested': choose one of 'balanced', 'split'"):
        simulate_batches("nested")
