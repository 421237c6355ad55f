"""Agreement of two tables: equal to published definitions, and retrieval equal to a slow twin."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from sklearn.cross_decomposition import PLSCanonical

from cellprofiling.kernels.directions.pairing import cross_fitted, procrustes_misfits, rv_coefficients
from tests.builders import read_only


def some(seed=0, n=20, p=4, q=4):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, p)), rng.normal(size=(n, q))
    y[:, 0] += 2 * x[:, 0]
    for part in (x, y):
        part -= part.mean(axis=0)
        part = read_only(part)
    pairings = np.array([np.arange(n), *(rng.permutation(n) for _ in range(3))])
    return x, y, pairings


def test_rv_is_the_correlation_of_inner_products():
    x, y, pairings = some(q=7)
    for found, order in zip(rv_coefficients(x, y, pairings), pairings, strict=True):
        one, other = x @ x.T, y[order] @ y[order].T
        expected = np.trace(one @ other) / np.sqrt(np.trace(one @ one) * np.trace(other @ other))
        assert found == pytest.approx(expected, rel=1e-12)


def test_rotation_and_scale_change_nothing():
    x, _, pairings = some()
    turned = 3 * x @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    assert rv_coefficients(x, turned, pairings[:1])[0] == pytest.approx(1)
    assert procrustes_misfits(x, turned, pairings[:1])[0] == pytest.approx(0, abs=1e-12)


def test_procrustes_is_that_of_scipy():
    x, y, pairings = some(2)
    theirs = [procrustes(x, y[order])[2] for order in pairings]
    np.testing.assert_allclose(procrustes_misfits(x, y, pairings), theirs, rtol=1e-10)


def test_retrieval_equals_the_slow_twin():
    x, y, pairings = some(3, n=25)
    fold = np.random.default_rng(0).permutation(25) % 5
    found = cross_fitted(x, y, fold, pairings, n_components=2)
    for k, order in enumerate(pairings):
        partners, rank, scores = y[order], np.empty(25), np.empty((2, 25, 2))
        for number in range(5):
            out = fold == number
            fit = PLSCanonical(2, scale=False, algorithm="svd").fit(x[~out], partners[~out])
            first = (x - x[~out].mean(axis=0)) @ fit.x_rotations_
            second = (partners - partners[~out].mean(axis=0)) @ fit.y_rotations_
            first, second = first / first[~out].std(axis=0), second / second[~out].std(axis=0)
            scores[:, out] = first[out], second[out]
            for i in np.flatnonzero(out):
                cosine = second @ first[i] / np.linalg.norm(second, axis=1)
                rank[i] = (cosine >= cosine[i] - 1e-9).sum()
        assert found.rank[k].tolist() == rank.tolist()
        products = (scores[0] * scores[1]).sum(axis=0) / np.linalg.norm(scores[0], axis=0)
        np.testing.assert_allclose(found.correlation[k], products / np.linalg.norm(scores[1], axis=0), atol=1e-8)


def test_tables_without_any_spread_agree_in_nothing_and_ties_count_against():
    pairings = np.arange(10)[None]
    found = cross_fitted(np.zeros((10, 2)), np.zeros((10, 2)), np.arange(10) % 5, pairings, n_components=1)
    assert (found.rank == 10).all()
    assert (found.correlation == 0).all()
    assert rv_coefficients(np.zeros((10, 2)), np.zeros((10, 2)), pairings)[0] == 0
