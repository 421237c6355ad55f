"""Mechanisms from nearest neighbors: who may be a neighbor, what counts, and how sure it is."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError
from tests.chance import ERROR, allowed

LABEL = "Metadata_Mechanism"
CALL = {"by": ["Metadata_Compound", "Metadata_Dose"], "label": LABEL}


def library(seed: int = 0, strength: float = 0.0, compound_effect: float = 2.0, n_compounds: int = 24) -> pd.DataFrame:
    """Return compounds at three doses, two wells each, in four batches; doses of a compound are alike."""
    rng = np.random.default_rng(seed)
    compound, dose = np.repeat(np.arange(n_compounds), 6), np.tile([1.0, 1, 3, 3, 10, 10], n_compounds)
    mechanism = compound // 4
    x = rng.normal(size=(len(compound), 20))
    x += strength * rng.normal(size=(n_compounds, 20))[mechanism]
    x += compound_effect * rng.normal(size=(n_compounds, 20))[compound]
    table = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(20)])
    table.insert(0, LABEL, [f"m{m}" for m in mechanism])
    table.insert(0, "Metadata_Batch", [f"b{b}" for b in compound % 4])
    table.insert(0, "Metadata_Dose", dose)
    table.insert(0, "Metadata_Compound", [f"c{c:02d}" for c in compound])
    return table


def test_planted_mechanisms_are_found() -> None:
    """Strong mechanisms are all right, with a p-value at its floor."""
    found = cpf.predict_mechanism(library(strength=8.0), **CALL)
    scores = found.attrs["scores"]
    assert found.attrs["accuracy"] == 1.0
    assert scores["p_value"] == scores["p_floor"] == 1 / 1001
    assert (scores["n"], scores["n_compounds"], scores["n_unanswerable"]) == (72, 24, 0)
    assert scores["majority"] == pytest.approx(12 / 72)
    assert scores["chance"] == pytest.approx(3 / 23, abs=0.04)
    assert scores["hit_at_k"][10] == 1.0
    assert scores["ci_low"] == pytest.approx(0.025 ** (1 / 24))
    assert found.attrs["confusion"]["m0"] == {"m0": 12, **{f"m{i}": 0 for i in range(1, 6)}}


def test_neighbors_differ_in_what_they_must() -> None:
    """Never the same compound, never the same batch; with nothing asked for, doses of a compound find each other."""
    table = library(strength=1.0)
    for not_same, columns in (("compound", 1), (("compound", "batch"), 2), (["Metadata_Compound"], 1)):
        found = cpf.predict_mechanism(table, **CALL, not_same=not_same)
        assert (found["nearest_Compound"] != found["Metadata_Compound"]).all()
        if columns == 2:
            batch = table.drop_duplicates("Metadata_Compound").set_index("Metadata_Compound")["Metadata_Batch"]
            assert (found["Metadata_Compound"].map(batch) != found["nearest_Compound"].map(batch)).all()
    cheating = cpf.predict_mechanism(table, **CALL, not_same=[])
    assert (cheating["nearest_Compound"] == cheating["Metadata_Compound"]).mean() > 0.9
    assert cheating.attrs["accuracy"] > 0.9 > found.attrs["accuracy"]


def test_p_values_are_calibrated_though_doses_of_a_compound_are_alike() -> None:
    """No mechanism planted: uniform p-values. Doses taken for compounds find each other and call everything."""
    found, naive = [], []
    for seed in range(60):
        table = library(seed, n_compounds=16)
        call = {**CALL, "permutations": 199, "seed": seed}
        found.append(cpf.predict_mechanism(table, **call, not_same="compound").attrs["scores"]["p_value"])
        naive.append(cpf.predict_mechanism(table, **call, not_same=[]).attrs["scores"]["p_value"])
    assert kstest(found, "uniform").pvalue > ERROR
    assert np.mean(np.array(found) <= 0.05) <= allowed(len(found))[1]
    assert np.mean(np.array(naive) <= 0.05) > 0.9


def test_without_a_possible_answer_a_perturbation_does_not_count() -> None:
    """A mechanism of one compound can never be right: listed, not counted, still a neighbor of others."""
    table = library(strength=8.0)
    table.loc[table["Metadata_Compound"] == "c23", LABEL] = "alone"
    found = cpf.predict_mechanism(table, **CALL, not_same="compound")
    lonely = found[found[LABEL] == "alone"]
    assert len(lonely) == 3
    assert lonely["correct"].isna().all()
    assert lonely["rank"].isna().all()
    assert (lonely["n_right"] == 0).all()
    assert found.attrs["scores"]["n_unanswerable"] == 3
    assert found.attrs["scores"]["n"] == 69
    assert (found["n_candidates"] == 69).all()


def test_unknown_mechanisms_are_predicted() -> None:
    """Without a label a compound gets a prediction and is no one's neighbor."""
    table = library(strength=8.0)
    truth = table.loc[table["Metadata_Compound"] == "c05", LABEL].iloc[0]
    table.loc[table["Metadata_Compound"] == "c05", LABEL] = None
    found = cpf.predict_mechanism(table, **CALL, not_same="compound")
    unknown = found[found["Metadata_Compound"] == "c05"]
    assert (unknown["predicted"] == truth).all()
    assert unknown["correct"].isna().all()
    assert not (found["nearest_Compound"] == "c05").any()
    assert found.attrs["scores"]["n"] == 69


def test_order_and_names_change_nothing() -> None:
    """Shuffled wells, and renamed compounds and mechanisms, give the same scores to the last bit."""
    table = library(strength=1.0)
    usual = cpf.predict_mechanism(table, **CALL)
    shuffled = cpf.predict_mechanism(table.sample(frac=1, random_state=0), **CALL)
    pd.testing.assert_frame_equal(shuffled, usual, check_exact=True)
    assert shuffled.attrs["scores"] == usual.attrs["scores"]
    renamed = table.assign(
        Metadata_Compound=table["Metadata_Compound"].map(lambda name: f"k{99 - int(name[1:])}"),
        Metadata_Mechanism=table[LABEL].map(lambda name: f"z{9 - int(name[1:])}"),
    )
    assert cpf.predict_mechanism(renamed, **CALL).attrs["scores"] == usual.attrs["scores"]
    assert cpf.predict_mechanism(table, **CALL, seed=1).attrs["scores"]["chance"] != usual.attrs["scores"]["chance"]


def test_input_stays() -> None:
    """The table given is not changed."""
    table = library()
    before = table.copy()
    cpf.predict_mechanism(table, **CALL)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("metric", "average"), [("pearson", "mean"), ("cosine", "median")])
def test_equals_the_verbs_one_after_the_other(metric: str, average: str) -> None:
    """Consensus, similarity, and the most similar row of another compound."""
    table = library(strength=1.0)
    found = cpf.predict_mechanism(table, **CALL, not_same="compound", metric=metric, average=average)
    consensus = cpf.consensus(table, CALL["by"], method=average)
    alike = cpf.similarity(consensus, metric=metric).to_numpy()
    compound = consensus["Metadata_Compound"].to_numpy()
    nearest = np.where(compound[:, None] == compound, -np.inf, alike).argmax(axis=1)
    assert found["nearest_Compound"].tolist() == compound[nearest].tolist()
    np.testing.assert_allclose(found["similarity"], alike[np.arange(len(alike)), nearest], atol=1e-12)


def test_a_dead_profile_is_left_out() -> None:
    """A profile of zeros is like nothing: no prediction, nobody's neighbor, a ledger line."""
    table = library(strength=8.0)
    table.loc[table["Metadata_Compound"] == "c03", [f"Cells_f{i}" for i in range(20)]] = 0.0
    found = cpf.predict_mechanism(table, **CALL, not_same="compound")
    dead = found[found["Metadata_Compound"] == "c03"]
    assert dead["predicted"].isna().all()
    assert dead["nearest_Compound"].isna().all()
    assert not (found["nearest_Compound"] == "c03").any()
    assert cpf.ledger(found)["name"].tolist() == ["c03 / 1.0", "c03 / 3.0", "c03 / 10.0"]


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    table = library()
    with pytest.raises(ColumnError, match=r"not_same='vendor': no such column"):
        cpf.predict_mechanism(table, **CALL, not_same="vendor")
    with pytest.raises(ColumnError, match=r"label='Metadata_MOA': no such column"):
        cpf.predict_mechanism(table, by="Metadata_Compound", label="Metadata_MOA")
    with pytest.raises(ColumnError, match=r"by=None: not the name of a column"):
        cpf.predict_mechanism(table, by=None, label=LABEL)
    with pytest.raises(
        ColumnError, match=r"label='Metadata_Dose': differs between the rows of 'c00'.*more columns in by"
    ):
        cpf.predict_mechanism(table, by="Metadata_Compound", label="Metadata_Dose")
    with pytest.raises(InputError, match=r"average='mode'"):
        cpf.predict_mechanism(table, **CALL, average="mode")
    with pytest.raises(InputError, match=r"metric='cos'"):
        cpf.predict_mechanism(table, **CALL, metric="cos")
    with pytest.raises(InputError, match=r"permutations=0: not a whole number of at least 1"):
        cpf.predict_mechanism(table, **CALL, permutations=0)
    with pytest.raises(ColumnError, match=r"no perturbation has a candidate with its own label"):
        cpf.predict_mechanism(table.assign(Metadata_Mechanism=table["Metadata_Compound"]), **CALL)
    table.loc[0, "Cells_f3"] = np.nan
    with pytest.raises(FeatureError, match=r"'Cells_f3' have missing values"):
        cpf.predict_mechanism(table, **CALL)
