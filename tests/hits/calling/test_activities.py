"""The test of perturbations: calibrated, exact where small, and blind to order, names and scales."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.core.threads import granted
from cellprofiling.hits.calling.statistics import METHODS
from tests.builders import NEGCON
from tests.chance import allowed, allowed_distance, sharing

CALL = {"by": "Metadata_Compound", "reference": NEGCON}


def null_p_values(make: callable, control_fit: str, n_screens: int = 30, **design: object) -> np.ndarray:
    """Return the p-values of many screens of noise, normalized to their own controls."""
    found = [
        cpf.activity(make(seed, **design), **CALL, permutations=400, seed=seed, control_fit=control_fit)["p_value"]
        for seed in range(n_screens)
    ]
    return pd.concat(found).to_numpy()


ONE_PLATE = {"n_plates": 1, "n_controls": 16, "n_same": 3}
DESIGNS = {
    "four plates": {},
    "unequal controls": {"n_controls": [16, 14, 12, 10]},
    "one plate, three wells": ONE_PLATE,
    "two wells": {"n_plates": 2, "n_controls": 12},
}


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_calibrated_under_the_null(screen_of_noise: callable, design: str) -> None:
    """Controls that normalized the wells do not bend the test: no level is exceeded, and p-values are near uniform."""
    p_values = null_p_values(screen_of_noise, "refit", **DESIGNS[design])
    n, alike = len(p_values), sharing(20, 13, DESIGNS[design].get("n_same", 1))
    for level in (0.01, 0.05, 0.1, 0.5):
        assert (p_values <= level).mean() <= allowed(n, level, alike)[1]
    assert kstest(p_values, "uniform").statistic < allowed_distance(n, alike)


def test_naive_test_is_not_calibrated(screen_of_noise: callable) -> None:
    """The variant that must fail: profiles tested as given against the controls that normalized them."""
    p_values = null_p_values(screen_of_noise, "as_given", **ONE_PLATE)
    assert (p_values <= 0.05).mean() > 0.08


def test_as_given_is_calibrated_when_no_control_was_used(screen_of_noise: callable) -> None:
    """Profiles that were not made from controls may be tested as they stand."""
    p_values = null_p_values(screen_of_noise, "as_given", **ONE_PLATE, normalized=False)
    assert (p_values <= 0.05).mean() <= allowed(len(p_values), alike=sharing(20, 16, 3))[1]


def test_finds_what_is_planted(screen_of_noise: callable) -> None:
    """Strong effects in half of the compounds are found, and only those."""
    found = cpf.activity(screen_of_noise(effect=2.0), **CALL, permutations=2000)
    assert (found["q_value"] <= 0.05).tolist() == [True] * 10 + [False] * 10


def test_row_order_names_and_scales_change_nothing(screen_of_noise: callable) -> None:
    """Shuffled rows, renamed compounds and plates, rescaled and shifted plates: the same p-values to the bit."""
    wells = screen_of_noise(effect=0.4)
    usual = cpf.activity(wells, **CALL, permutations=500)
    other = wells.sample(frac=1, random_state=1)
    other["Metadata_Compound"] = other["Metadata_Compound"].map(lambda name: "z" + name[::-1])
    other["Metadata_Plate"] = other["Metadata_Plate"].map({"P0": "x", "P1": "a", "P2": "m", "P3": "b"})
    moved = cpf.activity(other, **CALL, permutations=500)
    moved["Metadata_Compound"] = moved["Metadata_Compound"].map(lambda name: name[1:][::-1])
    aligned = moved.set_index("Metadata_Compound").loc[usual["Metadata_Compound"]].reset_index()
    columns = ["p_value", "p_floor", "n_wells", "null_scheme"]
    pd.testing.assert_frame_equal(aligned[columns], usual[columns], check_exact=True)


def test_affine_changes_of_a_plate_cancel(screen_of_noise: callable) -> None:
    """A plate measured in other units gives the same tested statistic, of the observed labels and of any others."""
    wells = screen_of_noise(effect=0.4, n_controls=6)
    features = [name for name in wells if name.startswith("Cells_")]
    rescaled = wells.copy()
    on_plate = rescaled["Metadata_Plate"] == "P1"
    rescaled.loc[on_plate, features] = rescaled.loc[on_plate, features] * np.linspace(1, 9, len(features)) + 7
    both = [cpf.activity(table, **CALL, permutations=10**6) for table in (wells, rescaled)]
    assert both[0]["null_scheme"].str.startswith("all 2401 assignments").all()
    np.testing.assert_allclose(both[0]["statistic"], both[1]["statistic"], atol=1e-9)
    np.testing.assert_allclose(both[0]["p_value"], both[1]["p_value"])


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(screen_of_noise: callable, method: str) -> None:
    """One thread or five: the same table, to the bit."""
    wells = screen_of_noise()
    with granted(1):
        alone = cpf.activity(wells, **CALL, method=method, permutations=300)
    with granted(5):
        together = cpf.activity(wells, **CALL, method=method, permutations=300)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_small_designs_are_enumerated(screen_of_noise: callable) -> None:
    """Two plates with one well and five controls each have 36 assignments; every p-value is a multiple of 1/36."""
    found = cpf.activity(screen_of_noise(n_plates=2, n_controls=5), **CALL)
    assert (found["p_floor"] == 1 / 36).all()
    assert found["null_scheme"].str.startswith("all 36 assignments").all()
    np.testing.assert_allclose(found["p_value"] * 36, (found["p_value"] * 36).round(), atol=1e-9)


def test_ties_count_against_the_hit(screen_of_noise: callable) -> None:
    """A screen of identical wells has no hit: every assignment ties."""
    wells = screen_of_noise(n_compounds=4)
    features = [name for name in wells if name.startswith("Cells_")]
    wells[features] = np.arange(30.0)
    found = cpf.activity(wells, **CALL, permutations=200)
    assert (found["p_value"] == 1).all()


def test_wells_of_one_value_are_no_profiles(screen_of_noise: callable) -> None:
    """Zero and constant wells are left out and named; they never retrieve each other."""
    wells = screen_of_noise(n_compounds=4)
    features = [name for name in wells if name.startswith("Cells_")]
    dead = wells["Metadata_Compound"].isin(["c001", "c002"])
    dead &= (wells["Metadata_Compound"] == "c001") | (wells["Metadata_Plate"] == "P0")
    wells.loc[dead, features] = 0.0
    wells.loc[dead & (wells["Metadata_Plate"] == "P1"), features] = 3.0
    found = cpf.activity(wells, **CALL, permutations=100)
    row = found.set_index("Metadata_Compound").loc["c001"]
    assert row[["score", "p_value", "q_value"]].isna().all()
    assert row["null_scheme"] == "none: no valid well"
    assert found["n_wells"].tolist() == [4, 0, 3, 4]
    assert cpf.ledger(found)["name"].tolist() == [str(i) for i in wells.index[dead]]
    wells.loc[wells["Metadata_Role"] == "negcon", features] = 0.0
    with pytest.raises(ReferenceRowsError, match=r"plates 'P0', 'P1'.*fewer than 2 valid control wells \(0, 0, 0, 0\)"):
        cpf.activity(wells, **CALL)


def test_score_is_the_mean_of_average_precision(screen_of_noise: callable) -> None:
    """`score` is what `average_precision` gives with controls of the same plate as negatives."""
    wells = screen_of_noise(effect=0.5)
    wells["Metadata_Copy"] = np.where(wells["Metadata_Role"] == "negcon", wells.index.astype(str), "one")
    single = cpf.average_precision(
        wells,
        positives={"same": ["Metadata_Compound", "Metadata_Copy"]},
        negatives={"same": "Metadata_Plate", "different": "Metadata_Role"},
    )
    expected = single[single["Metadata_Role"] == "treatment"].groupby("Metadata_Compound")["average_precision"].mean()
    found = cpf.activity(wells, **CALL, permutations=10).set_index("Metadata_Compound")["score"]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_one_well_is_not_tested(screen_of_noise: callable) -> None:
    """Without a replicate there is nothing to retrieve: missing values, never a score of 1, and no part in the FDR."""
    wells = screen_of_noise()
    lone = (wells["Metadata_Compound"] == "c003") & (wells["Metadata_Plate"] != "P0")
    found = cpf.activity(wells[~lone], **CALL, permutations=100).set_index("Metadata_Compound")
    assert found.loc["c003", ["score", "p_value", "q_value"]].isna().all()
    assert found["q_value"].notna().sum() == 19


def test_missing_values_count_as_the_plate_median(screen_of_noise: callable) -> None:
    """A gap is filled by the median of its plate, so a table with gaps equals the table so filled."""
    wells = screen_of_noise()
    name = "Cells_Texture_Contrast_DNA_0_00_256"
    gaps = wells.copy()
    gaps.loc[[5, 40], name] = np.nan
    filled = gaps.copy()
    filled[name] = gaps[name].fillna(gaps.groupby("Metadata_Plate")[name].transform("median"))
    both = [cpf.activity(table, **CALL, permutations=100) for table in (gaps, filled)]
    pd.testing.assert_frame_equal(*both)


def test_very_large_designs_use_some_plates(screen_of_noise: callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A perturbation with more wells than a Gram matrix should hold is tested on as many plates as fit, and says so."""
    monkeypatch.setattr("cellprofiling.hits.calling.families.MOST_WELLS", 40)
    found = cpf.activity(screen_of_noise(n_compounds=3), **CALL, permutations=100)
    assert found["null_scheme"].str.contains("on 2 of 4 plates").all()
    assert (found["n_plates"] == 4).all()


def test_bad_input_is_named(screen_of_noise: callable) -> None:
    """Each mistake has its sentence."""
    wells = screen_of_noise(n_compounds=3)
    with pytest.raises(InputError, match=r"method='mapp': choose one of 'map', 'mahalanobis'"):
        cpf.activity(wells, **CALL, method="mapp")
    with pytest.raises(InputError, match=r"control_fit='never': choose one of 'refit', 'whiten', 'as_given'"):
        cpf.activity(wells, **CALL, control_fit="never")
    with pytest.raises(InputError, match=r"permutations=0: not a whole number of at least 1"):
        cpf.activity(wells, **CALL, permutations=0)
    with pytest.raises(ReferenceRowsError, match=r"matches no row.*Metadata_Role holds 'negcon'"):
        cpf.activity(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcom'")
    with pytest.raises(ReferenceRowsError, match=r"all 76 wells are controls"):
        cpf.activity(wells, by="Metadata_Compound", reference="Metadata_Role != ''")
    one_left = wells.drop(wells.index[(wells["Metadata_Plate"] == "P2") & (wells["Metadata_Role"] == "negcon")][1:])
    with pytest.raises(ReferenceRowsError, match=r"plates 'P2' have fewer than 2 control wells \(1\)"):
        cpf.activity(one_left, **CALL)


def test_input_is_not_changed(screen_of_noise: callable) -> None:
    """The table given stays as it was."""
    wells = screen_of_noise(n_compounds=3)
    before = wells.copy(deep=True)
    cpf.activity(wells, **CALL, permutations=10)
    pd.testing.assert_frame_equal(wells, before)
