"""Lists that share their negatives give the average precision of single lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.retrieval.average_precision import precision_of
from cellprofiling.kernels.retrieval.precision_by_label import listed_precisions, reciprocal_ranks


def naive(unit, queries, others, label, apart):
    found = []
    for i in queries:
        same = (label == label[i]) & (label[i] >= 0)
        positive = unit[same & (apart != apart[i])] @ unit[i]
        negative = unit[others[label[others] != label[i]]] @ unit[i]
        found.append(precision_of(positive.copy(), negative.copy()) if label[i] >= 0 else np.nan)
    return found


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 6), st.booleans())
def test_listed_precisions_are_those_of_single_lists(seed, n, n_labels, ties):
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (n, 3)).astype(float) if ties else rng.normal(size=(n, 3))
    unit, label, apart = direction(x), rng.integers(-1, n_labels, n), rng.integers(0, 3, n)
    queries, others = np.flatnonzero(apart == 0), np.flatnonzero(apart != 1)
    found = listed_precisions(unit, queries, others, label, apart)
    np.testing.assert_allclose(found, naive(unit, queries, others, label, apart), atol=1e-12)


def test_no_positives_or_no_negatives_is_missing():
    unit = direction(np.random.default_rng(0).normal(size=(4, 3)))
    label, apart, every = np.array([0, 0, 1, -1]), np.array([0, 1, 0, 1]), np.arange(4)
    assert np.isnan(listed_precisions(unit, every, every, label, apart)[2:]).all()
    assert np.isnan(listed_precisions(unit, every, np.array([0, 1]), label, apart)).all()


def test_reciprocal_ranks_are_those_of_pairs():
    rng = np.random.default_rng(3)
    unit, label, block = direction(rng.normal(size=(40, 4))), rng.integers(0, 8, 40), rng.integers(0, 3, 40)
    sums, counts = np.zeros((3, 3)), np.zeros((3, 3))
    for i in range(40):
        for j in np.flatnonzero((label == label[i]) & (block != block[i])):
            others = np.flatnonzero((block == block[i]) & (label != label[i]))
            ahead = (unit[others] @ unit[i] >= unit[j] @ unit[i]).sum()
            sums[block[i], block[j]] += 1 / (1 + ahead)
            counts[block[i], block[j]] += 1
    found = reciprocal_ranks(unit, label, block)
    np.testing.assert_allclose(found[0], sums)
    assert np.array_equal(found[1], counts)


@pytest.mark.parametrize("copies", [2, 5])
def test_reciprocal_ranks_do_not_grow_with_the_number_of_like_rows(copies):
    rng = np.random.default_rng(0)
    unit, block = direction(rng.normal(size=(400, 30))), np.repeat([0, 1], 200)
    label = rng.permutation(np.arange(400) % (400 // (2 * copies)))
    sums, counts = reciprocal_ranks(unit, label, block)
    chance = np.mean(1 / np.arange(1, 200))
    assert sums.sum() / counts.sum() == pytest.approx(chance, rel=0.3)
