"""Labels in clusters."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    cluster = rng.integers(-1, 4, 120)
    label = np.where(rng.random(120) < 0.5, cluster, rng.integers(-1, 4, 120))
    return pd.DataFrame({"Metadata_Cluster": cluster, "Metadata_Mechanism": [f"m{n}" for n in label]})


def test_each_pair_equals_fishers_exact_test(clusters):
    found = cpf.enrich(clusters, "Metadata_Mechanism")
    for row in found.itertuples():
        inside = clusters["Metadata_Cluster"] == row.cluster
        has = clusters["Metadata_Mechanism"] == row.label
        table = [[(inside & has).sum(), (inside & ~has).sum()], [(~inside & has).sum(), (~inside & ~has).sum()]]
        assert row.p_value == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-9)
        assert (row.n, row.n_cluster, row.n_label, row.n_total) == (table[0][0], inside.sum(), has.sum(), 120)
        assert row.fold == pytest.approx((inside & has).sum() / (inside.sum() * has.sum() / 120))


def test_q_values_are_those_of_all_pairs_also_of_those_that_do_not_occur(clusters):
    table = pd.crosstab(clusters["Metadata_Cluster"], clusters["Metadata_Mechanism"])
    odd = clusters[(clusters["Metadata_Cluster"] != 0) | (clusters["Metadata_Mechanism"] != "m3")]
    found = cpf.enrich(odd, "Metadata_Mechanism")
    absent = table.loc[0:].size - len(found)
    assert absent > 0
    expected = multipletests([*found["p_value"], *np.ones(absent)], method="fdr_bh")[1][: len(found)]
    np.testing.assert_allclose(found["q_value"], expected)


def test_no_cluster_is_not_tested_but_its_rows_count(clusters):
    found = cpf.enrich(clusters, "Metadata_Mechanism")
    assert -1 not in found["cluster"].tolist()
    assert set(found["n_total"]) == {120}


def test_labels_that_mean_nothing_are_seldom_found():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(40):
        frame = pd.DataFrame({"Metadata_Cluster": rng.integers(0, 6, 200), "Metadata_L": rng.integers(0, 20, 200)})
        hits += cpf.enrich(frame, "Metadata_L")["q_value"].lt(0.1).any()
    assert hits <= 8  # at most 10 % expected; 40 tries


def test_replicates_are_no_evidence_of_their_own():
    """Trap: one compound in ten wells of one cluster is one compound."""
    one = pd.DataFrame({"Metadata_Cluster": 0, "Metadata_Compound": "a", "Metadata_M": "x"}, index=range(10))
    rest = pd.DataFrame(
        {"Metadata_Cluster": [1] * 9, "Metadata_Compound": [*"bcdefghij"], "Metadata_M": [*"xyyyyzzzz"]}
    )
    moved = one.iloc[:2].assign(Metadata_Cluster=1)
    wells = pd.concat([one, rest, moved])
    assert cpf.enrich(wells, "Metadata_M")["p_value"].min() < 1e-3
    by_compound = cpf.enrich(wells, "Metadata_M", by="Metadata_Compound")
    assert by_compound["p_value"].min() > 0.05
    assert set(by_compound["n_total"]) == {10}
    assert by_compound.query("cluster == 0")[["label", "n"]].to_numpy().tolist() == [["x", 1]]


def test_the_order_of_rows_does_not_matter(clusters):
    expected = cpf.enrich(clusters, "Metadata_Mechanism")
    pd.testing.assert_frame_equal(cpf.enrich(clusters.iloc[::-1], "Metadata_Mechanism"), expected)


def test_rows_without_a_label_are_left_out_and_written_down(clusters):
    clusters.loc[:9, "Metadata_Mechanism"] = None
    found = cpf.enrich(clusters, "Metadata_Mechanism")
    assert set(found["n_total"]) == {110}
    assert cpf.ledger(found)["n"].tolist() == [10]


def test_what_cannot_be_done_is_said(clusters):
    with pytest.raises(ColumnError, match=r"label='Metadata_Mecanism': no such column"):
        cpf.enrich(clusters, "Metadata_Mecanism")
    with pytest.raises(ColumnError, match=r"cluster='Metadata_Group': no such column"):
        cpf.enrich(clusters, "Metadata_Mechanism", cluster="Metadata_Group")
    with pytest.raises(ColumnError, match=r"label='Metadata_None': all 120 rows are without a label"):
        cpf.enrich(clusters.assign(Metadata_None=None), "Metadata_None")
    with pytest.raises(InputError, match=r"min_label=100: no pair to test: 4 clusters, and 0 labels of at least 100"):
        cpf.enrich(clusters, "Metadata_Mechanism", min_label=100)
    with pytest.raises(InputError, match=r"no pair to test: 0 clusters"):
        cpf.enrich(clusters.assign(Metadata_Cluster=-1), "Metadata_Mechanism")
    with pytest.raises(ColumnError, match=r"label='Metadata_Mechanism': differs between the rows of \('a',\)"):
        cpf.enrich(clusters.assign(Metadata_C="a"), "Metadata_Mechanism", by="Metadata_C")
