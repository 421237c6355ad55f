"""Two modalities: a shared subspace is found, unrelated tables are not alike, and in-sample retrieval must fail."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, KeyMatchError
from cellprofiling.kernels.directions.pairing import cross_fitted
from tests.chance import ERROR, allowed

COMPOUND = "Metadata_Compound"


def tables(seed=0, *, n=40, shared=0.0, sizes=(15, 20), blocks=0, mechanisms=None):
    """Return two tables of the same compounds that have `shared` of three hidden factors in common."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    names = pd.DataFrame({COMPOUND: [f"c{i:03d}" for i in range(n)]})
    if blocks:
        names["Metadata_Batch"] = [f"b{i % blocks}" for i in range(n)]
    if mechanisms:
        names["Metadata_Mechanism"] = [f"m{i // 5}" for i in range(n)]
    found = []
    for k, size in enumerate(sizes):
        x = rng.normal(size=(n, 4)) @ rng.normal(size=(4, size)) + rng.normal(size=(n, size))
        x += shared * hidden @ rng.normal(size=(3, size))
        if blocks:
            x += 3 * rng.normal(size=(blocks, size))[np.arange(n) % blocks]
        if mechanisms:
            ways = rng.normal(size=(n // 5, size)) * np.array([m in mechanisms[k] for m in range(n // 5)])[:, None]
            x += 3 * ways[np.arange(n) // 5]
        found.append(pd.concat([names, pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(size)])], axis=1))
    return found


def p_values(seeds, *, block=None, **design):
    asked = {"on": COMPOUND, "permutations": 59, "components": 2, "axes": 8, "block": block}
    rows = [cpf.compare_modalities(*tables(seed, **design), **asked).statistics for seed in seeds]
    return pd.DataFrame([row.set_index("statistic")["p_value"] for row in rows])


# Calibration


def test_unrelated_tables_are_not_alike():
    p = p_values(range(40))
    assert ((p <= 0.05).mean() <= allowed(40)[1]).all()


@pytest.mark.slow
def test_unrelated_tables_are_not_alike_in_a_hundred():
    p = p_values(range(1000, 1100))
    assert ((p <= 0.05).mean() <= allowed(100)[1]).all()
    for name in ("rv", "procrustes_m2", "pls_correlation_1", "retrieval_map"):
        assert kstest(p[name], "uniform").pvalue > ERROR


def in_sample(a, b, n_permutations=99):
    """Return the p-value of retrieval in a space fitted to the very pairs that are tested, and kept: not to be done."""
    from sklearn.cross_decomposition import PLSCanonical

    x, y = (table.filter(like="Cells_").to_numpy() for table in (a, b))
    first, second = PLSCanonical(2).fit(x, y).transform(x, y)
    cosine = (first / np.linalg.norm(first, axis=1)[:, None]) @ (second / np.linalg.norm(second, axis=1)[:, None]).T
    rng, n = np.random.default_rng(0), len(x)
    orders = [np.arange(n), *(rng.permutation(n) for _ in range(n_permutations))]
    own = [np.diagonal(cosine[:, order])[:, None] for order in orders]
    found = [(1 / (cosine >= values).sum(axis=1)).mean() for values in own]
    return (np.array(found) >= found[0]).mean()


def test_a_space_fitted_on_the_tested_pairs_makes_any_tables_alike():
    p = np.array([in_sample(*tables(seed)) for seed in range(40)])
    assert (p <= 0.05).mean() > 0.5


def test_blocks_are_exchanged_within_or_they_make_tables_alike():
    seeds, design = range(15), {"blocks": 3}
    assert (p_values(seeds, block="Metadata_Batch", **design)["retrieval_map"] <= 0.05).mean() <= 0.2
    assert (p_values(seeds, **design)["retrieval_map"] <= 0.05).mean() > 0.8


# Truth


def test_a_shared_subspace_is_found():
    found = cpf.compare_modalities(*tables(1, n=60, shared=1.5), on=COMPOUND, components=3, permutations=199)
    p = found.statistics.set_index("statistic")["p_value"]
    assert p[["rv", "procrustes_m2", "pls_correlation_1", "retrieval_map", "retrieval_recall_5"]].max() < 0.01
    value = found.statistics.set_index("statistic")["value"]
    assert found.perturbations["average_precision"].mean() == pytest.approx(value["retrieval_map"])
    assert (found.perturbations["rank"] <= 5).mean() == pytest.approx(value["retrieval_recall_5"])
    assert found.perturbations[COMPOUND].tolist() == [f"c{i:03d}" for i in range(60)]
    assert (found.statistics["p_floor"] == 1 / 200).all()


def test_a_table_beside_itself_agrees_in_everything():
    a, _ = tables(2)
    found = cpf.compare_modalities(a, a, on=COMPOUND, permutations=99).statistics.set_index("statistic")["value"]
    assert found["rv"] == pytest.approx(1)
    assert found["procrustes_m2"] == pytest.approx(0, abs=1e-9)
    assert found["pls_correlation_1"] == pytest.approx(1)
    assert found["retrieval_recall_1"] == 1


def test_labels_are_found_where_they_were_planted():
    a, b = tables(3, mechanisms=({0, 1, 2}, {2, 3}))
    found = cpf.compare_modalities(a, b, on=COMPOUND, label="Metadata_Mechanism", permutations=999).labels
    where = found.set_index("label")["found_in"]
    assert where[["m0", "m1", "m2", "m3"]].tolist() == ["a only", "a only", "both", "b only"]
    assert (where[["m4", "m5", "m6", "m7"]] == "neither").sum() >= 3  # a false discovery is allowed
    assert (found["n"] == 5).all()


def test_labels_mean_nothing_where_none_was_planted():
    found = [
        cpf.compare_modalities(
            *tables(seed, mechanisms=((), ())), on=COMPOUND, label="Metadata_Mechanism", permutations=99, components=1
        ).labels
        for seed in range(25)
    ]
    p = np.concatenate([part[["p_value_a", "p_value_b"]].to_numpy() for part in found])
    assert 0.02 <= (p <= 0.05).mean() <= 0.08


# Invariants


def test_order_of_rows_and_names_change_nothing():
    a, b = tables(4, shared=0.7, blocks=2, mechanisms=({0}, {0}))
    asked = {"on": COMPOUND, "block": "Metadata_Batch", "label": "Metadata_Mechanism", "permutations": 49}
    found = cpf.compare_modalities(a, b, **asked)
    mixed = cpf.compare_modalities(
        a.sample(frac=1, random_state=0), b.sample(frac=1, random_state=1).replace({"b0": "z"}), **asked
    )
    pd.testing.assert_frame_equal(found.statistics, mixed.statistics)
    pd.testing.assert_frame_equal(found.labels, mixed.labels)
    back = mixed.perturbations.sort_values(COMPOUND, ignore_index=True)
    pd.testing.assert_frame_equal(found.perturbations, back)
    renamed = cpf.compare_modalities(a.replace({"b0": "z", "c000": "zz"}), b.replace({"c000": "zz"}), **asked)
    pd.testing.assert_frame_equal(found.statistics, renamed.statistics)


def test_units_change_nothing_and_large_numbers_are_no_trouble():
    a, b = tables(5, shared=0.7)
    names = [f"Cells_{i}" for i in range(15)]
    other = a.copy()
    other[names] = 1e6 + 1e-3 * other[names]
    asked = {"on": COMPOUND, "permutations": 19}
    one, two = (cpf.compare_modalities(table, b, **asked).statistics["value"] for table in (a, other))
    np.testing.assert_allclose(one[:2], two[:2], rtol=1e-4)  # the folds are others


def test_small_blocks_say_what_they_can_reach():
    a, b = tables(6, n=12, blocks=4)
    found = cpf.compare_modalities(a, b, on=COMPOUND, block="Metadata_Batch", permutations=1999, components=1, axes=2)
    assert found.statistics["p_floor"].to_numpy() == pytest.approx(1 / 6**4)


# Words


def test_what_is_in_one_table_alone_is_told():
    a, b = tables(7)
    a["Cells_flat"] = 1.0
    a.loc[0, COMPOUND] = "x"
    found = cpf.ledger(cpf.compare_modalities(a, b.drop(index=1), on=COMPOUND, permutations=9).statistics)
    assert found[["item", "name", "reason"]].to_numpy().tolist() == [
        ["perturbation", "x", "in a alone, not in b"],
        ["perturbation", "c001", "in a alone, not in b"],
        ["perturbation", "c000", "in b alone, not in a"],
        ["feature", "Cells_flat", "no spread in a"],
    ]


def test_what_cannot_be_compared_is_said():
    a, b = tables(8)
    asked = {"on": COMPOUND}
    with pytest.raises(KeyMatchError, match=r"a: 1 rows repeat a perturbation \('c003'\); one row for each is needed"):
        cpf.compare_modalities(a.replace({"c004": "c003"}), b, **asked)
    with pytest.raises(
        KeyMatchError, match=r"11 perturbations are in both tables \(11 in a, 40 in b\), and at least 12"
    ):
        cpf.compare_modalities(a.head(11), b, **asked)
    with pytest.raises(InputError, match="on=None: not the name of a column"):
        cpf.compare_modalities(a, b, on=None)
    with pytest.raises(InputError, match="permutations=0: not a whole number of at least 1"):
        cpf.compare_modalities(a, b, **asked, permutations=0)
    with pytest.raises(InputError, match="components=0: not a whole number of at least 1"):
        cpf.compare_modalities(a, b, **asked, components=0)
    with pytest.raises(InputError, match="each of the 40 perturbations has one of its own; none can change"):
        cpf.compare_modalities(a, b, **asked, block=COMPOUND)
    with pytest.raises(ColumnError, match="label='Metadata_Compound': no label is borne by two perturbations"):
        cpf.compare_modalities(a, b, **asked, label=COMPOUND, permutations=9)
    with pytest.raises(FeatureError, match="b: none of the 20 features varies"):
        cpf.compare_modalities(a, b.assign(**dict.fromkeys([f"Cells_{i}" for i in range(20)], 1.0)), **asked)
    with pytest.raises(FeatureError, match="missing values"):
        cpf.compare_modalities(a.assign(Cells_0=np.nan), b, **asked)


def test_fitting_again_for_each_pairing_is_what_makes_the_null():
    """Pairings fitted one at a time are those fitted together."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 4))
    pairings = np.array([rng.permutation(20) for _ in range(4)])
    fold = np.arange(20) % 5
    together = cross_fitted(x, y, fold, pairings, n_components=2)
    alone = [cross_fitted(x, y, fold, order[None], n_components=2) for order in pairings]
    np.testing.assert_allclose(together.correlation, np.concatenate([one.correlation for one in alone]), atol=1e-9)
    assert np.array_equal(together.rank, np.concatenate([one.rank for one in alone]))
