"""Labels around a perturbation: counts, p-values, and the same kernel as for clusters."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from tests.chance import allowed

CALL = {"by": "Metadata_Compound", "label": "Metadata_Target"}


def compounds(seed: int = 0, strength: float = 2.0) -> pd.DataFrame:
    """Return 30 compounds with five targets, two wells each; three have none."""
    rng = np.random.default_rng(seed)
    compound = np.repeat(np.arange(30), 2)
    x = rng.normal(size=(60, 8)) + strength * rng.normal(size=(5, 8))[compound % 5]
    table = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(8)])
    table.insert(0, "Metadata_Target", [f"t{c % 5}" if c < 27 else None for c in compound])
    table.insert(0, "Metadata_Compound", [f"c{c:02d}" for c in compound])
    return table


@pytest.mark.parametrize("k", [1, 4, 50])
def test_equals_fisher_compound_by_compound(k: int) -> None:
    """Neighbors counted by hand, p-values by Fisher's exact test, one-sided."""
    table = compounds()
    found = cpf.enrich_neighbors(table, **CALL, k=k)
    consensus = cpf.consensus(table, "Metadata_Compound", method="mean")
    alike = cpf.similarity(consensus).to_numpy()
    target = consensus["Metadata_Target"].to_numpy(dtype=object)
    labelled = np.array([isinstance(name, str) for name in target])
    for i, compound in enumerate(consensus["Metadata_Compound"]):
        others = np.flatnonzero(labelled & (np.arange(30) != i))
        near = others[np.argsort(-alike[i, others])][:k]
        part = found[found["Metadata_Compound"] == compound].set_index("label")
        assert part["n"].to_dict() == pd.Series(target[near]).value_counts().to_dict()
        for name, row in part.iterrows():
            n_label = (target[others] == name).sum()
            assert (row["n_label"], row["n_candidates"], row["n_neighbors"]) == (n_label, len(others), len(near))
            inside = [row["n"], len(near) - row["n"]]
            outside = [n_label - row["n"], len(others) - len(near) - n_label + row["n"]]
            assert row["p_value"] == pytest.approx(fisher_exact([inside, outside], "greater").pvalue, rel=1e-9)
            assert row["fold"] == pytest.approx(row["n"] / row["expected"])


def test_planted_targets_are_found_and_noise_is_not() -> None:
    """The target of a compound is the most enriched around it; without targets next to nothing is."""
    found = cpf.enrich_neighbors(compounds(strength=5.0), **CALL, k=4)
    best = found.drop_duplicates("Metadata_Compound").set_index("Metadata_Compound")
    assert (best["label"] == [f"t{int(name[1:]) % 5}" for name in best.index]).all()
    assert (best["q_value"] < 0.05).all()
    noise = [cpf.enrich_neighbors(compounds(seed, strength=0.0), **CALL, k=4)["q_value"].min() for seed in range(40)]
    assert np.mean(np.array(noise) <= 0.05) <= allowed(len(noise))[1]


def test_the_family_holds_pairs_that_do_not_occur() -> None:
    """As for clusters: a pair with p = 1 is a test too."""
    found = cpf.enrich_neighbors(compounds(), **CALL, k=3)
    smallest = found["p_value"].min()
    n_first = (found["p_value"] == smallest).sum()
    assert found["q_value"].min() <= smallest * 150 / n_first + 1e-12
    assert found["q_value"].min() > smallest


def test_order_and_names_change_nothing() -> None:
    """Shuffled wells give the same table."""
    table = compounds()
    shuffled = cpf.enrich_neighbors(table.sample(frac=1, random_state=0), **CALL)
    pd.testing.assert_frame_equal(shuffled, cpf.enrich_neighbors(table, **CALL), check_exact=True)


def test_doses_of_a_compound_are_no_neighbors() -> None:
    """A perturbation never counts others of its own compound, unless asked to."""
    table = compounds().assign(Metadata_Dose=np.tile([1, 2], 30))
    call = {**CALL, "by": ["Metadata_Compound", "Metadata_Dose"]}
    assert (cpf.enrich_neighbors(table, **call)["n_candidates"] <= 54).all()
    assert cpf.enrich_neighbors(table, **call)["n_candidates"].min() == 52
    assert cpf.enrich_neighbors(table, **call, not_same=[])["n_candidates"].min() == 53


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    table = compounds()
    with pytest.raises(InputError, match=r"k=0: not a whole number of at least 1"):
        cpf.enrich_neighbors(table, **CALL, k=0)
    with pytest.raises(ColumnError, match=r"label='Metadata_Target': all 30 perturbations are without a label"):
        cpf.enrich_neighbors(table.assign(Metadata_Target=None), **CALL)
