"""Labels borne by perturbations that resemble each other."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from tests.chance import allowed, allowed_distance

CALL = {"by": "Metadata_Compound", "label": "Metadata_Target"}


def library(seed: int, *, n: int = 40, effect: float = 0.0, labels: int = 8, second: bool = True) -> pd.DataFrame:
    """Return one profile per compound; each bears one target or, if `second`, one in three bears two."""
    rng = np.random.default_rng(seed)
    first, other = rng.integers(labels, size=(2, n))
    x = rng.normal(size=(n, 12)) + effect * rng.normal(size=(labels, 12))[first]
    two = (rng.random(n) < 1 / 3) & second & (other != first)
    targets = [f"T{a}|T{b}" if both else f"T{a}" for a, b, both in zip(first, other, two, strict=True)]
    table = pd.DataFrame({"Metadata_Compound": [f"c{i:02d}" for i in range(n)], "Metadata_Target": targets})
    return pd.concat([table, pd.DataFrame(x, columns=[f"Cells_x{i}" for i in range(12)])], axis=1)


def test_score_is_the_mean_of_average_precision() -> None:
    """`score` is the mean, label by label, of what `average_precision` gives."""
    table = library(0, effect=1.0)
    single = cpf.average_precision(
        table,
        positives={"same": ["Metadata_Target"], "different": ["Metadata_Compound"]},
        negatives={"different": ["Metadata_Target"]},
        label="Metadata_Target",
    )
    expected = single.groupby("Metadata_Target")["average_precision"].mean()
    found = cpf.consistency(table, **CALL, permutations=99)
    np.testing.assert_allclose(found["score"], expected.loc[found["Metadata_Target"]], atol=1e-12)


def test_average_precision_label_by_label() -> None:
    """Positives share that label, negatives share none, written out."""
    table = library(3)
    sets = [set(text.split("|")) for text in table["Metadata_Target"]]
    x = table.filter(like="Cells_").to_numpy()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    found = cpf.average_precision(
        table,
        positives={"same": "Metadata_Target"},
        negatives={"different": "Metadata_Target"},
        label="Metadata_Target",
    )
    assert len(found) == sum(map(len, sets))
    for row in found.to_dict("records"):
        i = int(row["Metadata_Compound"][1:])
        listed = [(-unit[i] @ unit[k], 1) for k in range(40) if k != i and row["Metadata_Target"] in sets[k]]
        listed += [(-unit[i] @ unit[k], 0) for k in range(40) if k != i and not sets[i] & sets[k]]
        truth = [hit for _, hit in sorted(listed)]
        expected = np.mean([sum(truth[: k + 1]) / (k + 1) for k, hit in enumerate(truth) if hit])
        assert row["average_precision"] == pytest.approx(expected, abs=1e-12)
        assert (row["n_positives"], row["n_total"]) == (sum(truth), len(truth))


def test_agrees_with_copairs() -> None:
    """Equal to copairs 0.5.5 with several labels, where nothing ties; its scores are single precision."""
    multilabel = pytest.importorskip("copairs.map.multilabel")
    table = library(1, effect=0.7)
    lists = table.assign(Metadata_Target=table["Metadata_Target"].str.split("|"))
    x = lists.filter(like="Cells_").to_numpy()
    theirs = multilabel.average_precision(
        lists.filter(like="Metadata_"),
        x,
        ["Metadata_Target"],
        [],
        [],
        ["Metadata_Target"],
        multilabel_col="Metadata_Target",
        progress_bar=False,
    )
    pairs = {"positives": {"same": "Metadata_Target"}, "negatives": {"different": "Metadata_Target"}}
    ours = cpf.average_precision(lists, **pairs, label="Metadata_Target")
    keys = ["Metadata_Compound", "Metadata_Target"]
    both = ours.merge(theirs, on=keys, suffixes=("", "_theirs"))
    assert len(both) == len(ours)
    np.testing.assert_allclose(both["average_precision"], both["average_precision_theirs"], atol=1e-6)


@pytest.mark.parametrize("second", [True, False])
def test_calibrated_under_the_null(second: bool) -> None:
    """Labels that mean nothing: p-values are near uniform, with one label each or several."""
    found = [cpf.consistency(library(seed, second=second), **CALL, permutations=399) for seed in range(60)]
    p = pd.concat(found)["p_value"].dropna().to_numpy()
    low, high = allowed(len(p))
    assert low <= (p <= 0.05).mean() <= high
    assert kstest(p, "uniform").statistic < allowed_distance(len(p))


def test_permuting_wells_would_be_wrong() -> None:
    """The variant that must fail: four wells of each compound taken for compounds of their own."""
    p_values = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = library(seed, second=False)
        wells = table.loc[table.index.repeat(4)].reset_index(drop=True)
        features = [name for name in wells if name.startswith("Cells_")]
        wells[features] += 0.5 * rng.normal(size=(160, 12))
        wells["Metadata_Well"] = wells.index.astype(str)
        wrong = cpf.consistency(wells, by="Metadata_Well", label="Metadata_Target", permutations=399)
        right = cpf.consistency(wells, **CALL, permutations=399)
        p_values.append((wrong["p_value"].to_numpy(), right["p_value"].to_numpy()))
    wrong, right = (np.concatenate(each) for each in zip(*p_values, strict=True))
    assert (wrong <= 0.05).mean() > 0.5
    assert (right <= 0.05).mean() <= allowed(len(right))[1]


def test_what_is_planted_is_found() -> None:
    """Targets with a profile of their own."""
    found = cpf.consistency(library(0, effect=3.0, second=False), **CALL)
    assert (found["q_value"] <= 0.05).all()


def test_order_and_names_change_nothing() -> None:
    """Shuffled rows, renamed compounds and labels: the same numbers, to the bit."""
    table = library(2, effect=0.6)
    usual = cpf.consistency(table, **CALL, permutations=300)
    other = table.sample(frac=1, random_state=0)
    other["Metadata_Compound"] = other["Metadata_Compound"].str[::-1]
    other["Metadata_Target"] = other["Metadata_Target"].str.replace("T", "Z")
    moved = cpf.consistency(other, **CALL, permutations=300)
    numbers = ["score", "p_value", "p_floor", "n_permutations", "n_perturbations"]
    pd.testing.assert_frame_equal(moved[numbers], usual[numbers], check_exact=True)


def test_small_designs_are_enumerated() -> None:
    """Three of nine compounds: 84 sets."""
    table = library(0, n=9, labels=3, second=False)
    table["Metadata_Target"] = np.repeat(["a", "b", "c"], 3)
    found = cpf.consistency(table, **CALL)
    assert (found["p_floor"] == 1 / 84).all()
    assert found["null_scheme"].str.startswith("all 84 assignments").all()


def test_rows_of_one_perturbation_are_its_median() -> None:
    """Wells give what the table of medians gives; wells and plates are counted."""
    wells = pd.concat([library(0).assign(Metadata_Plate=plate) for plate in "ab"], ignore_index=True)
    features = [name for name in wells if name.startswith("Cells_")]
    wells[features] += np.random.default_rng(0).normal(size=(80, 12))
    found = cpf.consistency(wells, **CALL, permutations=99)
    medians = cpf.consensus(wells, ["Metadata_Compound", "Metadata_Target"])
    expected = cpf.consistency(medians, **CALL, permutations=99)
    np.testing.assert_allclose(found["score"], expected["score"])
    assert (found["n_wells"] == 2 * found["n_perturbations"]).all()
    assert (found["n_plates"] == 2).all()
    assert expected["n_plates"].isna().all()


def test_what_is_not_tested() -> None:
    """A label of one perturbation has no positives; without label or direction a perturbation is left out and named."""
    table = library(0, second=False)
    table.loc[0, "Metadata_Target"] = "lone"
    table.loc[1, "Metadata_Target"] = None
    table.loc[2, [name for name in table if name.startswith("Cells_")]] = 0.0
    found = cpf.consistency(table, **CALL, permutations=99)
    row = found.set_index("Metadata_Target").loc["lone"]
    assert np.isnan(row["p_value"])
    assert row["null_scheme"] == "none: one perturbation bears it"
    assert cpf.ledger(found)["name"].tolist() == ["c02", "c01"]


def test_a_label_of_all_has_nothing_to_compare_with() -> None:
    """If every perturbation bears a label, there is no negative."""
    table = library(0, second=False).assign(Metadata_Target="all")
    assert cpf.consistency(table, **CALL)["null_scheme"].tolist() == ["none: nothing to compare with"]


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    table = library(0)
    with pytest.raises(InputError, match=r"permutations=0"):
        cpf.consistency(table, **CALL, permutations=0)
    with pytest.raises(InputError, match=r"label='Metadata_Target': no two perturbations bear the same label"):
        cpf.consistency(table.head(1), **CALL)
    twice = pd.concat([table, table.assign(Metadata_Target="other")])
    with pytest.raises(InputError, match=r"the rows of 'c00' bear different labels"):
        cpf.consistency(twice, **CALL)
    same = {"positives": {"same": "Metadata_Target"}, "negatives": {"same": "Metadata_Target"}}
    with pytest.raises(InputError, match=r"pairs are both; add 'Metadata_Target'"):
        cpf.average_precision(table, **same, label="Metadata_Target")
    with pytest.raises(InputError, match=r"write \{'same': \[columns\], 'different': \[columns\]\}"):
        cpf.average_precision(table, positives={"sam": "x"}, negatives=same["negatives"], label="Metadata_Target")
