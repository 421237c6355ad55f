"""Harmony."""

import numpy as np
import pytest

from cellprofiling.kernels.batches.harmony import Settings, _mixed, _shifted, _unit, harmonize
from tests.builders import read_only

SETTINGS = Settings(theta=2.0, ridge=1.0, sigma=0.1, iterations=10, rounds=10)


def clouds(n=60, *, seed=0, shift=2.0):
    """Return three kinds of rows in three batches, each kind of a batch shifted by the batch."""
    rng = np.random.default_rng(seed)
    kind, codes = np.repeat(np.arange(3), 3 * n), np.tile(np.repeat(np.arange(3), n), 3)
    z = 6 * np.eye(3, 6)[kind] + shift * rng.normal(size=(3, 6))[codes] + rng.normal(size=(len(kind), 6))
    z = read_only(z)
    return z, codes, kind


def mixed(z, codes, *, anchors=None, seed=0, **changed):
    anchors = np.ones(len(z), dtype=bool) if anchors is None else anchors
    return harmonize(z, codes, anchors, Settings(**{**vars(SETTINGS), **changed}), np.random.default_rng(seed))


def gap(z, codes):
    """Return how far batches lie apart, in SDs within them."""
    means = np.array([z[codes == code].mean(axis=0) for code in range(3)])
    return np.linalg.norm(means - means.mean(axis=0)) / np.sqrt((z - means[codes]).var(axis=0).sum())


def test_batches_come_together_and_kinds_stay_apart():
    z, codes, kind = clouds()
    y = mixed(z, codes)
    assert gap(z, codes) > 0.7
    for one in range(3):
        assert gap(y[kind == one], codes[kind == one]) < 0.2 * gap(z[kind == one], codes[kind == one])
    centers = np.array([y[kind == one].mean(axis=0) for one in range(3)])
    assert min(np.linalg.norm(centers[i] - centers[j]) for i in range(3) for j in range(i)) > 6


def test_without_batch_effect_rows_hardly_move():
    z, codes, _ = clouds(shift=0.0)
    moved = np.linalg.norm(mixed(z, codes) - z, axis=1)
    assert moved.mean() < 0.1 * np.linalg.norm(z, axis=1).mean()


def test_the_shift_of_a_cluster_is_the_ridge_solution():
    """The closed form equals the normal equations of intercept and batches, the intercept not penalized and kept."""
    rng = np.random.default_rng(0)
    z, codes = rng.normal(size=(40, 3)) + 5, rng.integers(0, 4, 40)
    shares = rng.dirichlet(np.ones(2), 40)
    batches = [np.flatnonzero(codes == code) for code in range(4)]
    anchors = rng.random(40) < 0.7
    expected = z.copy()
    phi = np.column_stack([np.ones(40), np.eye(4)[codes]])
    for k in range(2):
        weight = phi[anchors].T * shares[anchors, k]
        w = np.linalg.solve(weight @ phi[anchors] + np.diag([0.0, 1, 1, 1, 1]), weight @ z[anchors])
        w[0] = 0
        expected -= shares[:, [k]] * (phi @ w)
    np.testing.assert_allclose(_shifted(z, shares, batches, anchors, 1.0), expected, atol=1e-12)


def test_clusters_take_fewer_rows_of_batches_they_have_too_many_of():
    z, codes, _ = clouds()
    unit, rng = _unit(z), np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), len(z))
    counts = {
        theta: np.eye(3)[codes].T
        @ _mixed(unit, shares, codes, 3, Settings(theta, 1, 0.1, 1, 10), np.random.default_rng(1))
        for theta in (0.0, 4.0)
    }
    uneven = {theta: (n / n.sum(axis=0)).std(axis=0).mean() for theta, n in counts.items()}
    assert uneven[4.0] < 0.7 * uneven[0.0]
    assert counts[4.0].sum() == pytest.approx(len(z))


def test_shares_of_a_row_add_up_to_one():
    z, codes, _ = clouds()
    shares = _mixed(_unit(z), np.full((len(z), 4), 0.25), codes, 3, SETTINGS, np.random.default_rng(0))
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_anchored_it_removes_the_gap_of_anchors_and_takes_other_rows_along():
    """One batch holds a kind that no other has: learned from the shared kind, that kind keeps its distance."""
    z, codes, kind = clouds()
    kept = ~((kind == 2) & (codes != 0))
    z, codes, kind = z[kept], codes[kept], kind[kept]
    y = mixed(z, codes, anchors=kind == 0)
    assert gap(y[kind == 0], codes[kind == 0]) < 0.1
    before = z[(kind == 2)].mean(axis=0) - z[(kind == 0) & (codes == 0)].mean(axis=0)
    after = y[(kind == 2)].mean(axis=0) - y[(kind == 0) & (codes == 0)].mean(axis=0)
    assert np.linalg.norm(after - before) < 0.1 * np.linalg.norm(before)


def test_the_seed_hardly_matters_and_the_same_seed_not_at_all():
    z, codes, _ = clouds()
    first, again, other = mixed(z, codes), mixed(z, codes), mixed(z, codes, seed=1)
    assert (first == again).all()
    assert np.linalg.norm(first - other) < 0.2 * np.linalg.norm(first - z)


def test_few_rows_and_rows_of_length_zero_are_no_trouble():
    z = np.vstack([np.zeros((3, 4)), np.random.default_rng(0).normal(size=(9, 4))])
    codes = np.arange(12) % 2
    assert np.isfinite(mixed(z, codes)).all()
