"""Dose series compared whatever the potency: shifts as planted, p-values uniform, and tests that must fail do."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, pearsonr

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.hits.doses import titration
from cellprofiling.kernels.doses.titration import align_all
from tests.chance import ERROR, allowed

ASKED = {"by": "Metadata_Compound", "dose": "Metadata_Dose", "reference": "Metadata_Compound == 'DMSO'"}
DOSES = 10.0 ** np.linspace(-2, 1.5, 8)


def screen(seed=0, *, n=24, effect=3.0, kin=1, n_plates=3, n_controls=16, n_features=40, doses=DOSES, lowest=None):
    """Return wells of compounds whose directions are their own, or shared by each `kin` in a row, and their EC50s.

    The length of an effect is `effect` times the square root of the number of features, in standard deviations of wells
    before features are mixed.
    """
    rng = np.random.default_rng(seed)
    mix = np.eye(n_features) * 0.5 + rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    way = rng.normal(size=(n, n_features))[np.arange(n) // kin]
    ec50 = 10 ** rng.uniform(*np.log10(doses[[1, -2]]), n)
    hill = rng.uniform(0.9, 1.5, n)
    who = np.repeat(np.arange(n), len(doses))
    dose = np.tile(doses, n) * (1 if lowest is None else np.repeat(lowest, len(doses)))
    share = 1 / (1 + (ec50[who] / dose) ** hill[who])
    frames = []
    for plate in range(n_plates):
        x = rng.normal(size=(n_controls + len(who), n_features))
        x[n_controls:] += effect * share[:, None] * way[who]
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Compound": ["DMSO"] * n_controls + [f"c{i:03d}" for i in who],
            "Metadata_Dose": np.r_[np.zeros(n_controls), dose],
        }
        values = x @ mix + 2 * rng.normal(size=n_features)
        features = pd.DataFrame(values, columns=[f"Cells_{i}" for i in range(n_features)])
        frames.append(pd.concat([pd.DataFrame(metadata), features], axis=1))
    return pd.concat(frames, ignore_index=True), ec50


def p_values(n_screens, **design):
    found = [cpf.titration_similarity(screen(700 + i, **design)[0], **ASKED)["p_value"] for i in range(n_screens)]
    return np.array(found)


# Calibration


def one_per_screen(p):
    """Return one pair of each screen: pairs of one screen share compounds."""
    return p[np.arange(len(p)), np.random.default_rng(0).integers(p.shape[1], size=len(p))]


def pairs_of(n):
    """Return `alike` for all pairs of n compounds: each shares a compound with 2 (n - 2) others, correlated by a half.

    Likeness of two is one-sided, so that rho itself bounds how alike small p-values are, not its square.
    """
    return 1 + 2 * (n - 2) * 0.5


@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0])
def test_unrelated_compounds_have_uniform_p_values(effect):
    p = p_values(100, n=10, effect=effect)
    assert kstest(one_per_screen(p), "uniform").pvalue > ERROR
    low, high = allowed(p.size, alike=pairs_of(10))
    assert low <= (p <= 0.05).mean() <= high


def shift_found_outside(series, shared, known, *, min_overlap):
    """Align, but give the mirrored pairs no choice of a shift: what must not be done."""
    found = align_all(series, shared, known, min_overlap=min_overlap)
    unmoved = align_all(series, shared, known, min_overlap=series.shape[1])
    return found._replace(mirrored=unmoved.mirrored)


def test_a_shift_chosen_outside_the_null_makes_likeness_of_nothing(monkeypatch):
    monkeypatch.setattr(titration, "align_all", shift_found_outside)
    p = p_values(30, n=10, effect=0.0)
    assert (p <= 0.05).mean() > 0.2
    assert kstest(one_per_screen(p), "uniform").pvalue < ERROR


@pytest.mark.parametrize("n_controls", [3, 8])
def test_the_controls_of_a_plate_make_likeness_unless_their_error_is_taken_out(n_controls, monkeypatch):
    design = {"n": 10, "effect": 0.0, "n_controls": n_controls, "n_plates": 1}
    assert (p_values(60, **design) <= 0.05).mean() <= allowed(60 * 45, alike=pairs_of(10))[1]
    monkeypatch.setattr(
        titration, "align_all", lambda series, shared, known, **o: align_all(series, 0 * shared, known, **o)
    )
    assert (p_values(20, **design) <= 0.05).mean() > 0.15


def test_few_controls_are_said():
    pairs = cpf.titration_similarity(screen(0, n=3, n_controls=5)[0], **ASKED)
    assert cpf.ledger(pairs)["name"].tolist() == ["5 controls"]
    assert not len(cpf.ledger(cpf.titration_similarity(screen(0, n=3)[0], **ASKED)))


# Truth


def test_planted_shifts_are_found():
    wells, ec50 = screen(1, n=80, kin=2)
    pairs = cpf.titration_similarity(wells, **ASKED)
    a, b = (pairs[f"Metadata_Compound_{end}"].str[1:].astype(int).to_numpy() for end in "ab")
    kin = a // 2 == b // 2
    assert (pairs["q_value"] <= 0.05)[kin].mean() >= 0.9
    assert (~kin & (pairs["q_value"] <= 0.05)).sum() <= 0.1 * kin.sum()
    truth = np.log10(ec50[b] / ec50[a])[kin] / 0.5
    assert np.abs(pairs["shift"][kin] - truth).mean() <= 0.6
    assert pearsonr(pairs["shift"][kin], truth)[0] >= 0.9
    assert np.log10(pairs["fold"]).to_numpy() == pytest.approx(pairs["shift"].to_numpy() * 0.5)
    assert pairs.attrs["parameters"]["step"] == pytest.approx(10**0.5)


def test_doses_that_start_elsewhere_shift_by_as_much():
    """A compound diluted from twice the dose has its own doses, and the potency is that of the compound."""
    wells, ec50 = screen(2, n=20, kin=2, effect=5.0, lowest=np.tile([1.0, 2.0], 10))
    pairs = cpf.titration_similarity(wells, **ASKED)
    a, b = (pairs[f"Metadata_Compound_{end}"].str[1:].astype(int).to_numpy() for end in "ab")
    kin = a // 2 == b // 2
    error = (np.log10(pairs["fold"]) - np.log10(ec50[b] / ec50[a]))[kin]
    assert np.abs(error).mean() < 0.3
    assert abs(error.mean()) < 0.15


def test_p_values_are_shares_of_the_mirrored_pairs():
    wells, _ = screen(3, n=5, effect=1.0)
    pairs = cpf.titration_similarity(wells, **ASKED)
    assert len(pairs) == 10
    assert (pairs["p_floor"] == 1 / 11).all()
    assert (pairs["p_value"] * 11 % 1).round(9).isin([0, 1]).all()
    assert pairs["score"].is_monotonic_decreasing


# Invariants


def test_rows_names_and_what_plates_add_change_nothing():
    wells, _ = screen(4, n=6, n_features=8)
    pairs = cpf.titration_similarity(wells, **ASKED)
    again = cpf.titration_similarity(wells.sample(frac=1, random_state=0), **ASKED)
    pd.testing.assert_frame_equal(pairs, again)
    moved = wells.copy()
    moved.loc[moved["Metadata_Plate"] == "P1", [f"Cells_{i}" for i in range(8)]] += 1e3
    found = cpf.titration_similarity(moved, **ASKED)
    np.testing.assert_allclose(found["similarity"], pairs["similarity"], atol=1e-9)
    renamed = cpf.titration_similarity(wells.replace({"c000": "z"}), **ASKED)
    assert sorted(renamed["p_value"]) == sorted(pairs["p_value"])


def test_large_values_of_small_spread_and_missing_ones():
    wells, _ = screen(5, n=6, n_features=8)
    names = [f"Cells_{i}" for i in range(8)]
    tiny = wells.copy()
    tiny[names] = 1e6 + 1e-3 * tiny[names]
    np.testing.assert_allclose(
        cpf.titration_similarity(tiny, **ASKED)["similarity"],
        cpf.titration_similarity(wells, **ASKED)["similarity"],
        atol=1e-4,
    )
    gaps = wells.assign(Cells_9=7.0)
    gaps.loc[gaps.index[::11], "Cells_0"] = np.nan
    assert cpf.titration_similarity(gaps, **ASKED)["similarity"].notna().all()


def test_wells_without_any_difference_have_no_similarity():
    wells, _ = screen(6, n=3, n_features=4)
    wells.loc[wells["Metadata_Compound"].isin(["DMSO", "c000"]), [f"Cells_{i}" for i in range(4)]] = 1.0
    pairs = cpf.titration_similarity(wells, **ASKED)
    assert pairs["p_value"].notna().tolist() == [True, False, False]
    assert (pairs["p_floor"] == 0.5).all()


# Words


def test_compounds_with_few_doses_are_left_out_and_named():
    wells, _ = screen(7, n=4)
    wells = wells[(wells["Metadata_Compound"] != "c001") | (wells["Metadata_Dose"] < 0.05)]
    pairs = cpf.titration_similarity(wells, **ASKED)
    assert len(pairs) == 3
    assert cpf.ledger(pairs)[["name", "reason"]].to_numpy().tolist() == [["c001", "fewer than 3 doses"]]


def test_what_cannot_be_compared_is_said():
    wells, _ = screen(8, n=3)
    with pytest.raises(InputError, match="min_overlap=1: not a whole number of at least 2"):
        cpf.titration_similarity(wells, **ASKED, min_overlap=1)
    with pytest.raises(ColumnError, match="holds the dose column 'Metadata_Dose'; name the compound alone"):
        cpf.titration_similarity(wells, **ASKED | {"by": ["Metadata_Compound", "Metadata_Dose"]})
    few = wells[wells["Metadata_Compound"].isin(["DMSO", "c000"]) | (wells["Metadata_Dose"] < 0.05)]
    with pytest.raises(InputError, match="1 of 3 compounds have 3 doses or more, and two are needed"):
        cpf.titration_similarity(few, **ASKED)
    wells.loc[np.isclose(wells["Metadata_Dose"], DOSES[3]), "Metadata_Dose"] = DOSES[3] * 10**0.2
    with pytest.raises(ColumnError, match=r"a factor of 3\.16 apart, and 0\.5012 misses its place .* by 0\.40 steps"):
        cpf.titration_similarity(wells, **ASKED)
