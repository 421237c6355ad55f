"""Neighbors that may not share something: equal to a loop over pairs; intervals that know clusters."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cellprofiling.kernels.similarity import nearest_labels
from cellprofiling.kernels.similarity.nearest_labels import (
    candidates,
    clustered_interval,
    find_labels,
    permuted_accuracies,
    reachable_units,
)


def naive(unit: np.ndarray, label: np.ndarray, apart: list[np.ndarray]) -> list[tuple]:
    """Look at each pair; among equals, those with another label come first, then the first."""
    found = []
    for i in range(len(unit)):
        ranked = [
            (-round(float(unit[i] @ unit[j]), 9), label[j] == label[i], j)
            for j in range(len(unit))
            if i != j and label[j] >= 0 and unit[i].any() and unit[j].any()
            and not any((shared[i] & shared[j]).any() for shared in apart)
        ]  # fmt: skip
        ranked.sort()
        right = [place for place, entry in enumerate(ranked) if entry[1]]
        found.append(
            (
                ranked[0][2] if ranked else -1,
                right[0] + 1 if right else 0,
                len(ranked),
                len(right),
            )
        )
    return found


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return unit vectors with copies and a dead one, labels with unknown ones, and two memberships."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, (40, 3)).astype(float)
    x[7] = 0
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    first = rng.integers(0, 10, 40)[:, None] == np.arange(10)
    second = rng.random((40, 4)) < 0.3
    return unit, rng.integers(-1, 4, 40), [first, second]


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_loop(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For ties, rows without label or direction, and several memberships; in blocks of any size."""
    unit, label, apart = problem(seed)
    expected = naive(unit, label, apart)
    for block in (nearest_labels.BLOCK, 100):
        monkeypatch.setattr(nearest_labels, "BLOCK", block)
        found = find_labels(unit, label, apart)
        assert list(zip(found.nearest, found.rank, found.n_candidates, found.n_right, strict=True)) == expected
        assert np.isnan(found.similarity[found.nearest < 0]).all()


def test_a_tie_is_not_right() -> None:
    """Two neighbors equally similar, one of them right: the other is taken."""
    unit = np.array([[1.0, 0], [0.8, 0.6], [0.8, -0.6]])
    for label in ([0, 0, 1], [0, 1, 0]):
        found = find_labels(unit, np.array(label), [])
        assert label[found.nearest[0]] == 1
        assert found.rank[0] == 2


def test_permuted_accuracy_is_that_of_the_labels() -> None:
    """With labels laid on rows as they are, the share of right among those that can be."""
    unit, label, apart = problem(0)
    label = np.abs(label)
    found = find_labels(unit, label, apart)
    queries = np.flatnonzero(found.nearest >= 0)
    reachable = candidates(queries, apart, unit.any(axis=1))
    values = permuted_accuracies(label[None], queries, found.nearest[queries], reachable)
    answerable = found.n_right > 0
    assert values[0] == (label[found.nearest] == label)[answerable].mean()


def test_reachable_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit is reachable if one of its rows is a candidate; in blocks of any size."""
    unit, _, apart = problem(2)
    unit_of, rows, usable = np.arange(40) % 13, np.arange(3, 40, 2), unit.any(axis=1)
    allowed = candidates(rows, apart, usable)
    expected = np.array([[(row & (unit_of == u)).any() for u in range(13)] for row in allowed])
    for block in (nearest_labels.BLOCK, 100):
        monkeypatch.setattr(nearest_labels, "BLOCK", block)
        np.testing.assert_array_equal(reachable_units(rows, apart, usable, unit_of), expected)


def test_interval_of_independent_rows() -> None:
    """Every row a cluster: Clopper and Pearson's interval, but for the n / (n - 1) of the variance."""
    right = np.arange(100) < 80
    exact = binomtest(80, 100).proportion_ci(0.95)
    np.testing.assert_allclose(clustered_interval(right, np.arange(100), 0.95), exact, atol=1e-3)


def test_interval_of_copies_is_that_of_clusters() -> None:
    """Each row five times is no more than each row once."""
    right = np.arange(40) < 30
    once = clustered_interval(right, np.arange(40), 0.95)
    np.testing.assert_allclose(clustered_interval(np.repeat(right, 5), np.repeat(np.arange(40), 5), 0.95), once)


def test_interval_at_the_ends() -> None:
    """All right or none right counts clusters, as nothing is known of their variance."""
    cluster = np.repeat(np.arange(10), 4)
    low, high = clustered_interval(np.ones(40, dtype=bool), cluster, 0.95)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 10)), 1.0)
    assert clustered_interval(np.zeros(40, dtype=bool), cluster, 0.95) == (0.0, pytest.approx(1 - low))


def test_interval_covers_the_truth_when_compounds_are_right_or_wrong_together() -> None:
    """Clusters with a rate of their own: 95 % or more cover; taken as independent rows they would not."""
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(40), 3)
    inside, naive_inside = 0, 0
    for _ in range(500):
        right = rng.random(120) < rng.beta(1.4, 0.6, 40)[cluster]
        low, high = clustered_interval(right, cluster, 0.95)
        inside += low <= 0.7 <= high
        exact = binomtest(int(right.sum()), 120).proportion_ci(0.95)
        naive_inside += exact.low <= 0.7 <= exact.high
    assert inside / 500 > 0.93
    assert naive_inside / 500 < 0.9
