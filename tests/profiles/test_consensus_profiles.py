"""Consensus of replicates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.kernels.batches import consensus as kernel
from cellprofiling.profiles.consensus_profiles import METHODS
from tests.builders import read_only

FEATURES = [f"Cells_{i}" for i in range(8)]


@pytest.fixture
def wells():
    """Compounds with 5, 4, 2 and 1 replicates, in no order; one of them with gaps."""
    rng = np.random.default_rng(0)
    compounds = np.repeat(["c", "a", "d", "b"], [5, 4, 2, 1])
    level = {name: rng.normal(size=8) for name in "abcd"}
    x = np.stack([level[name] for name in compounds]) + 0.7 * rng.normal(size=(12, 8))
    frame = pd.DataFrame(x, columns=FEATURES).assign(
        Metadata_Compound=compounds,
        Metadata_Mechanism=pd.Series(compounds).map({"a": "x", "b": None, "c": "x", "d": None}),
        Metadata_Dose=1.0,
        Metadata_Well=[f"A{i + 1:02d}" for i in range(12)],
    )
    return frame.sample(frac=1, random_state=0)


def modz(x, **options):
    """The kernel, for one group."""
    return kernel.modz(x, np.zeros(len(x), dtype=np.intp), 1, **options)[0]


def naive_modz(x):
    """Write the weighted mean out, replicate by replicate and feature by feature."""
    complete = [j for j in range(x.shape[1]) if not np.isnan(x[:, j]).any()]
    weights = np.ones(len(x))
    if len(x) > 2:
        for i, row in enumerate(x):
            others = [spearmanr(row[complete], x[k][complete]).statistic for k in range(len(x)) if k != i]
            weights[i] = max(np.mean([max(r, 0) for r in others]), 0.01)
    result = []
    for column in x.T:
        there = ~np.isnan(column)
        result.append((weights[there] @ column[there]) / weights[there].sum() if there.any() else np.nan)
    return np.array(result)


NAIVE = {"median": lambda x: np.nanmedian(x, axis=0), "mean": lambda x: np.nanmean(x, axis=0), "modz": naive_modz}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_equals_its_naive_twin(wells, method):
    wells.iloc[3, 0] = wells.iloc[5, 2] = np.nan
    found = cpf.consensus(wells, "Metadata_Compound", method=method).set_index("Metadata_Compound")
    for compound, replicates in wells.groupby("Metadata_Compound"):
        np.testing.assert_allclose(
            found.loc[compound, FEATURES].astype(float), NAIVE[method](replicates[FEATURES].to_numpy())
        )


@pytest.mark.parametrize("method", METHODS)
def test_it_equals_pycytominer_1_7_1(wells, pycytominer, method):
    peer = pycytominer.consensus(wells, replicate_columns=["Metadata_Compound"], operation=method)
    peer = peer.set_index("Metadata_Compound").sort_index()[FEATURES]
    ours = cpf.consensus(wells, "Metadata_Compound", method=method)[FEATURES]
    # chosen difference: the peer rounds weights to 4 decimals, which moves the mean by up to 5e-5 of each replicate
    rounding = (
        5e-5 * wells[FEATURES].abs().groupby(wells["Metadata_Compound"]).sum().to_numpy() if method == "modz" else 0
    )
    assert (np.abs(ours.to_numpy() - peer.to_numpy()) <= rounding + 1e-12).all()


def test_modz_equals_pycytominer_1_7_1_when_it_does_not_round(wells, pycytominer):
    """The peer rounds correlations and weights to `precision` decimals; two replicates it weighs by 1/2 each, too."""
    from pycytominer.cyto_utils import modz as peer_modz

    peer = peer_modz(wells, ["Metadata_Compound"], features=FEATURES, precision=15).set_index("Metadata_Compound")
    ours = cpf.consensus(wells, "Metadata_Compound", method="modz")[FEATURES]
    np.testing.assert_allclose(ours.to_numpy(), peer.sort_index()[FEATURES].to_numpy(), rtol=0, atol=1e-9)


def test_modz_of_equal_replicates_is_the_replicate():
    """Trap: rounded weights of three replicates sum to 0.9999."""
    x = np.tile(np.random.default_rng(0).normal(size=20), (3, 1))
    np.testing.assert_allclose(modz(x), x[0], rtol=1e-14)


def test_modz_takes_a_missing_value_for_missing():
    """Trap: counted as 0, replicates of 10, 10 and nothing have the consensus 6.7."""
    x = np.random.default_rng(0).normal(size=(3, 20))
    x[:, 0], x[:, 1] = [10, 10, np.nan], np.nan
    x = read_only(x)
    assert modz(x)[0] == pytest.approx(10)
    assert np.isnan(modz(x)[1])


def test_modz_counts_a_replicate_that_agrees_with_none_least():
    rng = np.random.default_rng(0)
    level = rng.normal(size=200)
    x = np.vstack([level + 0.1 * rng.normal(size=(4, 200)), -level])
    assert np.corrcoef(modz(x), level)[0, 1] > 0.99
    outvoted = modz(x, min_weight=0.0)
    np.testing.assert_allclose(outvoted, naive_modz(x[:4]), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("min_weight", [0.0, 0.01])
def test_modz_of_replicates_that_cannot_be_compared_is_their_mean(min_weight):
    x = np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, 5.0]])  # no feature that all have
    np.testing.assert_allclose(modz(x, min_weight=min_weight), [2, 5])
    np.testing.assert_allclose(modz(np.ones((3, 4)) * [[1], [2], [3]], min_weight=min_weight), 2)  # no spread


@settings(max_examples=25, deadline=None)
@given(method=st.sampled_from(list(METHODS)), order=st.permutations(range(9)))
def test_row_order_does_not_matter(method, order):
    x = np.random.default_rng(1).normal(size=(9, 8))
    wells = pd.DataFrame(x, columns=FEATURES).assign(Metadata_Compound=list("aaabbbccc"))
    expected = cpf.consensus(wells, "Metadata_Compound", method=method)
    found = cpf.consensus(wells.iloc[order], "Metadata_Compound", method=method)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("method", METHODS)
def test_large_means_keep_small_differences(method, wells):
    moved = wells.assign(**{name: 1e6 + 1e-3 * wells[name] for name in FEATURES})
    expected = cpf.consensus(wells, "Metadata_Compound", method=method)[FEATURES]
    found = cpf.consensus(moved, "Metadata_Compound", method=method)[FEATURES]
    np.testing.assert_allclose((found - 1e6) / 1e-3, expected, atol=1e-5)


def test_metadata_that_replicates_share_are_carried_and_the_others_written_down(wells):
    found = cpf.consensus(wells, ["Metadata_Compound"])
    assert list(found.columns[:4]) == [
        "Metadata_Compound",
        "Metadata_Mechanism",
        "Metadata_Dose",
        "Metadata_Replicate_Count",
    ]
    assert found["Metadata_Compound"].tolist() == ["a", "b", "c", "d"]
    assert found["Metadata_Replicate_Count"].tolist() == [4, 1, 5, 2]
    assert found["Metadata_Mechanism"].isna().tolist() == [False, True, False, True]
    line = cpf.ledger(found).iloc[0]
    assert (line["item"], line["name"], line["reason"]) == ("metadata", "Metadata_Well", "differs between replicates")


def test_a_value_beside_a_missing_one_is_not_shared(wells):
    wells.loc[wells.index[wells["Metadata_Compound"] == "a"][0], "Metadata_Mechanism"] = None
    assert "Metadata_Mechanism" not in cpf.consensus(wells, "Metadata_Compound")


def test_counting_again_counts_the_rows_given(wells):
    once = cpf.consensus(wells, "Metadata_Compound")
    twice = cpf.consensus(once, "Metadata_Dose")
    assert twice["Metadata_Replicate_Count"].tolist() == [4]
    assert list(twice.columns).count("Metadata_Replicate_Count") == 1


def test_dtype_and_input_stay(wells):
    single = wells.astype(dict.fromkeys(FEATURES, np.float32))
    before = single.copy(deep=True)
    for method in METHODS:
        assert set(cpf.consensus(single, "Metadata_Compound", method=method)[FEATURES].dtypes) == {np.dtype(np.float32)}
    pd.testing.assert_frame_equal(single, before)


def test_without_by_all_rows_are_replicates():
    found = cpf.consensus(pd.DataFrame({"Cells_a": [1.0, 3.0]}), None)
    assert found.to_dict("list") == {"Metadata_Replicate_Count": [2], "Cells_a": [2.0]}


def test_what_cannot_be_done_is_said(wells):
    with pytest.raises(InputError, match=r"method='mode': choose one of 'median', 'mean', 'modz'"):
        cpf.consensus(wells, "Metadata_Compound", method="mode")
    with pytest.raises(InputError, match=r"min_weight=0\.1: not an option of 'median'; it takes no options"):
        cpf.consensus(wells, "Metadata_Compound", min_weight=0.1)
    with pytest.raises(ColumnError, match=r"by='Metadata_Compund': no such column"):
        cpf.consensus(wells, "Metadata_Compund")
    with pytest.raises(ColumnError, match=r"by='Metadata_Mechanism': 3 of 12 rows have no value there"):
        cpf.consensus(wells, "Metadata_Mechanism")
    with pytest.raises(InputError, match=r"of 0 rows"):
        cpf.consensus(wells.iloc[:0], "Metadata_Compound")


def test_lists_among_the_metadata_stay_where_replicates_agree():
    wells = pd.DataFrame({"Metadata_Gene": ["a", "a", "b", "b"], "Cells_AreaShape_Area": [1.0, 3, 5, 7]})
    wells["Metadata_Same"] = [["x", "y"], ["x", "y"], ["z"], ["z"]]
    wells["Metadata_Differs"] = [["x"], ["y"], ["z"], ["z"]]
    together = cpf.consensus(wells, "Metadata_Gene")
    assert together["Metadata_Same"].tolist() == [["x", "y"], ["z"]]
    assert "Metadata_Differs" not in together
