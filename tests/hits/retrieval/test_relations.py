"""Known relations found again: the definition written out, ties, permuted names, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from tests.chance import ERROR, allowed


def genes(seed: int = 0, strength: float = 0.0, n: int = 60) -> pd.DataFrame:
    """Return two wells of each gene; genes of one complex (three each) are alike."""
    rng = np.random.default_rng(seed)
    gene = np.repeat(np.arange(n), 2)
    x = rng.normal(size=(2 * n, 12)) + rng.normal(size=(n, 12))[gene] + strength * rng.normal(size=(n, 12))[gene // 3]
    table = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(12)])
    table.insert(0, "Metadata_Gene", [f"g{g:02d}" for g in gene])
    return table


def complexes(n: int = 60) -> pd.DataFrame:
    """Return the pairs of genes that share a complex, in two sources."""
    pairs = [(f"g{3 * c + i:02d}", f"g{3 * c + j:02d}") for c in range(n // 3) for i, j in ((0, 1), (0, 2), (1, 2))]
    table = pd.DataFrame(pairs, columns=["first", "second"])
    return table.assign(source=np.where(np.arange(len(table)) < len(table) // 2, "A", "B"))


def naive(table: pd.DataFrame, relations: pd.DataFrame, low: float, high: float) -> float:
    """Return the share of pairs in the tails, one pair at a time."""
    means = table.groupby("Metadata_Gene").mean(numeric_only=True)
    unit = means.to_numpy() / np.linalg.norm(means, axis=1, keepdims=True)
    alike = pd.DataFrame(unit @ unit.T, index=means.index, columns=means.index)
    everything = np.sort(alike.to_numpy()[np.triu_indices(len(alike), 1)])
    found = []
    for a, b in zip(relations["first"], relations["second"], strict=True):
        up_to, below = (
            np.searchsorted(everything, alike.loc[a, b], side) / len(everything) for side in ("right", "left")
        )
        found.append(up_to <= low or below >= high)
    return float(np.mean(found))


@pytest.mark.parametrize("tails", [(0.05, 0.95), (0.1, 0.9), (0.0, 0.5), (0.2, 1.0)])
def test_equals_the_definition(tails: tuple[float, float]) -> None:
    """Recall is that of ranks among all pairs; what chance gives is the size of the tails."""
    table, known = genes(strength=0.7), complexes()
    found = cpf.relation_recall(table, known, by="Metadata_Gene", tails=tails)
    assert found["recall"].item() == pytest.approx(naive(table, known, *tails))
    assert found["recall"].item() == pytest.approx(found["recall_low"].item() + found["recall_high"].item())
    assert found["expected"].item() == pytest.approx(tails[0] + 1 - tails[1], abs=0.01)
    assert found["n_recalled"].item() == round(found["recall"].item() * 60)


def test_sources_are_rows() -> None:
    """Each source has its own pairs, its own recall."""
    table, known = genes(strength=1.5), complexes()
    found = cpf.relation_recall(table, known, by="Metadata_Gene", source="source")
    assert found["source"].tolist() == ["A", "B"]
    for row in found.itertuples():
        part = known[known["source"] == row.source]
        assert row.recall == pytest.approx(naive(table, part, 0.05, 0.95))
        assert row.n_relations == row.n_pairs == len(part)
    assert (found["p_value"] == found["p_floor"]).all()


def test_p_values_are_calibrated() -> None:
    """Complexes that mean nothing: no more small p-values than allowed."""
    p = [
        cpf.relation_recall(genes(seed), complexes(), by="Metadata_Gene", permutations=199, seed=seed)["p_value"].item()
        for seed in range(100)
    ]
    assert np.mean(np.array(p) <= 0.05) <= allowed(len(p))[1]
    assert kstest(p, "uniform", alternative="greater").pvalue > ERROR  # whole numbers of pairs: p is not below uniform


def test_copies_and_directions_count_once() -> None:
    """A pair listed twice, or both ways, is one relation."""
    table, known = genes(strength=1.0), complexes()
    turned = known.rename(columns={"first": "second", "second": "first"})
    usual = cpf.relation_recall(table, known, by="Metadata_Gene")
    again = cpf.relation_recall(
        table, pd.concat([known, known, turned]), by="Metadata_Gene", columns=["first", "second"]
    )
    pd.testing.assert_frame_equal(again, usual)


def test_order_and_names_change_nothing() -> None:
    """Shuffled wells and relations, and other names, give the same bytes."""
    table, known = genes(strength=0.5), complexes()
    usual = cpf.relation_recall(table, known, by="Metadata_Gene")
    shuffled = cpf.relation_recall(
        table.sample(frac=1, random_state=0), known.sample(frac=1, random_state=1), by="Metadata_Gene"
    )
    pd.testing.assert_frame_equal(shuffled, usual, check_exact=True)
    names = {f"g{i:02d}": f"h{99 - i}" for i in range(60)}
    renamed = cpf.relation_recall(
        table.assign(Metadata_Gene=table["Metadata_Gene"].map(names)), known.replace(names), by="Metadata_Gene"
    )
    pd.testing.assert_frame_equal(renamed, usual, check_exact=True)


def test_ties_count_against() -> None:
    """All pairs alike: none is in a tail."""
    table = genes()
    table[[f"Cells_f{i}" for i in range(12)]] = 1.0
    found = cpf.relation_recall(table, complexes(), by="Metadata_Gene")
    assert found["n_recalled"].item() == 0
    assert found["p_value"].item() == 1.0


def test_what_is_left_out_is_in_the_ledger() -> None:
    """Names that are not in the map, pairs of one gene, dead genes, sources without any pair."""
    table, known = genes(), complexes()
    table.loc[table["Metadata_Gene"] == "g59", [f"Cells_f{i}" for i in range(12)]] = 0.0
    more = pd.DataFrame({"first": ["g00", "g01", "x"], "second": ["x", "g01", "y"], "source": ["A", "A", "C"]})
    found = cpf.relation_recall(table, pd.concat([known, more]), by="Metadata_Gene", source="source")
    assert found["source"].tolist() == ["A", "B"]
    assert found["n_relations"].tolist() == [32, 30]
    assert found["n_pairs"].tolist() == [30, 28]
    told = cpf.ledger(found).set_index("reason")["n"].to_dict()
    assert told == {
        "no direction under cosine": 1,
        "a name that is not in the map": 4,
        "a perturbation with itself": 1,
        "no relation of it is in the map": 1,
    }


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    table, known = genes(), complexes()
    call = {"by": "Metadata_Gene"}
    with pytest.raises(InputError, match=r"tails=\(0.95, 0.05\): not two numbers, the lower one first"):
        cpf.relation_recall(table, known, **call, tails=(0.95, 0.05))
    with pytest.raises(InputError, match=r"permutations=0: not a whole number of at least 1"):
        cpf.relation_recall(table, known, **call, permutations=0)
    with pytest.raises(InputError, match=r"none of 60 pairs is in the map; relations name 'x.*the map 'g"):
        cpf.relation_recall(table, known.replace(r"^g", "x", regex=True), **call)
    with pytest.raises(ColumnError, match=r"two columns of relations are needed"):
        cpf.relation_recall(table, known[["first"]], **call)
    with pytest.raises(ColumnError, match=r"source='origin': no such column"):
        cpf.relation_recall(table, known, **call, source="origin")
    with pytest.raises(ColumnError, match=r"relations: 1 rows have no name or no source"):
        cpf.relation_recall(table, pd.concat([known, pd.DataFrame({"first": ["g01"], "source": ["A"]})]), **call)


@pytest.mark.parametrize(("tails", "low", "high"), [((3 / 21, 18 / 21), 3, 3), ((0.1, 0.9), 2, 2), ((0, 1), 0, 0)])
def test_tails_hold_the_share_asked_for(tails: tuple[float, float], low: int, high: int) -> None:
    """Of all 21 pairs of seven genes, as many as the share of 21 allows, no pair more."""
    table = genes(n=7)
    names = [f"g{i:02d}" for i in range(7)]
    pairs = pd.DataFrame([(a, b) for i, a in enumerate(names) for b in names[i + 1 :]])
    found = cpf.relation_recall(table, pairs, by="Metadata_Gene", tails=tails, permutations=9)
    assert found["recall_low"].item() == pytest.approx(low / 21)
    assert found["recall_high"].item() == pytest.approx(high / 21)
    assert found["p_value"].item() == 1.0
