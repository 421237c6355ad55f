"""Measures of mixing equal slow twins, and are what they should be where batches do not differ, or are far apart."""

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_samples

from cellprofiling.kernels.batches import mixing
from cellprofiling.kernels.similarity.neighbors import nearest
from tests.builders import read_only


@pytest.fixture
def rows():
    """Give rows of 3 batches and 6 labels."""
    rng = np.random.default_rng(0)
    batch, label = rng.integers(0, 3, 150), rng.integers(0, 6, 150)
    x = rng.normal(size=(150, 5)) + 2 * rng.normal(size=(6, 5))[label] + rng.normal(size=(3, 5))[batch]
    x = read_only(x)
    return x, batch, label


def naive_index(distance, batch, perplexity):
    """Return the inverse Simpson index of one row by plain bisection of the entropy."""
    low, high = 1e-9, 1e9
    for _ in range(300):
        b = np.sqrt(low * high)
        p = np.exp(-(distance - distance.min()) * b)
        p /= p.sum()
        entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
        low, high = (b, high) if entropy > np.log(perplexity) else (low, b)
    return 1 / sum(p[batch == code].sum() ** 2 for code in np.unique(batch))


def test_effective_batches_are_the_inverse_simpson_index_at_a_perplexity(rows):
    x, batch, _ = rows
    around = nearest(x, 30)
    found = mixing.effective_batches(around.distance, batch[around.rows], 3)
    expected = [naive_index(d, batch[i], 10) for i, d in zip(*around, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_effective_batches_run_from_one_to_all():
    distance = np.array([[1.0, 1, 1, 1], [1e3, 2e3, 3e3, 4e3], [0.0, 0, 0, 0]])
    batch = np.array([[0, 1, 0, 1], [2, 2, 2, 2], [0, 1, 2, 3]])
    np.testing.assert_allclose(mixing.effective_batches(distance, batch, 4), [2, 1, 4])


def test_kbet_is_a_chi_squared_test_of_each_neighborhood(rows):
    x, batch, _ = rows
    around = nearest(x, 20).rows
    shares = np.bincount(batch) / len(batch)
    expected = [chisquare(np.bincount(batch[i], minlength=3), 20 * shares).pvalue >= 0.05 for i in around]
    assert np.array_equal(mixing.as_expected(batch[around], shares), expected)
    assert 0 < np.mean(expected) < 1


def test_explained_by_batch_is_principal_component_regression(rows):
    x, batch, _ = rows
    components = PCA().fit_transform(x)
    dummies = np.eye(3)[batch]
    fitted = dummies @ np.linalg.lstsq(dummies, components, rcond=None)[0]
    r2, variance = fitted.var(axis=0) / components.var(axis=0), components.var(axis=0)
    expected = (r2 * variance).sum() / variance.sum()
    assert mixing.explained_by_batch(x, batch) == pytest.approx(expected, abs=1e-12)
    assert mixing.explained_by_batch(x + 1e6, batch) == pytest.approx(expected, abs=1e-9)
    assert mixing.explained_by_batch(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0


@pytest.mark.parametrize("weights", ["plain", "drawn"])
def test_weights_are_rows_repeated(rows, weights):
    x, batch, _ = rows
    count = np.ones(150) if weights == "plain" else np.random.default_rng(1).poisson(1, 150).astype(float)
    repeated = np.repeat(np.arange(150), count.astype(int))
    share = mixing.shares_between(x, batch, count[None])[0]
    assert share == pytest.approx(mixing.explained_by_batch(x[repeated], batch[repeated]), abs=1e-12)
    gap = mixing.center_gaps(x, batch, count[None])[0]
    assert gap == pytest.approx(mixing.center_gap(x[repeated], batch[repeated]), abs=1e-12)


def test_center_gap_is_the_distance_of_centers_in_spreads(rows):
    x, batch, _ = rows
    centers = np.array([x[batch == b].mean(axis=0) for b in range(3)])
    inside = x - centers[batch]
    spread = np.sqrt((inside**2).sum() / (150 - 3))
    expected = np.linalg.norm(centers - x.mean(axis=0), axis=1).mean() / spread
    assert mixing.center_gap(x, batch) == pytest.approx(expected, abs=1e-12)


def test_center_gap_of_batches_that_do_not_differ_is_that_of_chance():
    rng = np.random.default_rng(0)
    batch = np.repeat([0, 1, 2, 3], 25)
    found = [mixing.center_gap(rng.normal(size=(100, 50)), batch) for _ in range(50)]
    assert np.mean(found) == pytest.approx(np.sqrt(1 / 25 - 1 / 100), rel=0.02)


def test_center_gap_without_spread():
    batch = np.array([0, 0, 1, 1])
    assert mixing.center_gap(np.ones((4, 2)), batch) == 0
    assert mixing.center_gap(np.repeat([[0.0], [1.0]], 2, axis=0), batch) == np.inf


@pytest.mark.parametrize("other", ["nearest", "mean"])
def test_silhouettes(rows, other):
    x, batch, _ = rows
    distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    found = mixing.silhouettes(distance, batch, other)
    if other == "nearest":
        np.testing.assert_allclose(found, silhouette_samples(x, batch), atol=1e-12)
    for i in (0, 17, 149):
        a = distance[i, (batch == batch[i]) & (np.arange(150) != i)].mean()
        means = [distance[i, batch == b].mean() for b in range(3) if b != batch[i]]
        b = min(means) if other == "nearest" else distance[i, batch != batch[i]].mean()
        assert found[i] == pytest.approx((b - a) / max(a, b))


def test_a_row_alone_in_its_cluster_has_silhouette_zero():
    distance = np.array([[0.0, 1, 2], [1, 0, 2], [2, 2, 0]])
    assert mixing.silhouettes(distance, np.array([0, 0, 1]))[2] == 0


def test_batch_silhouettes_skip_labels_that_say_nothing(rows):
    x, _, _ = rows
    label = np.array([0] * 4 + [1] * 2 + [2] * 4 + [-1] * 140)
    batch = np.array([0, 0, 1, 1] + [0, 1] + [0] * 4 + [0, 1] * 70)  # 1: one row in each batch; 2: one batch
    found = mixing.batch_silhouettes(x, label, batch)
    assert np.isfinite(found[0])
    assert np.isnan(found[1:]).all()


def test_batch_silhouettes_are_one_where_batches_are_copies_and_fall_when_they_part():
    rng = np.random.default_rng(0)
    x = np.tile(rng.normal(size=(200, 4)), (2, 1))
    label, batch = np.zeros(400, dtype=int), np.repeat([0, 1], 200)
    assert mixing.batch_silhouettes(x, label, batch)[0] > 0.98
    assert mixing.batch_silhouettes(x + 20 * batch[:, None] * [1, -1, 0, 0], label, batch)[0] < 0.5
