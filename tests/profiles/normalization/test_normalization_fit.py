"""A normalization kept for later plates."""

import json

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, FileFormatError, InputError, ReferenceRowsError
from tests.builders import NEGCON


def plate(name, seed, n=20):
    rng = np.random.default_rng(seed)
    wells = pd.DataFrame(rng.normal(seed, 1 + seed, size=(n, 3)), columns=["Cells_a", "Cells_b", "Cells_c"])
    return wells.assign(Metadata_Plate=name, Metadata_Role=np.where(np.arange(n) < 8, "negcon", "treatment"))


def test_applied_to_what_it_was_fitted_on_it_is_normalize(plates):
    fit = cpf.fit_normalization(plates, reference=NEGCON)
    pd.testing.assert_frame_equal(fit.apply(plates), cpf.normalize(plates, reference=NEGCON))


def test_a_known_plate_keeps_what_was_learned():
    fit = cpf.fit_normalization(plate("P1", 1), reference=NEGCON)
    some = plate("P1", 1).iloc[10:12]  # no controls among them
    pd.testing.assert_frame_equal(fit.apply(some), fit.apply(plate("P1", 1)).iloc[10:12])


def test_a_new_plate_is_measured_on_its_own_controls():
    fit = cpf.fit_normalization(plate("P1", 1), "standardize", reference=NEGCON)
    both = pd.concat([plate("P1", 1), plate("P2", 5)], ignore_index=True)
    pd.testing.assert_frame_equal(fit.apply(both), cpf.normalize(both, "standardize", reference=NEGCON))
    assert fit.keys == [("P1",)]  # the fit itself does not change


def test_a_known_plate_needs_no_controls_beside_a_new_one():
    fit = cpf.fit_normalization(plate("P1", 1), reference=NEGCON)
    treated = plate("P1", 1).iloc[8:]
    both = fit.apply(pd.concat([treated, plate("P2", 5)]))
    pd.testing.assert_frame_equal(both.iloc[: len(treated)], fit.apply(treated))


def test_with_one_group_new_rows_are_put_in_its_space():
    fit = cpf.fit_normalization(plate("P1", 1), "standardize", by=None, reference=NEGCON)
    assert abs(fit.apply(plate("P2", 5))["Cells_a"].mean()) > 1


def test_a_new_plate_without_spread_loses_the_feature_with_a_line():
    fit = cpf.fit_normalization(plate("P1", 1), reference=NEGCON)
    new = plate("P2", 2).assign(Cells_b=4.0)
    scores = fit.apply(new)
    assert list(scores.filter(like="Cells")) == ["Cells_a", "Cells_c"]
    assert cpf.ledger(scores)["reason"].tolist()[1:] == ["no spread in the reference of Metadata_Plate 'P2'"]
    strict = cpf.fit_normalization(plate("P1", 1), reference=NEGCON, zero_scale="error")
    with pytest.raises(FeatureError, match=r"'Cells_b' have no spread in the reference of Metadata_Plate 'P2'"):
        strict.apply(new)


def test_a_feature_dropped_in_the_fit_is_dropped_from_every_plate():
    fit = cpf.fit_normalization(pd.concat([plate("P1", 1).assign(Cells_b=4.0), plate("P2", 2)]), reference=NEGCON)
    assert "Cells_b" not in fit.apply(plate("P2", 2))


def test_a_new_plate_needs_controls_and_the_same_features():
    fit = cpf.fit_normalization(plate("P1", 1), reference=NEGCON)
    with pytest.raises(ReferenceRowsError, match=r"matches 1 row of Metadata_Plate 'P2'"):
        fit.apply(plate("P2", 2).iloc[7:])
    with pytest.raises(ColumnError, match=r"features='Cells_c': no such column"):
        fit.apply(plate("P2", 2).drop(columns="Cells_c"))


def test_a_mask_says_nothing_about_new_plates():
    wells = plate("P1", 1)
    fit = cpf.fit_normalization(wells, reference=wells["Metadata_Role"] == "negcon")
    pd.testing.assert_frame_equal(fit.apply(wells), cpf.normalize(wells, reference=NEGCON))
    with pytest.raises(
        ReferenceRowsError, match=r"no fit for the rows of Metadata_Plate 'P2', and the reference .* a mask"
    ):
        fit.apply(plate("P2", 2))


@pytest.mark.parametrize("reference", [None, NEGCON, {"Metadata_Role": ["negcon"]}])
@pytest.mark.parametrize("by", [None, "Metadata_Plate", ["Metadata_Plate", "Metadata_Batch"]])
def test_it_comes_back_from_its_file_unchanged(tmp_path, reference, by):
    wells = plate("00123", 1).assign(Metadata_Batch=np.int64(7))
    fit = cpf.fit_normalization(wells, by=by, reference=reference, mad_scale=1.0)
    again = cpf.load_fit(fit.save(tmp_path / "fit.json"))
    new = plate("P2", 2).assign(Metadata_Batch=7)
    pd.testing.assert_frame_equal(again.apply(wells), fit.apply(wells))
    pd.testing.assert_frame_equal(again.apply(new), fit.apply(new))
    np.testing.assert_array_equal(again.scale, fit.scale)


def test_a_group_that_json_cannot_name_is_refused(tmp_path):
    wells = plate("P1", 1).assign(Metadata_Day=pd.Timestamp("2026-01-05"))
    fit = cpf.fit_normalization(wells, by="Metadata_Day")
    with pytest.raises(InputError, match=r"by: a group is called Timestamp\(.*turn the column into text first"):
        fit.save(tmp_path / "fit.json")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_fit_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot be read as a saved fit"):
        cpf.load_fit(tmp_path / "absent.json")
    file = tmp_path / "other.json"
    for text in ("{", "[]", json.dumps({"kind": "recipe"})):
        file.write_text(text)
        with pytest.raises(FileFormatError, match=r"path='.*other\.json': (cannot be read|not a file written by)"):
            cpf.load_fit(file)


def batch(names, seed=0, name="B1", n_controls=8):
    """Return plates of 12 wells of one batch, `n_controls` of them controls."""
    wells = [plate(n, seed + i, n=12).iloc[8 - n_controls :] for i, n in enumerate(names)]
    return pd.concat(wells, ignore_index=True).assign(Metadata_Batch=name)


def test_a_new_plate_takes_its_location_from_its_own_controls_and_its_scale_from_the_batch():
    known, new = batch(["P1", "P2"]), batch(["P3"], seed=7)
    fit = cpf.fit_normalization(known, "standardize", reference=NEGCON, pool_scale_by="Metadata_Batch")
    scores = fit.apply(new)
    controls = new[new["Metadata_Role"] == "negcon"]
    expected = (new["Cells_a"] - controls["Cells_a"].mean()) / fit.pool_scales[0][0]
    np.testing.assert_allclose(scores["Cells_a"], expected, rtol=1e-12)
    own = cpf.normalize(new, "standardize", reference=NEGCON)
    assert abs(scores["Cells_a"] - own["Cells_a"]).max() > 0.5


def test_the_plates_of_the_fit_are_not_looked_at_again():
    known, new = batch(["P1", "P2"]), batch(["P3"], seed=7)
    fit = cpf.fit_normalization(known, reference=NEGCON, pool_scale_by="Metadata_Batch")
    spoiled = known.assign(Cells_a=known["Cells_a"] * 100, Cells_b=0.0)
    together = fit.apply(pd.concat([spoiled, new], ignore_index=True)).iloc[len(known) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(together, fit.apply(new))


def test_a_new_batch_is_pooled_by_itself():
    known, new = batch(["P1", "P2"]), batch(["P3", "P4"], seed=7, name="B2")
    options = {"reference": NEGCON, "pool_scale_by": "Metadata_Batch"}
    fit = cpf.fit_normalization(known, **options)
    pd.testing.assert_frame_equal(fit.apply(new), cpf.normalize(new, **options))


@pytest.mark.parametrize(
    "options", [{"method": "rank_inverse_normal"}, {"pool_scale_by": "Metadata_Batch", "clip": 2.0}]
)
def test_ranks_pools_and_clips_come_back_from_their_file(tmp_path, options):
    known, new = batch(["P1", "P2"]), batch(["P3"], seed=7)
    fit = cpf.fit_normalization(known, reference=NEGCON, **options)
    again = cpf.load_fit(fit.save(tmp_path / "fit.json"))
    for wells in (known, new, pd.concat([new, known])):
        pd.testing.assert_frame_equal(again.apply(wells), fit.apply(wells))
