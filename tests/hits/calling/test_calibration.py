"""P-values of screens in which nothing happens: uniform, whatever was fitted on the controls before."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from tests.builders import NEGCON, noise_screen
from tests.chance import allowed, allowed_distance, sharing

CALL = {"by": "Metadata_Compound", "reference": NEGCON, "permutations": 999}
METHODS = ("map", "mahalanobis", "energy", "replicate_correlation")

# one well on each plate unless n_same says otherwise; controls per plate
DESIGNS = {
    "2 wells, 64 controls": {"n_plates": 2, "n_controls": 64},
    "3 wells, 32 controls": {"n_plates": 3, "n_controls": 32},
    "4 wells, unequal controls": {"n_controls": [16, 14, 12, 10]},
    "6 wells, 16 controls": {"n_plates": 6, "n_controls": 16},
    "one plate, 3 wells, 16 controls": {"n_plates": 1, "n_controls": 16, "n_same": 3},
    "one plate, 4 wells, 384 controls": {"n_plates": 1, "n_controls": 370, "n_same": 4, "n_compounds": 3},
}


def correlated_screen(
    seed: int, *, n_plates: int, n_controls: int, n_compounds: int = 30, n_same: int = 1, n_features: int = 230
) -> pd.DataFrame:
    """Return a screen of noise with 20 common factors and plate shifts, MAD-normalized to its controls."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(20, n_features))
    frames = []
    for plate in range(n_plates):
        compound = np.r_[np.full(n_controls, -1), np.repeat(np.arange(n_compounds), n_same)]
        x = rng.normal(size=(len(compound), 20)) @ factors + rng.normal(size=(len(compound), n_features))
        metadata = pd.DataFrame({"Metadata_Plate": f"P{plate}", "Metadata_Compound": [f"c{c}" for c in compound]})
        metadata["Metadata_Role"] = np.where(compound < 0, "negcon", "treatment")
        names = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n_features)]
        frames.append(pd.concat([metadata, pd.DataFrame(x + rng.normal(size=n_features), columns=names)], axis=1))
    return cpf.normalize(pd.concat(frames, ignore_index=True), "mad_robustize", reference=NEGCON)


def whitened(*args: int, **design: int) -> pd.DataFrame:
    """Return the same screen, whitened on all of its controls."""
    return cpf.whiten(correlated_screen(*args, **design), "zca_cor", reference=NEGCON)


def p_values(make: Callable[..., pd.DataFrame], n_screens: int, call: dict, **design: object) -> np.ndarray:
    """Return the p-values of all perturbations of many screens."""
    found = [cpf.activity(make(seed, **design), **CALL, seed=seed, **call)["p_value"] for seed in range(n_screens)]
    return pd.concat(found).to_numpy()


def assert_calibrated(p: np.ndarray, m: int, *, n_controls: float, n_same: int = 1, **_: int) -> None:
    """Check the share of small p-values, and how far they are from uniform; m of one screen share its controls."""
    alike = sharing(m, n_controls, n_same)
    low, high = allowed(len(p), alike=alike)
    assert low <= (p <= 0.05).mean() <= high
    assert (p <= 0.001).mean() <= allowed(len(p), 0.001, alike)[1]
    assert kstest(p, "uniform").statistic < allowed_distance(len(p), alike)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("design", DESIGNS)
def test_designs(design: str, method: str) -> None:
    """Few and many controls, equal and unequal, one plate and several, plate shifts, z-scored to the controls."""
    n_screens = 400 if "384" in design else 150  # 20 compounds each, but 3 on a full plate
    p = p_values(noise_screen, n_screens, {"method": method}, **DESIGNS[design])
    given = DESIGNS[design] | {"n_controls": np.mean(DESIGNS[design]["n_controls"])}
    assert_calibrated(p, given.get("n_compounds", 20), **given)


NINETY_SIX = {
    "six plates": {"n_plates": 6, "n_controls": 16},
    "three plates": {"n_plates": 3, "n_controls": 32},
    "one plate": {"n_plates": 1, "n_controls": 96, "n_same": 4},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", NINETY_SIX)
def test_normalized_only(layout: str, method: str) -> None:
    """96 controls and 230 features after MAD normalization."""
    assert_calibrated(
        p_values(correlated_screen, 15, {"method": method}, **NINETY_SIX[layout]), 30, **NINETY_SIX[layout]
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", NINETY_SIX)
def test_whitened_in_the_test(layout: str, method: str) -> None:
    """Whitened on the same 96 controls that the test compares with, inside of it."""
    call = {"method": method, "control_fit": "whiten"}
    assert_calibrated(p_values(correlated_screen, 15, call, **NINETY_SIX[layout]), 30, **NINETY_SIX[layout])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", ["three plates", "one plate"])
def test_whitened_before(layout: str, method: str) -> None:
    """Whitened on the same 96 controls before the test, which sees it and refits it."""
    assert_calibrated(p_values(whitened, 15, {"method": method}, **NINETY_SIX[layout]), 30, **NINETY_SIX[layout])


@pytest.mark.parametrize("method", ["mahalanobis", "energy", "replicate_correlation"])
def test_whitened_and_tested_as_given_is_not_calibrated(method: str) -> None:
    """The variant that must fail: what the controls were whitened on is compared with the same controls."""
    call = {"method": method, "control_fit": "as_given"}
    assert (p_values(whitened, 3, call, **NINETY_SIX["six plates"]) <= 0.05).mean() > 0.20


def test_the_test_says_that_whitening_is_refitted() -> None:
    """By the ledger, or without one because controls are more alike than chance allows; and only then."""
    before = correlated_screen(0, n_plates=3, n_controls=32, n_compounds=4)
    few = cpf.activity(whitened(0, n_plates=3, n_controls=32, n_compounds=4), **CALL)
    assert few["null_scheme"].str.endswith("controls and their whitening refitted in each").all()
    exact = cpf.whiten(correlated_screen(0, n_plates=6, n_controls=64, n_compounds=4), reference=NEGCON, shrinkage=0)
    exact.attrs = {}
    assert cpf.activity(exact, **CALL)["null_scheme"].str.contains("whitening refitted").all()
    assert cpf.activity(before, **CALL)["null_scheme"].str.endswith(", controls refitted in each").all()


@pytest.mark.slow
def test_false_hits_of_an_all_null_screen() -> None:
    """At 5 % FDR at most one null screen in twenty has a hit, give or take chance."""
    with_hits = 0
    for seed in range(40):
        found = cpf.activity(noise_screen(seed, n_controls=32, n_compounds=40), **CALL, seed=seed)
        with_hits += bool((found["q_value"] <= 0.05).any())
    assert with_hits / 40 <= allowed(40)[1]


@pytest.mark.parametrize("method", METHODS)
def test_order_names_and_scales_change_nothing(method: str) -> None:
    """Shuffled rows, renamed plates and compounds, shifted and rescaled plates: the same p-values, to the bit."""
    wells = noise_screen(3, effect=0.4, n_controls=32, n_compounds=8)
    usual = cpf.activity(wells, **CALL, method=method)
    other = wells.sample(frac=1, random_state=1)
    other["Metadata_Compound"] = other["Metadata_Compound"].map(lambda name: "z" + name[::-1])
    other["Metadata_Plate"] = other["Metadata_Plate"].map({"P0": "x", "P1": "a", "P2": "m", "P3": "b"})
    moved = cpf.activity(other, **CALL, method=method)
    moved["Metadata_Compound"] = moved["Metadata_Compound"].map(lambda name: name[1:][::-1])
    aligned = moved.set_index("Metadata_Compound").loc[usual["Metadata_Compound"]].reset_index()
    columns = ["score", "statistic", "p_value", "p_floor", "n_permutations", "null_scheme"]
    pd.testing.assert_frame_equal(aligned[columns], usual[columns], check_exact=True)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_planted_is_found(method: str) -> None:
    """Strong effects in half of the compounds, and only those; the null is shared among them."""
    found = cpf.activity(noise_screen(effect=2.0, n_controls=64, n_plates=3), **CALL, method=method)
    assert found["null_scheme"].str.contains("shared").all()
    assert (found["q_value"] <= 0.05).tolist() == [True] * 10 + [False] * 10


def test_shared_null_agrees_with_permutation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws of controls alone give the p-values that permuting each compound gives, but for chance."""
    wells = noise_screen(2, effect=0.3, n_controls=64, n_plates=3, n_compounds=30)
    shared = cpf.activity(wells, **CALL)["p_value"]
    monkeypatch.setattr("cellprofiling.hits.calling.assignments.SHARED", 0.0)
    own = cpf.activity(wells, **CALL)["p_value"]
    assert np.abs(np.log(shared / own)).median() < 0.25
    assert np.corrcoef(shared, own)[0, 1] > 0.97


def test_options_of_methods() -> None:
    """Each method takes its own options, and each changes what is tested."""
    wells = noise_screen(1, effect=0.5, n_compounds=3)
    for method, option in (("energy", {"kernel": "gaussian"}), ("replicate_correlation", {"metric": "pearson"})):
        plain, other = (cpf.activity(wells, **CALL, method=method, **options) for options in ({}, option))
        assert (plain["statistic"] != other["statistic"]).all()
        with pytest.raises(cpf.core.errors.InputError, match=r"='nothing': choose one of"):
            cpf.activity(wells, **CALL, method=method, **dict.fromkeys(option, "nothing"))
    with pytest.raises(cpf.core.errors.InputError, match=r"kernel='gaussian': not an option of 'map'"):
        cpf.activity(wells, **CALL, kernel="gaussian")


def test_one_block_of_all_plates() -> None:
    """plate=None compares each well with all controls."""
    found = cpf.activity(noise_screen(n_compounds=4), **CALL, plate=None)
    assert (found["n_controls"] == 64).all()
    assert (found["n_plates"] == 1).all()


def test_a_single_well_has_a_distance() -> None:
    """Mahalanobis distance needs no replicate: one well among 16 controls can reach 1/17."""
    found = cpf.activity(noise_screen(n_plates=1, effect=9.0), **CALL, method="mahalanobis")
    np.testing.assert_allclose(found["p_floor"], 1 / 17)
    np.testing.assert_allclose(found["p_value"][:10], 1 / 17)
