"""Lengths by a shrunk covariance, without the covariance."""

import warnings

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from cellprofiling.kernels.directions.shrinkage import shrunk_lengths
from tests.builders import read_only


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (64, 64), (16, 500), (2, 5), (1, 4), (3, 1)])
def test_lengths_are_those_of_the_inverse_of_the_covariance(shape: tuple[int, int]) -> None:
    """The published estimator, inverted as a whole, whether rows or features are fewer."""
    rng = np.random.default_rng(0)
    residuals = read_only(rng.normal(size=shape) * np.geomspace(0.1, 10, shape[1]))
    changes = read_only(3 * rng.normal(size=(6, shape[1])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scikit-learn's on one sample
        inverse = LedoitWolf(assume_centered=True).fit(residuals).get_precision()
    expected = np.sqrt(np.einsum("ij,jk,ik->i", changes, inverse, changes))
    np.testing.assert_allclose(shrunk_lengths(residuals, changes), expected, rtol=1e-9)


def test_residuals_without_features_have_no_length() -> None:
    np.testing.assert_array_equal(shrunk_lengths(np.zeros((4, 0)), np.zeros((2, 0))), [0.0, 0.0])
