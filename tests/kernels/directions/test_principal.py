"""Principal directions."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.principal import principal_directions, turned, widest_directions, widest_of_rows


@pytest.mark.parametrize("shape", [(10, 4), (1000, 4), (700, 150), (4, 10), (6, 6)])
def test_they_are_those_of_the_decomposition_of_all_rows_at_once(shape):
    z = np.random.default_rng(0).normal(size=shape)
    z -= z.mean(axis=0)
    singular, directions = principal_directions(z)
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(singular, np.linalg.svd(z, compute_uv=False)[:rank], rtol=1e-10)
    np.testing.assert_allclose(directions.T @ directions, np.eye(rank), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(z @ directions, axis=0), singular, rtol=1e-10)
    np.testing.assert_allclose(z @ directions @ directions.T, z, atol=1e-10)


def test_rows_without_spread_have_no_direction():
    singular, directions = principal_directions(np.zeros((5, 3)))
    assert singular.shape == (0,)
    assert directions.shape == (3, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_entry_of_every_direction_is_positive(sign):
    """From rows or from their products, and whichever way LAPACK turns them; more than there are is all there are."""
    z = sign * np.random.default_rng(1).normal(size=(40, 5)) * [5, 4, 3, 2, 1]
    squares, widest = widest_directions(z.T @ z, 9)
    singular, directions = principal_directions(z)
    np.testing.assert_allclose(squares, singular**2, rtol=1e-12)
    np.testing.assert_allclose(widest, directions, atol=1e-12)
    assert (widest[np.abs(widest).argmax(axis=0), range(5)] > 0).all()
    np.testing.assert_allclose(widest_directions(z.T @ z, 2)[1], widest[:, :2], atol=1e-12)
    np.testing.assert_array_equal(turned(-widest), widest)
    assert widest_directions(np.zeros((0, 0)), 3)[1].shape == (0, 0)


@pytest.mark.parametrize("shape", [(10, 4), (4, 10), (6, 6), (12, 300)])
def test_those_of_rows_are_those_of_their_products(shape):
    z = np.random.default_rng(0).normal(size=shape)
    z -= z.mean(axis=0)
    values, directions = widest_of_rows(z, 3)
    expected, vectors = widest_directions(z.T @ z, 3)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    np.testing.assert_allclose(directions, vectors, atol=1e-8)


def test_rows_spread_in_no_more_directions_than_there_are():
    z = np.outer([1.0, -1, 2], np.arange(5.0))
    assert widest_of_rows(z, 3)[1].shape == (5, 1)
    assert widest_of_rows(np.zeros((3, 5)), 3)[1].shape == (5, 0)
