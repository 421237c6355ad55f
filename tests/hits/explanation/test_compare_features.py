"""Feature by feature: right numbers, calibrated p-values, and what happens where nothing can be said."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma
from scipy.stats import kstest, ttest_rel

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError, ReferenceRowsError
from tests.builders import NEGCON
from tests.chance import ERROR, allowed, sharing

BY = {"by": "Metadata_Compound", "reference": NEGCON}


def features_of(wells: pd.DataFrame) -> list[str]:
    return [name for name in wells if name.startswith("Cells_")]


@pytest.fixture
def wells(screen_of_noise: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Return three plates with effects, a feature that is constant, one constant on a plate, and gaps."""
    table = screen_of_noise(3, n_plates=3, n_controls=8, n_compounds=6, n_features=7, n_same=2, effect=2.0)
    names = features_of(table)
    table[names[4]] = 1e6
    table.loc[table["Metadata_Plate"] == "P1", names[5]] = 3.0
    rng = np.random.default_rng(0)
    table[names[6]] = table[names[6]].mask(rng.random(len(table)) < 0.2)
    return table


def rates(table: pd.DataFrame, **options: object) -> tuple[float, float]:
    """Return the share of p-values up to .05 and up to .001."""
    p = cpf.compare_features(table, **{**BY, **options})["p_value"]
    return float((p <= 0.05).mean()), float((p <= 0.001).mean())


def among(n_compounds: int, n_controls: int | list[int], n_same: int = 1, **_: int) -> float:
    """Return how alike p-values of one screen are: compounds share controls, and features correlate.

    Two of p features that a random matrix has mixed have a squared correlation of 1 / p: p tell as much as p / 2.
    """
    return 2 * sharing(n_compounds, float(np.mean(n_controls)), n_same)


DESIGNS = [
    {"n_plates": 1, "n_controls": 16, "n_compounds": 100, "n_same": 3},
    {"n_plates": 3, "n_controls": 6, "n_compounds": 60},
    {"n_plates": 2, "n_controls": [4, 12], "n_compounds": 60, "n_same": 2},
    {"n_plates": 4, "n_controls": 64, "n_compounds": 60},
]


@pytest.mark.parametrize("model", ["moderated", "ordinary"])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("design", DESIGNS, ids=["one plate", "few controls", "unequal", "many controls"])
def test_noise_is_called_as_often_as_allowed(
    screen_of_noise: Callable[..., pd.DataFrame], design: dict, normalized: bool, model: str
) -> None:
    """Whether or not profiles were standardized to the very controls they are compared with."""
    found = [
        rates(screen_of_noise(seed, n_features=60, normalized=normalized, **design), model=model) for seed in range(8)
    ]
    five, thousandth = np.mean(found, axis=0)
    n, alike = 8 * 60 * design["n_compounds"], among(**design)
    low, high = allowed(n, alike=alike)
    assert low <= five <= high
    assert thousandth <= allowed(n, 0.001, alike)[1]


def test_in_sample_normalization_as_given_fails(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """Standardized to four controls a plate, then compared with them: far too many are called."""
    found = [
        rates(screen_of_noise(s, n_plates=2, n_controls=3, n_features=60, n_compounds=60), control_fit="as_given")
        for s in range(8)
    ]
    refit = [rates(screen_of_noise(s, n_plates=2, n_controls=3, n_features=60, n_compounds=60)) for s in range(8)]
    assert np.mean(found, axis=0)[0] > 0.12
    assert np.mean(found, axis=0)[1] > 0.01
    low, high = allowed(8 * 60 * 60, alike=among(60, 3))
    assert low <= np.mean(refit, axis=0)[0] <= high


def test_cells_taken_for_replicates_fail() -> None:
    """Twenty cells a well as if they were wells call noise ten times too often; the wells themselves do not."""
    rng = np.random.default_rng(0)
    n_wells, n_cells = 60, 20
    x = np.repeat(rng.normal(size=(n_wells, 30)), n_cells, axis=0) + rng.normal(size=(n_wells * n_cells, 30))
    cells = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(30)])
    cells.insert(0, "Metadata_Well", np.repeat(np.arange(n_wells), n_cells))
    cells.insert(0, "Metadata_Plate", "P")
    compound = np.where(np.arange(n_wells) < 20, "DMSO", np.char.add("c", (np.arange(n_wells) % 10).astype(str)))
    cells.insert(0, "Metadata_Compound", np.repeat(compound, n_cells))
    means = cells.groupby(["Metadata_Plate", "Metadata_Well", "Metadata_Compound"], as_index=False).mean()
    call = {"by": "Metadata_Compound", "reference": "Metadata_Compound == 'DMSO'"}
    with pytest.raises(KeyMatchError, match="they are cells, no replicates"):
        cpf.compare_features(cells, **call)
    as_wells = cells.assign(Metadata_Well=np.arange(len(cells)))
    assert (cpf.compare_features(as_wells, **call)["p_value"] <= 0.05).mean() > 0.4
    low, high = allowed(300, alike=sharing(10, 20, 4))
    assert low <= (cpf.compare_features(means, **call)["p_value"] <= 0.05).mean() <= high


def test_ignoring_plates_fails(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """Compounds on one plate each, plates shifted: all plates as one call noise; plate by plate does not."""
    table = screen_of_noise(0, n_plates=4, n_compounds=20, n_same=8, normalized=False)
    table.loc[table["Metadata_Role"] == "treatment", "Metadata_Compound"] += table["Metadata_Plate"]
    assert rates(table.assign(Metadata_Plate="all").drop(columns="Metadata_Well"))[0] > 0.3
    low, high = allowed(80 * 30, alike=among(20, 16, 8))
    assert low <= rates(table)[0] <= high


def test_p_values_are_uniform(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """One feature of each of many screens: independent p-values, uniform by Kolmogorov-Smirnov."""
    found = []
    for seed in range(100):
        table = screen_of_noise(seed, n_plates=2, n_controls=6, n_compounds=8, n_features=12)
        result = cpf.compare_features(table, **BY)
        found.append(result.query("Metadata_Compound == 'c000'")["p_value"].iloc[0])
    assert kstest(found, "uniform").pvalue > ERROR


def test_half_of_the_screen_active_leaves_the_others_alone(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """Strong effects of other compounds change the scale of a plate, not the p-values of those without."""
    found = []
    for seed in range(10):
        table = screen_of_noise(seed, n_plates=3, n_controls=12, n_compounds=60, n_features=60, effect=5.0)
        p = cpf.compare_features(table, **BY)
        found.append((p.loc[p["Metadata_Compound"] >= "c030", "p_value"] <= 0.05).mean())
    assert 0.03 < np.mean(found) < 0.065


def test_no_earlier_normalization_matters(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """Shifted and rescaled plate by plate, to whatever controls, every number stays."""
    raw = screen_of_noise(1, normalized=False)
    usual = cpf.compare_features(raw, **BY)
    for method in ("standardize", "mad_robustize"):
        scores = cpf.normalize(raw, method, reference=NEGCON)
        pd.testing.assert_frame_equal(cpf.compare_features(scores, **BY), usual, rtol=1e-7, check_like=True)


def test_row_order_and_names_change_no_bit(wells: pd.DataFrame) -> None:
    """Shuffled rows, reversed columns and renamed plates and compounds give the same bytes."""
    usual = cpf.compare_features(wells, **BY)
    other = wells.sample(frac=1, random_state=0)
    other["Metadata_Plate"] = other["Metadata_Plate"].map({"P0": "z", "P1": "y", "P2": "x"})
    pd.testing.assert_frame_equal(cpf.compare_features(other, **BY), usual, check_exact=True)
    renamed = wells.assign(
        Metadata_Compound=wells["Metadata_Compound"].map(
            lambda name: f"x{9 - int(name[1:])}" if name != "DMSO" else name
        )
    )
    turned = cpf.compare_features(renamed, **BY)
    turned["Metadata_Compound"] = turned["Metadata_Compound"].map(lambda name: f"c00{9 - int(name[1:])}")
    turned = turned.sort_values("Metadata_Compound", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(turned, usual, check_exact=True)
    backwards = cpf.compare_features(wells[wells.columns[::-1]], **BY)
    keys = ["Metadata_Compound", "feature"]
    both = [table.sort_values(keys, ignore_index=True) for table in (backwards, usual)]
    pd.testing.assert_frame_equal(*both, rtol=1e-12)


def test_input_stays(wells: pd.DataFrame) -> None:
    """The table given is not changed."""
    before = wells.copy()
    cpf.compare_features(wells, **BY)
    pd.testing.assert_frame_equal(wells, before)


def test_robust_z_is_the_median_of_normalized_profiles(wells: pd.DataFrame) -> None:
    """The median over wells of what mad_robustize makes of them, for any earlier scale."""
    names = features_of(wells)
    scores = cpf.normalize(wells, "mad_robustize", reference=NEGCON, zero_scale="keep")
    expected = scores[scores["Metadata_Role"] == "treatment"].groupby("Metadata_Compound")[names[:4]].median()
    found = cpf.compare_features(wells, **BY).pivot_table(
        index="Metadata_Compound", columns="feature", values="robust_z"
    )
    np.testing.assert_allclose(found[names[:4]], expected, rtol=1e-6)


def test_sizes_of_a_planted_change() -> None:
    """A shift of three control standard deviations is reported as such in each unit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)) * [1, 10, 100]
    x[300:, 1] += 30
    table = pd.DataFrame(x, columns=["Cells_a", "Cells_b", "Cells_c"])
    table.insert(0, "Metadata_Compound", np.repeat(["DMSO", "x"], 300))
    table.insert(0, "Metadata_Plate", "P")
    found = cpf.compare_features(table, by="Metadata_Compound", reference="Metadata_Compound == 'DMSO'")
    row = found.set_index("feature").loc["Cells_b"]
    for name in ("difference", "median_difference", "robust_z", "cohen_d", "hedges_g"):
        assert row[name] == pytest.approx(3, abs=0.35)
    assert row["ssmd"] == pytest.approx(3 / np.sqrt(2), abs=0.2)
    assert row["hedges_g_low"] < 3 < row["hedges_g_high"]
    assert row["ks"] == pytest.approx(0.866, abs=0.05)
    assert row["p_value"] < 1e-50
    assert found.set_index("feature")["n_wells"].tolist() == [300] * 3


@pytest.mark.parametrize("ssmd", ["unequal", "paired"])
def test_other_ssmd(wells: pd.DataFrame, ssmd: str) -> None:
    """By moments, or from the differences of wells from their plate, as written out."""
    found = cpf.compare_features(wells, **BY, ssmd=ssmd, control_fit="as_given")
    name = features_of(wells)[0]
    control = wells[wells["Metadata_Role"] == "negcon"].groupby("Metadata_Plate")[name]
    own = wells[name] - wells["Metadata_Plate"].map(control.mean())
    within = own[wells["Metadata_Role"] == "negcon"]
    for compound in ("c000", "c005"):
        d = own[wells["Metadata_Compound"] == compound]
        expected = {
            "unequal": d.mean() / np.sqrt(d.var() + (within**2).sum() / (len(within) - 3)),
            "paired": gamma(2.5) / gamma(2) * np.sqrt(2 / 5) * d.mean() / d.std(),
        }[ssmd]
        row = found[(found["Metadata_Compound"] == compound) & (found["feature"] == name)]
        assert row["ssmd"].item() == pytest.approx(expected, rel=1e-9)


def test_mixed_model_is_the_paired_t_test_where_the_design_is_balanced(
    screen_of_noise: Callable[..., pd.DataFrame],
) -> None:
    """With as many wells on each plate, plates are the replicates: t of the differences of plate means."""
    table = screen_of_noise(5, n_plates=5, n_controls=8, n_compounds=3, n_features=4, n_same=3, effect=1.0)
    name = features_of(table)[1]
    rng = np.random.default_rng(0)
    for plate, compound in sorted({*zip(table["Metadata_Plate"], table["Metadata_Compound"], strict=True)}):
        rows = (table["Metadata_Plate"] == plate) & (table["Metadata_Compound"] == compound)
        table.loc[rows, name] += rng.normal() * 2 * (compound != "DMSO")
    found = cpf.compare_features(table, **BY, model="mixed", features=[name], control_fit="as_given")
    means = table.pivot_table(index="Metadata_Plate", columns="Metadata_Compound", values=name)
    for row in found.itertuples():
        paired = ttest_rel(means[row.Metadata_Compound], means["DMSO"])
        assert row.df == 4
        assert row.t == pytest.approx(paired.statistic, rel=1e-3)
        assert row.p_value == pytest.approx(paired.pvalue, rel=5e-3)


def test_mixed_model_knows_that_plates_are_replicates() -> None:
    """An effect that differs from plate to plate: wells as replicates call noise, the mixed model does not."""
    rng = np.random.default_rng(0)
    plate, compound = np.repeat(np.arange(4), 30), np.tile(np.repeat(np.arange(-1, 4), 6), 4)
    x = rng.normal(size=(120, 15))
    for p in range(4):
        for c in range(4):
            x[(plate == p) & (compound == c)] += rng.normal(size=15)
    table = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(15)])
    table.insert(0, "Metadata_Plate", plate)
    table.insert(0, "Metadata_Compound", compound)
    call = {"by": "Metadata_Compound", "reference": "Metadata_Compound == -1", "control_fit": "as_given"}
    assert (cpf.compare_features(table, **call)["p_value"] <= 0.05).mean() > 0.2
    assert (cpf.compare_features(table, **call, model="mixed")["p_value"] <= 0.05).mean() <= allowed(60)[1]


def test_mixed_model_needs_two_plates(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """On one plate nothing is known of plates: no p-value, while effects are there."""
    table = screen_of_noise(0, n_plates=1, n_same=3, n_features=2, n_compounds=2)
    found = cpf.compare_features(table, **BY, model="mixed")
    assert found["p_value"].isna().all()
    assert found["q_value"].isna().all()
    assert found["difference"].notna().all()


def test_flat_features_have_no_effect_and_a_ledger_line(wells: pd.DataFrame) -> None:
    """A constant feature is missing everywhere; one constant on a plate is compared on the others."""
    found = cpf.compare_features(wells, **BY)
    names = features_of(wells)
    constant = found[found["feature"] == names[4]]
    sizes = ["difference", "robust_z", "hedges_g", "ssmd", "ks", "t", "p_value", "q_value"]
    assert constant[sizes].isna().all(axis=None)
    assert (found.loc[found["feature"] == names[5], "n_wells"] == 4).all()
    assert (found.loc[found["feature"] == names[0], "n_wells"] == 6).all()
    gaps = wells.loc[wells["Metadata_Compound"] == "c001", names[6]].notna().sum()
    assert found.query("Metadata_Compound == 'c001'").set_index("feature")["n_wells"][names[6]] == gaps
    assert not np.isinf(found.select_dtypes("number")).any(axis=None)
    told = cpf.ledger(found)
    assert set(told["name"]) == {names[4], names[5]}
    assert "no spread among the wells of a plate" in set(told["reason"])


def test_families_and_corrections(wells: pd.DataFrame) -> None:
    """Benjamini-Yekutieli is stricter than Benjamini-Hochberg, Storey is not; a perturbation can be a family."""
    from statsmodels.stats.multitest import multipletests

    usual = cpf.compare_features(wells, **BY)
    p = usual["p_value"].dropna()
    np.testing.assert_allclose(usual["q_value"].dropna(), multipletests(p, method="fdr_bh")[1])
    strict = cpf.compare_features(wells, **BY, correction="benjamini_yekutieli")
    np.testing.assert_allclose(strict["q_value"].dropna(), multipletests(p, method="fdr_by")[1])
    storey = cpf.compare_features(wells, **BY, correction="storey")
    share = min(1, (1 + (p > 0.5).sum()) / (0.5 * len(p)))
    np.testing.assert_allclose(storey["q_value"], share * usual["q_value"])
    own = cpf.compare_features(wells, **BY, family="perturbation")
    for _, part in own.dropna().groupby("Metadata_Compound"):
        np.testing.assert_allclose(part["q_value"], multipletests(part["p_value"], method="fdr_bh")[1])


def test_bad_input_is_named(wells: pd.DataFrame) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(InputError, match=r"model='moderate': choose one of.*Did you mean 'moderated'"):
        cpf.compare_features(wells, **BY, model="moderate")
    with pytest.raises(InputError, match=r"correction='fdr'.*'benjamini_hochberg', 'benjamini_yekutieli', 'storey'"):
        cpf.compare_features(wells, **BY, correction="fdr")
    with pytest.raises(InputError, match=r"family='each': choose one of 'all', 'perturbation'"):
        cpf.compare_features(wells, **BY, family="each")
    with pytest.raises(InputError, match=r"ssmd='robust'"):
        cpf.compare_features(wells, **BY, ssmd="robust")
    with pytest.raises(InputError, match=r"control_fit='no'"):
        cpf.compare_features(wells, **BY, control_fit="no")
    with pytest.raises(InputError, match=r"level=95: not a number between 0 and 1"):
        cpf.compare_features(wells, **BY, level=95)
    with pytest.raises(ColumnError, match=r"features='Cells_none': no such column"):
        cpf.compare_features(wells, **BY, features=["Cells_none"])
    bare = wells[(wells["Metadata_Plate"] != "P1") | (wells["Metadata_Role"] == "treatment")]
    with pytest.raises(ReferenceRowsError, match=r"plates 'P1' have fewer than 2 control wells"):
        cpf.compare_features(bare, **BY)
