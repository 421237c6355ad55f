"""Controls held out in disguise, and what corrections do to effects."""

from functools import partial

import numpy as np
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.profiles.comparison.candidates import Roles, named_candidates
from cellprofiling.profiles.comparison.safety import calibration, effect_preservation, effects, hold_out, seed_stability
from cellprofiling.profiles.comparison.screen import find_screen, look, view
from cellprofiling.simulate.faults.batch_screen import simulate_batches
from tests.builders import NEGCON
from tests.chance import allowed

BATCH, COMPOUND = "Metadata_Batch", "Metadata_Compound"
DESIGN = {"batch": BATCH, "by": COMPOUND, "plate": "Metadata_Plate", "well": "Metadata_Well"}


def screen_of(wells, reference=NEGCON):
    parts = look(wells, None)
    screen = find_screen(wells, parts, **DESIGN, reference=reference, label=None)
    return screen, view(parts, screen)


def called(wells, given, reference=NEGCON, seed=0):
    screen, _ = screen_of(wells, reference)
    held = hold_out(screen, np.random.default_rng(seed))
    candidate = named_candidates({"it": given})[1]
    return calibration(candidate, wells, Roles(**DESIGN, reference=reference), screen, held, seed)


def share(sample):
    return float(sample.statistic(np.ones((1, len(sample.known))))[0])


@pytest.mark.parametrize(("library", "n_plates"), [("balanced", 6), ("split", 2)])
def test_half_of_the_controls_play_perturbations_with_the_usual_plates(library, n_plates):
    wells = simulate_batches(library, compounds=30, features=20).wells
    screen, _ = screen_of(wells)
    held = hold_out(screen, np.random.default_rng(0))
    assert {len(np.unique(screen.plate[wells])) for wells in held.sets} == {n_plates}
    played = np.concatenate(held.sets)
    assert len(np.unique(played)) == len(played) == screen.control.sum() // 2
    assert screen.control[played].all()
    assert not held.kept[played].any()
    assert (np.bincount(screen.plate[held.kept]) == 12).all()


def test_perturbations_on_one_plate_are_played_by_controls_of_one_plate():
    wells = simulate_batches("split", plates=1, compounds=30, features=20).wells
    screen, _ = screen_of(wells)
    held = hold_out(screen, np.random.default_rng(0))
    assert {len(np.unique(screen.plate[wells])) for wells in held.sets} == {1}
    assert {len(wells) for wells in held.sets} == {2}


def test_few_controls_are_not_held_out():
    wells = simulate_batches("balanced", compounds=12, controls=3, features=20).wells
    found = called(wells, lambda table: table)
    assert found.note == "too few controls to hold half of them out"


def test_controls_called_active_are_about_as_many_as_the_level_says():
    shares = []
    for seed in range(40):
        wells = simulate_batches("split", compounds=18, features=20, batch_effect=0.5, seed=seed).wells
        shares.append(share(called(wells, lambda table: table, seed=seed)))
    low, high = allowed(1440)  # ties count against a call
    assert low <= np.mean(shares) <= high


def test_a_correction_that_follows_the_noise_of_its_controls_is_seen():
    """Whitened exactly by hardly more controls than features, those left out spread far more than those within."""
    screens = [simulate_batches("split", features=68, seed=seed).wells for seed in range(3)]
    greedy, careful = (
        np.mean([share(called(wells, partial(cpf.whiten, reference=NEGCON, **options))) for wells in screens])
        for options in ({"shrinkage": 0}, {})
    )
    assert careful <= allowed(3 * 36)[1] < greedy


def test_functions_find_their_controls_by_the_reference_and_labels_in_the_table():
    wells = simulate_batches("balanced", compounds=12, features=20).wells
    seen = []

    def correct(table):
        seen.append(table)
        return table

    called(wells, correct)
    (table,) = seen
    controls = table["Metadata_Role"] == "negcon"
    assert controls.sum() == 72
    assert (table.loc[controls, COMPOUND] == "DMSO").all()
    played = table[COMPOUND].str.startswith("held out")
    assert (table.loc[played, "Metadata_Role"] == "treatment").all()
    assert played.sum() == 72


def test_a_mask_cannot_be_told_to_a_function_but_to_steps():
    wells = simulate_batches("balanced", compounds=12, features=20).wells
    mask = (wells["Metadata_Role"] == "negcon").to_numpy()
    steps = [{"correct_batch": {"method": "combat", "batch": "@batch", "anchors": "@reference"}}]
    assert called(wells, lambda table: table, reference=mask).note.startswith("reference is a mask")
    assert np.isfinite(share(called(wells, steps, reference=mask)))


def test_what_is_refused_without_half_of_the_controls_is_noted():
    wells = simulate_batches("balanced", compounds=12, features=20).wells

    def refuse(table):
        raise InputError("too few.")

    assert called(wells, refuse).note == "refused without half of the controls: too few."


def test_effects_are_kept_by_a_shift_of_batches_and_turned_by_a_shift_of_treated_wells():
    wells = cpf.normalize(simulate_batches("balanced", compounds=20, features=20).wells, reference=NEGCON)
    screen, given = screen_of(wells)
    before = effects(screen, given)

    def kept(table):
        sample = effect_preservation(screen, before, given.features, screen_of_same(table, screen))
        return sample.statistic(np.ones((1, 20)))[0]

    assert kept(wells) > 0.99
    turned = wells.copy()
    turned.loc[turned["Metadata_Role"] != "negcon", "Cells_Texture_Variance_000"] += 30
    assert kept(turned) < 0.6
    other = effect_preservation(screen, before, ["a"], given)
    assert other.note == "other axes than the features: no direction to compare"


def screen_of_same(table, screen):
    return view(look(table, None), screen)


def test_two_seeds_that_agree_have_cosine_one():
    wells = simulate_batches("balanced", compounds=20, features=20).wells
    screen, given = screen_of(wells)
    assert seed_stability(screen, given, given).statistic(np.ones((1, 20)))[0] == pytest.approx(1)
    narrow = screen_of_same(wells.drop(columns="Cells_Texture_Variance_000"), screen)
    assert seed_stability(screen, given, narrow).note == "two seeds give tables of different width"
