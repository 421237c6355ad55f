"""Pipelines as data."""

import inspect

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError
from cellprofiling.profiles.pipeline.pipeline import VERBS, _verb
from cellprofiling.profiles.pipeline.presets import PRESETS
from cellprofiling.profiles.pipeline.steps import correct_position_if_needed, normalize_few, principal_components
from tests.builders import NEGCON


def screen(seed=0, batches=2, plates=3, controls=24, position=0.0, features=8, sites=2):
    """96-well plates, controls all over, compounds in two positions each per plate; batches shifted."""
    rng = np.random.default_rng(seed)
    rows, columns = np.divmod(np.arange(96), 12)
    names = [f"{'ABCDEFGH'[r]}{c + 1:02d}" for r, c in zip(rows, columns, strict=True)]
    level, shift = rng.normal(size=(40, features)), rng.normal(size=(batches, features))
    frames = []
    for plate in range(batches * plates):
        is_control = np.zeros(96, dtype=bool)
        is_control[rng.permutation(96)[:controls]] = True
        compound = rng.integers(0, 40, 96)
        x = 10 + rng.normal(size=(96, features)) + np.where(is_control[:, None], 0, level[compound])
        x += shift[plate // plates] + position * columns[:, None]
        frame = pd.DataFrame(x, columns=[f"Cells_Texture_Variance_{i}" for i in range(features)])
        frame = frame.assign(
            Metadata_Plate=f"P{plate:02d}",
            Metadata_Batch=f"B{plate // plates}",
            Metadata_Site=f"S{plate // plates % sites}",
            Metadata_Well=names,
            Metadata_Role=np.where(is_control, "negcon", "treatment"),
            Metadata_Compound=np.where(is_control, "DMSO", np.char.add("c", compound.astype(str))),
            Metadata_Object_Count=rng.integers(50, 200, 96),
        )
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


ROLES = {"reference": NEGCON, "by": "Metadata_Compound"}


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_runs_and_leaves_the_rows_as_they_are(name):
    wells = screen()
    before = wells.copy(deep=True)
    found = cpf.run_steps(wells, name, **ROLES)
    pd.testing.assert_frame_equal(wells, before)
    assert found.index.equals(wells.index)
    pd.testing.assert_series_equal(found["Metadata_Well"], wells["Metadata_Well"])
    features = found.drop(columns=[c for c in found if c.startswith("Metadata_")])
    assert features.shape[1] > 1
    assert np.isfinite(features.to_numpy()).all()
    assert [verb for step in found.attrs["steps"] for verb in step] == [
        verb for step in cpf.preset(name) for verb in step
    ]
    assert "@" not in str(found.attrs["steps"])


@pytest.mark.parametrize("name", PRESETS)
def test_each_step_of_a_preset_names_options_that_there_are(name):
    for step in PRESETS[name].steps:
        for verb, options in step.items():
            arguments = inspect.signature(_verb(verb)).parameters
            if not any(a.kind is a.VAR_KEYWORD for a in arguments.values()):
                assert set(options) <= set(arguments)


def test_level_4b_equals_pycytominer_1_7_1(pycytominer):
    """Plate by plate as its recipe does, with the variance filter of the release it was written for."""
    rng = np.random.default_rng(0)
    wells = screen(features=30)
    wells = wells.rename(columns=lambda name: name.replace("Variance_3", "Contrast_DNA_3"))
    features = [name for name in wells if not name.startswith("Metadata_")]
    wells[features[5:9]] = wells[features[:4]].to_numpy() + 0.1 * rng.normal(size=(len(wells), 4))
    wells[features[9]] = np.where(rng.random(len(wells)) < 0.3, 5.0, wells[features[9]])  # often the same value
    wells.loc[:40, features[10]] = np.nan
    wells["Nuclei_Correlation_Manders_AGP_DNA"] = rng.normal(size=len(wells))
    features.append("Nuclei_Correlation_Manders_AGP_DNA")
    plates = [
        pycytominer.normalize(plate, features=features, samples=NEGCON, method="mad_robustize", mad_robustize_epsilon=0)
        for _, plate in wells.groupby("Metadata_Plate")
    ]
    operations = ["frequency_threshold", "correlation_threshold", "drop_na_columns", "blocklist"]
    peer = pycytominer.feature_select(pd.concat(plates), features=features, operation=operations)
    found = cpf.run_steps(wells, "pycytominer_4b", reference=NEGCON)
    assert set(found) == set(peer)
    left = [name for name in features if name in found]
    assert len(left) < 26
    np.testing.assert_allclose(found[left], peer.loc[found.index, left], rtol=0, atol=1e-9)


def test_steps_are_what_calling_the_verbs_gives():
    wells = screen()
    steps = [
        {"normalize": {"method": "standardize", "by": "@plate", "reference": "@reference"}},
        "select_features",
        {"consensus": {"by": "@perturbation", "method": "modz"}},
    ]
    found = cpf.run_steps(wells, steps, **ROLES)
    expected = cpf.normalize(wells, "standardize", reference=NEGCON)
    expected = cpf.consensus(cpf.select_features(expected), "Metadata_Compound", method="modz")
    pd.testing.assert_frame_equal(found, expected)
    assert cpf.ledger(found).equals(cpf.ledger(expected))
    assert found.attrs["steps"][0] == {
        "normalize": {"method": "standardize", "by": "Metadata_Plate", "reference": NEGCON}
    }


def test_roles_are_filled_in_wherever_they_stand():
    wells = screen()
    steps = [{"select_features": {"steps": [{"noise": {"by": ["@perturbation", "@plate"], "cutoff": 99}}, "missing"]}}]
    found = cpf.run_steps(wells, steps, by=["Metadata_Compound", "Metadata_Role"])
    inside = found.attrs["steps"][0]["select_features"]["steps"]
    assert inside == [
        {"noise": {"by": ["Metadata_Compound", "Metadata_Role", "Metadata_Plate"], "cutoff": 99}},
        "missing",
    ]


def test_a_mask_is_written_down_in_words():
    wells = screen()
    mask = (wells["Metadata_Role"] == "negcon").to_numpy()
    found = cpf.run_steps(wells, [{"normalize": {"reference": "@reference"}}], reference=mask)
    assert found.attrs["steps"] == [{"normalize": {"reference": "a ndarray of 576 values"}}]
    pd.testing.assert_frame_equal(found, cpf.normalize(wells, reference=mask))


def test_an_open_role_may_stay_open_and_another_may_not():
    wells = screen()
    pd.testing.assert_frame_equal(
        cpf.run_steps(wells, [{"normalize": {"reference": "@reference?"}}]), cpf.normalize(wells)
    )
    alone = wells.drop(columns="Metadata_Batch")
    assert cpf.run_steps(alone, [{"normalize": {"pool_scale_by": "@batch?"}}]).attrs["steps"] == [
        {"normalize": {"pool_scale_by": None}}
    ]
    with pytest.raises(InputError, match=r"steps, 1 \(normalize\): needs reference=\.\.\., which was not given"):
        cpf.run_steps(wells, [{"normalize": {"reference": "@reference"}}])
    with pytest.raises(InputError, match=r"steps, 1 \(consensus\): needs by=\.\.\., which was not given"):
        cpf.run_steps(wells, [{"consensus": {"by": "@perturbation"}}])


def test_the_seed_reaches_the_verbs_that_take_one():
    wells = screen()
    steps = [{"correct_batch": {"method": "harmony", "batch": "@batch", "by": "@perturbation"}}]
    found = cpf.run_steps(wells, steps, seed=3, **ROLES)
    assert found.attrs["steps"][0]["correct_batch"]["seed"] == 3
    expected = cpf.correct_batch(wells, "harmony", batch="Metadata_Batch", by="Metadata_Compound", seed=3)
    pd.testing.assert_frame_equal(found, expected)


def test_a_preset_is_a_copy():
    steps = cpf.preset("jump_compound")
    steps[0]["select_features"]["steps"].append("variance")
    assert cpf.preset("jump_compound") != steps


def test_no_steps_change_nothing():
    wells = screen()
    found = cpf.run_steps(wells, [])
    assert found is not wells
    pd.testing.assert_frame_equal(found, wells)
    assert "steps" not in wells.attrs


def test_what_cannot_be_done_is_said_with_the_step():
    wells = screen()
    with pytest.raises(InputError, match=r"steps='jump_compounds': choose one of .* Did you mean 'jump_compound'"):
        cpf.run_steps(wells, "jump_compounds")
    with pytest.raises(InputError, match=r"name='jump': choose one of 'single_batch'"):
        cpf.preset("jump")
    with pytest.raises(InputError, match=r"steps, 2 \(normalise\): verb='normalise': choose .* mean 'normalize'"):
        cpf.run_steps(wells, ["select_features", "normalise"])
    with pytest.raises(InputError, match=r"steps=\{'normalize': 'mad'\}: write the options by name"):
        cpf.run_steps(wells, [{"normalize": "mad"}])
    with pytest.raises(InputError, match=r"steps, 1 \(whiten\): methods: not an option of 'whiten'; .* mean 'method'"):
        cpf.run_steps(wells, [{"whiten": {"methods": "pca"}}])
    with pytest.raises(InputError, match=r"steps, 1 \(normalize\): role='plates': choose one of .* mean 'plate'"):
        cpf.run_steps(wells, [{"normalize": {"by": "@plates"}}])
    with pytest.raises(ColumnError, match=r"steps, 1 \(normalize\): plate='Metadata_Barcode': no such column"):
        cpf.run_steps(wells, [{"normalize": {"by": "@plate"}}], plate="Metadata_Barcode")
    with pytest.raises(ReferenceRowsError, match=r"steps, 2 \(normalize\): reference="):
        cpf.run_steps(wells, ["select_features", {"normalize": {"reference": "Metadata_Role == 'x'"}}])


def test_every_verb_is_there():
    assert all(callable(_verb(verb)) for verb in VERBS)


def test_position_is_corrected_if_the_controls_say_so():
    with_effect, without = screen(position=0.5), screen(position=0.0, seed=1)
    found = correct_position_if_needed(with_effect, reference=NEGCON)
    pd.testing.assert_frame_equal(found, cpf.correct_position(with_effect, reference=NEGCON))
    assert cpf.ledger(found)["reason"].iloc[-1].startswith("corrected: ")
    found = correct_position_if_needed(without, reference=NEGCON)
    pd.testing.assert_frame_equal(found, without)
    assert cpf.ledger(found)["reason"].iloc[-1].startswith("not corrected: ")


def test_position_is_left_where_controls_lie_in_two_columns():
    wells = screen(position=0.5)
    edge = wells["Metadata_Well"].str[1:].isin(["01", "12"])
    found = correct_position_if_needed(wells.assign(Metadata_Role=np.where(edge, "negcon", "x")), reference=NEGCON)
    reason = cpf.ledger(found)["reason"].iloc[-1]
    assert reason.startswith("not corrected")
    pd.testing.assert_frame_equal(found.filter(like="Cells"), wells.filter(like="Cells"))


def test_the_scale_is_pooled_where_a_plate_has_few_controls():
    many, few = screen(controls=24), screen(controls=8)
    pd.testing.assert_frame_equal(
        normalize_few(many, reference=NEGCON, clip=20), cpf.normalize(many, reference=NEGCON, clip=20)
    )
    pooled = cpf.normalize(few, reference=NEGCON, pool_scale_by="Metadata_Batch")
    pd.testing.assert_frame_equal(normalize_few(few, reference=NEGCON, pool_scale_by="Metadata_Batch"), pooled)
    one_pool = cpf.normalize(few.assign(Metadata_All="all"), reference=NEGCON, pool_scale_by="Metadata_All")
    pd.testing.assert_frame_equal(normalize_few(few, reference=NEGCON), one_pool.drop(columns="Metadata_All"))


def test_principal_components_hold_the_variance_that_was_asked_for():
    from sklearn.decomposition import PCA

    wells = screen()
    x = wells.filter(like="Cells").to_numpy()
    found = principal_components(wells, variance=0.9).filter(like="PC")
    expected = PCA(0.9).fit_transform(x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)
    assert principal_components(wells, variance=1).filter(like="PC").shape[1] == x.shape[1]
    with pytest.raises(InputError, match=r"variance=98: give a share"):
        principal_components(wells, variance=98)
