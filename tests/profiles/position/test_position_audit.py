"""Whether controls show where they lie."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.core.plates import parse_wells, well_names
from cellprofiling.profiles.position import position_audit
from tests.builders import NEGCON
from tests.chance import allowed

SAME, SURFACE = "same position on other plates", "surface within plates"


def plates(seed=0, n_plates=5, position=0.0, n_controls=24, n_features=30):
    """Return 96-well plates, controls in the same wells of each, features of 4 dimensions, levels that differ."""
    rng = np.random.default_rng(seed)
    names = np.array(well_names(96))
    controls = rng.permutation(96)[:n_controls]
    at = parse_wells(names)
    shape = np.column_stack([at.row / 7 - 0.5, at.column / 11 - 0.5]) @ rng.normal(size=(2, n_features))
    frames = []
    for plate in range(n_plates):
        noise = rng.normal(size=(96, 4)) @ rng.normal(size=(4, n_features)) + 0.2 * rng.normal(size=(96, n_features))
        frame = pd.DataFrame(
            100.0 * plate + noise + 5 * position * shape, columns=[f"Cells_f{i}" for i in range(n_features)]
        )
        frame.insert(0, "Metadata_Plate", f"P{plate}")
        frame.insert(1, "Metadata_Well", names)
        frame.insert(2, "Metadata_Role", np.where(np.isin(np.arange(96), controls), "negcon", "treatment"))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def audited(wells, **options):
    return cpf.audit_position(wells, reference=NEGCON, **options).set_index("test")


def test_a_position_effect_is_seen_in_both_ways_and_its_correction_too():
    wells = plates(position=0.5)
    audit = audited(wells)
    assert audit["p_value"].tolist() == [0.001, 0.001]
    assert audit["position_matters"].all()
    assert (audit["score"] > 1.5 * audit["expected"]).all()
    assert audit["n_wells"].tolist() == [120, 120]
    assert "position matters" in audit.loc[SAME, "message"]
    half = np.random.default_rng(0).random(len(wells)) < 0.7
    fitted = half & (wells["Metadata_Role"] == "negcon")
    corrected = cpf.correct_position(wells, reference=fitted, pool_by=[])
    held_out = corrected[~half].query(NEGCON)
    assert audited(held_out).loc[SAME, "score"] < audited(wells[~half]).loc[SAME, "score"]


def test_one_plate_is_enough_for_the_surface():
    audit = audited(plates(n_plates=1, position=0.5))
    assert audit.loc[SURFACE, "position_matters"]
    assert np.isnan(audit.loc[SAME, "score"])
    assert audit.loc[SAME, "message"] == "not tested: no control position is on two plates."


@pytest.mark.slow
def test_without_a_position_effect_p_values_are_uniform():
    p_values = np.array(
        [audited(plates(seed=i, n_plates=3, n_controls=16), permutations=99)["p_value"] for i in range(200)]
    )
    for level in (0.05, 0.5):
        low, high = allowed(200, level)
        shares = (p_values <= level).mean(axis=0)
        assert (low <= shares).all()
        assert (shares <= high).all()


def test_without_a_position_effect_the_expected_score_is_met():
    audit = audited(plates(n_plates=6))
    np.testing.assert_allclose(audit["score"], audit["expected"], rtol=0.2)
    assert "nothing says that position matters" in audit.loc[SAME, "message"]


def test_order_of_rows_and_columns_and_names_and_units_do_not_matter():
    wells = plates(position=0.1)
    expected = cpf.audit_position(wells, reference=NEGCON, permutations=99)
    moved = wells.iloc[np.random.default_rng(0).permutation(len(wells)), ::-1]
    moved = moved.assign(Metadata_Plate=moved["Metadata_Plate"].map(lambda name: "x" + name[::-1]))
    found = cpf.audit_position(moved, reference=NEGCON, permutations=99)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
    scaled = cpf.normalize(wells, "standardize", reference=NEGCON)
    again = cpf.audit_position(scaled, reference=NEGCON, permutations=99)
    np.testing.assert_allclose(again["score"], expected["score"], rtol=1e-6)


def test_input_stays_and_missing_values_are_taken_for_the_mean():
    wells = plates(position=0.5)
    wells.loc[::7, "Cells_f3"] = np.nan
    before = wells.copy(deep=True)
    assert audited(wells)["position_matters"].all()
    pd.testing.assert_frame_equal(wells, before)


def test_of_many_wells_some_plates_are_taken(monkeypatch):
    monkeypatch.setattr(position_audit, "MOST_WELLS", 60)
    audit = audited(plates(position=0.5))
    assert audit["n_wells"].tolist() == [48, 48]
    assert audit["n_plates"].tolist() == [2, 2]
    assert audit["position_matters"].all()


def test_layouts_that_tell_nothing_are_not_tested():
    wells = plates(n_plates=2, n_controls=4)
    audit = audited(wells)
    assert audit.loc[SURFACE, "message"].startswith("not tested: no plate has more controls than the surface has terms")
    one = wells[wells["Metadata_Well"] == wells.query(NEGCON)["Metadata_Well"].iloc[0]]
    doubled = pd.concat([one, one.assign(Cells_f0=1.0)])
    assert audited(doubled).loc[SAME, "message"].startswith("not tested: all controls have one position")
    assert not audited(doubled)["position_matters"].any()


def test_what_cannot_be_used_is_named():
    wells = plates(n_plates=2)
    with pytest.raises(InputError, match=r"permutations=0: not a whole number of at least 1"):
        audited(wells, permutations=0)
    lonely = wells.iloc[[0, 96]].assign(Metadata_Role="negcon")
    with pytest.raises(ReferenceRowsError, match=r"no plate has two control wells"):
        audited(lonely)
