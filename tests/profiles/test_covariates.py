"""Covariates regressed out."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError
from tests.builders import NEGCON

COUNT = "Metadata_Object_Count"
FEATURES = [f"Cells_f{i}" for i in range(6)]


@pytest.fixture
def wells():
    """Two plates, 20 controls each; every feature follows the count, and a toxic compound lowers count and Cells_f0."""
    rng = np.random.default_rng(0)
    n = 96
    role = np.where(np.arange(n) % 48 < 20, "negcon", "treatment")
    toxic = (role == "treatment") & (np.arange(n) % 2 == 0)
    count = 1000.0 + 100 * rng.normal(size=n) - 600 * toxic
    x = 1e3 + 0.01 * (count[:, None] - 1000) * np.arange(1, 7) + rng.normal(size=(n, 6))
    x[toxic, 0] += 20
    frame = pd.DataFrame(x, columns=FEATURES, index=np.arange(n) + 500)
    frame.insert(0, "Metadata_Plate", np.repeat(["P1", "P2"], 48))
    frame.insert(1, "Metadata_Role", role)
    frame.insert(2, COUNT, count.round().astype(int))
    frame.insert(3, "Metadata_Toxic", toxic)
    frame.insert(4, "Metadata_Area", rng.normal(size=n))
    return frame


def test_in_controls_nothing_is_left_and_their_mean_stays(wells):
    corrected = cpf.regress_out(wells, COUNT, reference=NEGCON)
    controls = corrected[corrected["Metadata_Role"] == "negcon"]
    before = wells[wells["Metadata_Role"] == "negcon"]
    left = controls[FEATURES].apply(lambda x: np.corrcoef(x, controls[COUNT])[0, 1])
    assert left.abs().max() < 1e-9
    np.testing.assert_allclose(controls[FEATURES].mean(), before[FEATURES].mean(), rtol=1e-12)


@pytest.mark.parametrize("by", [None, "Metadata_Plate"])
def test_each_feature_equals_a_regression_by_itself(wells, by):
    wells.loc[[503, 510, 560], "Cells_f2"] = np.nan
    names = [COUNT, "Metadata_Area"]
    corrected = cpf.regress_out(wells, names, by=by, reference=NEGCON)
    for _, group in wells.groupby(by) if by else [(None, wells)]:
        controls = group[group["Metadata_Role"] == "negcon"]
        for name in FEATURES:
            there = controls[controls[name].notna()]
            design = np.column_stack([np.ones(len(there)), there[names]])
            slope = np.linalg.lstsq(design, there[name], rcond=None)[0][1:]
            expected = group[name] - (group[names] - controls[names].mean()).to_numpy() @ slope
            np.testing.assert_allclose(corrected.loc[group.index, name], expected, rtol=1e-9)


def test_fitted_on_controls_toxicity_stays_and_fitted_on_all_it_goes(wells):
    def effect(table):
        return (
            table.loc[table["Metadata_Toxic"], "Cells_f0"].mean()
            - table.loc[~table["Metadata_Toxic"], "Cells_f0"].mean()
        )

    assert effect(cpf.regress_out(wells, COUNT, reference=NEGCON)) == pytest.approx(20, abs=3)
    assert abs(effect(cpf.regress_out(wells, COUNT))) < 3  # the way that removes what was looked for


def test_input_index_dtype_and_missing_values_stay(wells):
    wells[FEATURES] = wells[FEATURES].astype(np.float32)
    wells.loc[503, "Cells_f2"] = np.nan
    before = wells.copy(deep=True)
    corrected = cpf.regress_out(wells, COUNT, reference=NEGCON)
    pd.testing.assert_frame_equal(wells, before)
    assert corrected.index.equals(wells.index)
    assert list(corrected.columns) == list(wells.columns)
    assert set(corrected[FEATURES].dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(corrected[FEATURES].isna(), wells[FEATURES].isna())


def test_order_of_rows_columns_and_covariates_and_names_do_not_matter(wells):
    names = [COUNT, "Metadata_Area"]
    expected = cpf.regress_out(wells, names, by="Metadata_Plate", reference=NEGCON)
    moved = wells.iloc[np.random.default_rng(0).permutation(96), ::-1]
    moved = moved.assign(Metadata_Plate=moved["Metadata_Plate"].map({"P1": "z", "P2": "a"}))
    found = cpf.regress_out(moved, names[::-1], by="Metadata_Plate", reference=NEGCON).sort_index()
    pd.testing.assert_frame_equal(found[FEATURES], expected[FEATURES], rtol=1e-9)


def test_only_named_features_change(wells):
    corrected = cpf.regress_out(wells, COUNT, reference=NEGCON, features=["Cells_f1"])
    assert [name for name in corrected if name in FEATURES] == ["Cells_f1"]
    pd.testing.assert_frame_equal(
        corrected[["Cells_f1"]], cpf.regress_out(wells, COUNT, reference=NEGCON)[["Cells_f1"]]
    )


def test_covariates_that_cannot_be_used_are_named(wells):
    with pytest.raises(ColumnError, match=r"covariates='Metadata_Count': no such column"):
        cpf.regress_out(wells, "Metadata_Count")
    with pytest.raises(InputError, match=r"covariates=\[\]: name at least one"):
        cpf.regress_out(wells, [])
    message = r"covariates='Metadata_Plate': not numbers \(for example 'P1'\)\. For names.* use correct_batch"
    with pytest.raises(ColumnError, match=message):
        cpf.regress_out(wells, "Metadata_Plate")
    with pytest.raises(ColumnError, match=r"covariates='Cells_f0': a feature would be regressed on itself"):
        cpf.regress_out(wells, "Cells_f0")
    gaps = wells.assign(Metadata_Area=wells["Metadata_Area"].where(np.arange(96) > 1))
    with pytest.raises(ColumnError, match=r"covariates='Metadata_Area': 2 of 96 rows have no finite value"):
        cpf.regress_out(gaps, "Metadata_Area")


def test_fits_that_cannot_be_made_are_refused(wells):
    constant = wells.assign(Metadata_Area=np.where(wells["Metadata_Plate"] == "P2", 0.3, wells["Metadata_Area"]))
    message = r"covariates='Metadata_Area': the same value in all 20 reference rows of Metadata_Plate 'P2'"
    with pytest.raises(InputError, match=message):
        cpf.regress_out(constant, [COUNT, "Metadata_Area"], by="Metadata_Plate", reference=NEGCON)
    doubled = wells.assign(Metadata_Double=2 * wells[COUNT] + 5)
    with pytest.raises(InputError, match=r"only 1 of 2 are independent in the reference rows; leave out"):
        cpf.regress_out(doubled, [COUNT, "Metadata_Double"], reference=NEGCON)
    few = wells["Metadata_Role"].eq("negcon") & (np.arange(96) < 3)
    with pytest.raises(ReferenceRowsError, match=r"matches 3 rows, and 4 are needed for 1 covariates"):
        cpf.regress_out(wells, COUNT, reference=few)
    empty = wells.assign(Cells_f3=wells["Cells_f3"].where(np.arange(96) > 90))
    with pytest.raises(
        FeatureError, match=r"features 'Cells_f3' have 0 values in the reference rows, and 4 are needed"
    ):
        cpf.regress_out(empty, COUNT, reference=NEGCON)
