"""Components of a sample, and covariances within groups."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.within_groups import group_covariances, principal_loadings
from cellprofiling.kernels.scale.groups import grouping
from tests.builders import read_only


@pytest.mark.parametrize("shape", [(200, 30), (30, 200), (30, 30)])
def test_the_sample_is_whitened(shape: tuple[int, int]) -> None:
    """Along the loadings the sample has covariance I; more rows than features or fewer."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=shape).astype(np.float32) * rng.uniform(0.1, 4, shape[1]).astype(np.float32) + 5
    z = read_only(z)
    loadings = principal_loadings(z, 8)
    assert loadings.shape == (shape[1], 8)
    np.testing.assert_allclose(np.cov((z @ loadings).T), np.eye(8), atol=1e-4)


def test_components_are_those_of_a_decomposition() -> None:
    """The widest directions first, each turned so that its largest entry is positive."""
    z = np.random.default_rng(1).normal(size=(100, 6)) * [1, 2, 3, 4, 5, 6]
    directions = np.linalg.svd(z - z.mean(axis=0))[2][:3].T
    loadings = principal_loadings(z, 3)
    unit = loadings / np.linalg.norm(loadings, axis=0)
    np.testing.assert_allclose(np.abs((unit * directions).sum(axis=0)), 1, rtol=1e-10)
    assert (loadings[np.abs(loadings).argmax(axis=0), range(3)] > 0).all()


def test_fewer_components_than_asked() -> None:
    """Rows in two directions have two components; rows that are all the same have none."""
    rng = np.random.default_rng(2)
    flat = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 9))
    assert principal_loadings(flat, 5).shape == (9, 2)
    assert principal_loadings(np.ones((50, 9)), 5).shape == (9, 0)
    assert principal_loadings(np.ones((1, 9)), 5).shape == (9, 0)


@pytest.mark.parametrize("ordered", [False, True])
def test_covariances(ordered: bool) -> None:
    """Those of NumPy, group by group; means of 1e6 do no harm, one row has none."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 3, 200)
    codes[7] = 3
    codes = np.sort(codes) if ordered else np.where(rng.random(200) < 0.1, -1, codes)
    x = 1e6 + 1e-3 * rng.normal(size=(5, 200))
    rows = grouping(codes, 5)
    found = group_covariances(x, rows)
    for g in range(3):
        np.testing.assert_allclose(found[g], np.cov(x[:, codes == g])[np.triu_indices(5)], rtol=1e-6, atol=1e-16)
    assert np.isnan(found[3:]).all()
