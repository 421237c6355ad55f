"""q-values are those of statsmodels, missing tests in no family; groups keep their rate, smallest p-values do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests

from cellprofiling.kernels.inference.multiplicity import (
    benjamini_bogomolov,
    benjamini_hochberg,
    q_values,
    simes,
)
from tests.chance import allowed

P_VALUES = st.lists(st.floats(0, 1) | st.just(np.nan), min_size=1, max_size=30)


def naive_simes(p, groups):
    result = []
    for group in range(groups.max() + 1):
        inside = np.sort(p[(groups == group) & ~np.isnan(p)])
        n = len(inside)
        result.append(min((n * value / (i + 1) for i, value in enumerate(inside)), default=np.nan))
    return np.array(result)


def naive_benjamini_bogomolov(p, groups, level):
    """Return which tests are rejected, by the words of the paper with statsmodels for each step."""
    group_p = naive_simes(p, groups)
    known = ~np.isnan(group_p)
    selected = np.zeros(len(group_p), dtype=bool)
    selected[known] = multipletests(group_p[known], level, method="fdr_bh")[0]
    share = selected.sum() / known.sum()
    rejected = np.zeros(len(p), dtype=bool)
    for group in np.flatnonzero(selected):
        inside = np.flatnonzero((groups == group) & ~np.isnan(p))
        rejected[inside] = multipletests(p[inside], level * share, method="fdr_bh")[0]
    return selected, rejected


@settings(max_examples=60, deadline=None)
@given(P_VALUES, st.integers(1, 6), st.integers(0, 99))
def test_simes_equals_its_naive_twin(p, n_groups, seed):
    p = np.array(p)
    groups = np.random.default_rng(seed).integers(0, n_groups, len(p))
    assert np.allclose(simes(p, groups), naive_simes(p, groups), rtol=1e-12, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999))
def test_what_is_rejected_equals_the_naive_twin(seed):
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, 12, 60))
    p = rng.random(60) ** rng.choice([1, 6], 60)
    p[rng.random(60) < 0.1] = np.nan
    level = float(rng.choice([0.01, 0.05, 0.2]))
    found = benjamini_bogomolov(p, groups, level)
    selected, rejected = naive_benjamini_bogomolov(p, groups, level)
    assert np.array_equal(found.selected, selected)
    assert np.array_equal(found.q_value <= level, rejected)
    assert np.array_equal(np.isnan(found.q_value), np.isnan(p))


def test_order_changes_nothing():
    rng = np.random.default_rng(0)
    p, groups = rng.random(60) ** 4, np.repeat(np.arange(10), 6)
    shuffled = rng.permutation(60)
    found, again = benjamini_bogomolov(p, groups, 0.1), benjamini_bogomolov(p[shuffled], groups[shuffled], 0.1)
    assert np.array_equal(found.group_q_value, again.group_q_value)
    assert np.array_equal(found.q_value[shuffled], again.q_value)


def test_missing_and_single_tests():
    p = np.array([0.02, np.nan, np.nan, 0.3, 0.01])
    groups = np.array([0, 0, 1, 2, 2])
    found = benjamini_bogomolov(p, groups, 0.05)
    assert np.allclose(simes(p, groups), [0.02, np.nan, 0.02], equal_nan=True)
    assert np.allclose(found.group_q_value, [0.02, np.nan, 0.02], equal_nan=True)
    assert found.selected.tolist() == [True, False, True]
    assert np.allclose(found.q_value, [0.02, np.nan, np.nan, 0.3, 0.02], equal_nan=True)
    assert np.allclose(benjamini_hochberg(p), [0.03, np.nan, np.nan, 0.3, 0.03], equal_nan=True)
    assert np.isnan(benjamini_hochberg(p[1:3])).all()
    assert len(simes(np.zeros(0), np.zeros(0, dtype=np.intp))) == 0


N_SCREENS = 300


def realised(n_active, combine, n_screens=N_SCREENS, n_groups=200, n_doses=6):
    """Return the share of false discoveries among selected compounds; doses share controls, so they are correlated."""
    rng = np.random.default_rng(n_active)
    groups = np.repeat(np.arange(n_groups), n_doses)
    shares = []
    for _ in range(n_screens):
        z = rng.normal(size=(n_groups, n_doses)) * np.sqrt(0.8) + rng.normal(size=(n_groups, 1)) * np.sqrt(0.2)
        z[:n_active, n_doses // 2 :] += 4
        selected = multipletests(combine(ndtr(-z).ravel(), groups), 0.05, method="fdr_bh")[0]
        shares.append(selected[n_active:].sum() / max(1, selected.sum()))
    return np.mean(shares)


@pytest.mark.parametrize("n_active", [0, 10])
def test_the_false_discovery_rate_over_compounds_is_kept(n_active):
    assert realised(n_active, simes) <= allowed(N_SCREENS)[1]


@pytest.mark.parametrize("n_active", [0, 10])
def test_the_smallest_p_value_of_a_compound_does_not_keep_it(n_active):
    def smallest(p, groups):
        return np.array([p[groups == group].min() for group in range(groups.max() + 1)])

    assert realised(n_active, smallest, n_screens=100) >= 0.2


@pytest.mark.parametrize(("name", "peer"), [("benjamini_hochberg", "fdr_bh"), ("benjamini_yekutieli", "fdr_by")])
def test_equals_statsmodels_in_each_family(name: str, peer: str) -> None:
    """Families in any order, missing p-values left missing and uncounted."""
    rng = np.random.default_rng(0)
    p, family = rng.random(50) ** 3, rng.integers(0, 4, 50)
    p[::7] = np.nan
    found = q_values(p, name, family)
    for code in range(4):
        here = (family == code) & ~np.isnan(p)
        np.testing.assert_allclose(found[here], multipletests(p[here], method=peer)[1])
    assert np.isnan(found[::7]).all()


def test_every_door_gives_the_same_bits() -> None:
    """Benjamini-Hochberg of one family, of families that are one, and of one group of tests."""
    p = np.random.default_rng(0).random(200) ** 3
    p[::9] = np.nan
    one = np.zeros(len(p), dtype=np.intp)
    np.testing.assert_array_equal(benjamini_hochberg(p), q_values(p, "benjamini_hochberg", one - 1))
    np.testing.assert_array_equal(benjamini_hochberg(p), benjamini_bogomolov(p, one, 1.0).q_value)


def test_nothing_tested_is_nothing_found() -> None:
    """All missing, or none given."""
    assert np.isnan(q_values(np.full(3, np.nan), "storey")).all()
    assert len(q_values(np.zeros(0), "storey")) == 0


def test_storey_keeps_the_rate_and_finds_more() -> None:
    """With half of the hypotheses false: no more false discoveries than allowed, more true ones than plain."""
    rng = np.random.default_rng(0)
    false, more = [], []
    for _ in range(200):
        p = np.concatenate([rng.random(100), rng.random(100) ** 8])
        called, plain = (q_values(p, name) <= 0.1 for name in ("storey", "benjamini_hochberg"))
        false.append(called[:100].sum() / max(called.sum(), 1))
        more.append(called[100:].sum() - plain[100:].sum())
    assert np.mean(false) <= allowed(200, 0.1)[1]
    assert np.mean(more) > 1


def test_storey_of_noise_is_not_below_the_plain_one_by_much() -> None:
    """The share of null hypotheses is at most 1, and a handful of tests is not taken to have none."""
    p = np.array([0.01, 0.02, 0.03])
    np.testing.assert_allclose(q_values(p, "storey"), 2 / 3 * q_values(p, "benjamini_hochberg"))
    p = np.array([0.9, 0.95, 0.99])
    np.testing.assert_allclose(q_values(p, "storey"), q_values(p, "benjamini_hochberg"))
