"""Principal directions."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.principal import principal_directions


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
