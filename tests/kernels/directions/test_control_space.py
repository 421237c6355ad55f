"""In the space of control cells these have mean 0 and about unit covariance, plate by plate."""

import numpy as np

from cellprofiling.kernels.directions.control_space import LEAST_SHRUNK, fit_control_space, halves


def test_fitted_cells_have_mean_zero_and_shrunk_unit_covariance():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 5)) * 1e-3 + 1e6
    plate = np.repeat([0, 2], 2000)
    z[plate == 2] = z[plate == 2] * 3 + 7  # another scale of a plate cancels
    space = fit_control_space(z, plate, 3)
    y = space.apply(z, plate).astype(float)
    assert np.abs(y[plate == 0].mean(axis=0)).max() < 1e-3
    correlation = np.corrcoef(z[plate == 0].T) / 2 + np.corrcoef(z[plate == 2].T) / 2
    expected = (1 - LEAST_SHRUNK) * correlation + LEAST_SHRUNK * np.eye(5)
    assert np.allclose(space.map @ space.map, np.linalg.inv(expected), rtol=1e-3)
    assert np.isnan(space.centers[1]).all()


def test_features_without_spread_say_nothing():
    z = np.random.default_rng(0).normal(size=(50, 3))
    z[:, 1] = 4.0
    y = fit_control_space(z, np.zeros(50, int), 1).apply(z + np.array([0, 9, 0]), np.zeros(50, int))
    assert np.isfinite(y).all()
    flat = fit_control_space(np.ones((5, 2)), np.zeros(5, int), 1)
    assert (flat.apply(np.full((2, 2), 7.0), np.zeros(2, int)) == 0).all()


def test_halves_split_each_plate_and_leave_the_larger_part():
    first = halves(np.array([0, 0, 0, 1, 1, 1, 1, 2, 2]), 0)
    assert [first[:3].sum(), first[3:7].sum(), first[7:].sum()] == [1, 2, 1]
    assert (halves(np.array([5, 5, 5, 7, 7, 7, 7, 9, 9]), 0) == first).all()  # names have no say
