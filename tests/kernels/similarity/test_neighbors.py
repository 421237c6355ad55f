"""Nearest neighbors are exact, near copies and large offsets included."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.similarity import neighbors
from cellprofiling.kernels.similarity.neighbors import most_alike, nearest
from tests.builders import read_only


def naive(x, k):
    distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distance, order, axis=1)


@pytest.mark.parametrize(
    ("n", "k", "offset"), [(40, 5, 0.0), (40, 39, 1e6), (40, 100, 0.0), (3, 1, 0.0), (200, 90, -3.0)]
)
def test_neighbors_are_those_of_all_pairs(n, k, offset):
    x = np.random.default_rng(n).normal(size=(n, 7)) * [1, 1e-3, 1, 1, 1, 1, 5] + offset
    x = read_only(x)
    found = nearest(x, k)
    index, distance = naive(x, min(k, n - 1))
    assert np.array_equal(found.rows, index)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-9)


def test_blocks_do_not_matter(monkeypatch):
    x = np.random.default_rng(0).normal(size=(50, 4))
    whole, pairs = nearest(x, 8), most_alike(direction(x), np.arange(50) % 3)
    monkeypatch.setattr(neighbors, "BLOCK", 120)
    assert np.array_equal(nearest(x, 8).rows, whole.rows)
    assert all(np.array_equal(a, b) for a, b in zip(most_alike(direction(x), np.arange(50) % 3), pairs, strict=True))


def test_copies_are_at_distance_zero_and_rows_of_one_distance_in_order():
    x = np.repeat(np.random.default_rng(0).normal(size=(4, 3)) + 1e6, 3, axis=0)
    found = nearest(x, 2)
    assert np.array_equal(found.rows[:3], [[1, 2], [0, 2], [0, 1]])
    assert (found.distance == 0).all()


def test_one_row_has_no_neighbors():
    assert nearest(np.ones((1, 3)), 5).rows.shape == (1, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_most_alike_is_the_largest_cosine(dtype):
    rng = np.random.default_rng(1)
    unit, group = direction(rng.normal(size=(60, 9))), rng.integers(0, 4, 60)
    anywhere, elsewhere = most_alike(unit.astype(dtype), group)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    assert np.array_equal(anywhere, cosine.argmax(axis=1))
    assert np.array_equal(elsewhere, np.where(group[:, None] == group, -np.inf, cosine).argmax(axis=1))


def test_a_row_without_another_group_has_no_neighbor_there():
    unit = direction(np.random.default_rng(0).normal(size=(5, 3)))
    assert (most_alike(unit, np.zeros(5, dtype=int))[1] == -1).all()
