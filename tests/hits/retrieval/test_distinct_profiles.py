"""Perturbations against all others: the score, the null, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from tests.builders import NEGCON, noise_screen
from tests.chance import allowed, allowed_distance

CALL = {"by": "Metadata_Compound", "reference": NEGCON}


def test_score_is_the_mean_of_average_precision() -> None:
    """`score` is what `average_precision` gives with all other perturbations as negatives."""
    wells = noise_screen(0, effect=0.5)
    treated = wells[wells["Metadata_Role"] != "negcon"]
    pairs = {"positives": {"same": ["Metadata_Compound"]}, "negatives": {"different": ["Metadata_Compound"]}}
    single = cpf.average_precision(treated, **pairs)
    expected = single.groupby("Metadata_Compound")["average_precision"].mean()
    found = cpf.distinctiveness(wells, **CALL, permutations=99)
    np.testing.assert_allclose(found["score"], expected, atol=1e-12)
    assert (found["n_controls"] == 76).all()


def test_calibrated_under_the_null() -> None:
    """Noise with plate shifts that were left in: p-values are near uniform."""
    found = [
        cpf.distinctiveness(noise_screen(seed, normalized=False), **CALL, permutations=399, seed=seed)["p_value"]
        for seed in range(40)
    ]
    p = pd.concat(found).to_numpy()
    low, high = allowed(len(p))
    assert low <= (p <= 0.05).mean() <= high
    assert kstest(p, "uniform").statistic < allowed_distance(len(p))


def test_without_plates_the_null_is_wrong() -> None:
    """The variant that must fail: three wells on one plate find each other because of the plate."""
    parts = []
    for seed in range(6):
        part = noise_screen(seed, n_plates=1, n_same=3, normalized=False).assign(Metadata_Plate=f"P{seed}")
        parts.append(part.assign(Metadata_Compound=f"{seed} " + part["Metadata_Compound"]))
    wells = pd.concat(parts, ignore_index=True)
    inside, across = (cpf.distinctiveness(wells, **CALL, plate=plate) for plate in ("Metadata_Plate", None))
    assert (across["p_value"] <= 0.05).mean() > 0.2
    assert (inside["p_value"] <= 0.05).mean() <= allowed(len(inside))[1]


def test_what_is_planted_is_found() -> None:
    """Strong effects in half of the compounds."""
    found = cpf.distinctiveness(noise_screen(0, effect=2.0), **CALL)
    assert (found["q_value"] <= 0.05).tolist() == [True] * 10 + [False] * 10


def test_order_and_names_change_nothing() -> None:
    """Shuffled rows and renamed compounds: the same table, to the bit."""
    wells = noise_screen(2, effect=0.4)
    usual = cpf.distinctiveness(wells, **CALL, permutations=200)
    other = wells.sample(frac=1, random_state=0)
    other["Metadata_Compound"] = other["Metadata_Compound"].map(lambda name: name[::-1])
    moved = cpf.distinctiveness(other, **CALL, permutations=200)
    moved["Metadata_Compound"] = moved["Metadata_Compound"].map(lambda name: name[::-1])
    aligned = moved.set_index("Metadata_Compound").loc[usual["Metadata_Compound"]].reset_index()
    pd.testing.assert_frame_equal(aligned, usual, check_exact=True)


def test_small_designs_are_enumerated() -> None:
    """Four compounds on two plates: 16 pairs of one well from each plate, every p-value a multiple of 1/16."""
    found = cpf.distinctiveness(noise_screen(0, n_plates=2, n_compounds=4), **CALL)
    assert (found["p_floor"] == 1 / 16).all()
    assert found["null_scheme"].str.startswith("all 16 sets").all()
    np.testing.assert_allclose(found["p_value"] * 16 % 1, 0)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Similarities held whole or layout by layout: the same scores; of very many wells some stand for all."""
    wells = noise_screen(0)
    whole = cpf.distinctiveness(wells, **CALL, permutations=99)
    monkeypatch.setattr("cellprofiling.hits.retrieval.distinct_profiles.HELD", 80 * 80 - 1)
    parts = cpf.distinctiveness(wells, **CALL, permutations=99)
    np.testing.assert_allclose(parts["score"], whole["score"], atol=1e-12)
    monkeypatch.setattr("cellprofiling.hits.retrieval.distinct_profiles.HELD", 80 * 20)
    some = cpf.distinctiveness(wells, **CALL, permutations=99)
    np.testing.assert_allclose(some["score"], whole["score"], atol=1e-12)
    assert some["p_value"].between(0, 1).all()


def test_what_is_not_tested() -> None:
    """A single well is not tested; dead wells are left out and named, and never retrieve each other."""
    wells = noise_screen(0)
    features = [name for name in wells if name.startswith("Cells_")]
    lone = (wells["Metadata_Compound"] == "c003") & (wells["Metadata_Plate"] != "P0")
    wells = wells[~lone]
    dead = wells.index[wells["Metadata_Compound"] == "c004"]
    wells.loc[dead, features] = 0.0
    found = cpf.distinctiveness(wells, **CALL, permutations=99).set_index("Metadata_Compound")
    assert found.loc[["c003", "c004"], ["score", "p_value", "q_value"]].isna().all(axis=None)
    assert cpf.ledger(found)["name"].tolist() == [str(i) for i in dead]


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    wells = noise_screen(0, n_compounds=1)
    with pytest.raises(InputError, match=r"permutations=0: not a whole number of at least 1"):
        cpf.distinctiveness(wells, **CALL, permutations=0)
    with pytest.raises(InputError, match=r"by='Metadata_Compound': one perturbation alone has nothing to differ from"):
        cpf.distinctiveness(wells, **CALL)
    with pytest.raises(InputError, match=r"metric='euclid': choose one of 'cosine', 'pearson'"):
        cpf.distinctiveness(wells, **CALL, metric="euclid")
