"""Additive effects of batches."""

import numpy as np
import pytest

from cellprofiling.kernels.models.linear_model import fit_additive


def screen(seed=0, noise=0.0):
    """Return rows of 3 batches x 2 plates, of treatments in some of them, and the shifts planted; offset 1e6."""
    rng = np.random.default_rng(seed)
    batch_shift, plate_shift = rng.normal(size=(3, 4)), 0.2 * rng.normal(size=(6, 4))
    effects = 5 * rng.normal(size=(7, 4))
    seen = [(0, p) for p in range(6)] + [(1, 0), (1, 2), (2, 1), (2, 4), (3, 0), (4, 3), (5, 5), (6, 2)]
    treatment, place = np.repeat(np.array(seen), 3, axis=0).T
    x = 1e6 + effects[treatment] + batch_shift[place // 2] + plate_shift[place]
    return x + noise * rng.normal(size=x.shape), place, treatment, batch_shift[np.arange(6) // 2] + plate_shift


BATCH_AND_PLATE = np.column_stack([np.arange(6) // 2, 3 + np.arange(6)])
PLATE = np.arange(6)[:, None]


@pytest.mark.parametrize("levels", [PLATE, BATCH_AND_PLATE])
def test_planted_shifts_are_found_whatever_treatments_are_where(levels):
    x, place, treatment, planted = screen()
    found = fit_additive(x, place, levels, treatment)
    assert (found.linked == 0).all()
    np.testing.assert_allclose(found.shift - found.shift[0], planted - planted[0], atol=1e-8)
    np.testing.assert_allclose((found.shift[place]).mean(axis=0), 0, atol=1e-9)


def test_it_is_the_regression_with_all_columns():
    x, place, treatment, _ = screen(noise=1.0)
    design = np.column_stack([np.eye(7)[treatment], np.eye(6)[place]])
    gamma = np.linalg.lstsq(design, x - 1e6, rcond=None)[0][7:]
    found = fit_additive(x, place, PLATE, treatment).shift
    np.testing.assert_allclose(found - found[0], gamma - gamma[0], atol=1e-8)


def test_two_crossed_columns_are_a_sum():
    """Two operators on two days, one of the four combinations without shared treatments: the sum still reaches it."""
    day, operator = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    planted = np.array([[0.0], [2.0]])[day] + np.array([[0.0], [-5.0]])[operator]
    place, treatment = np.array([0, 1, 2, 0, 1, 2, 3]), np.array([0, 0, 0, 1, 1, 1, 9])
    found = fit_additive(
        planted[place] + 10.0 * (treatment[:, None] == 9), place, np.column_stack([day, 2 + operator]), treatment
    )
    assert (found.linked == 0).all()
    np.testing.assert_allclose(found.shift - found.shift[0], planted - planted[0], atol=1e-12)


def test_places_without_a_common_treatment_are_told_apart():
    place, treatment = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 2, 5, 6, 5, 7])
    x = np.array([0.0, 1, 3, 3, 50, 50, 54, 54])[:, None]
    found = fit_additive(x, place, np.arange(4)[:, None], treatment)
    assert found.linked[0] == found.linked[1] != found.linked[2] == found.linked[3]
    np.testing.assert_allclose(found.shift.ravel(), [-1.5, 1.5, -2, 2])  # within each set only
