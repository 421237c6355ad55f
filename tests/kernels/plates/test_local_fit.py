"""Local polynomial surfaces."""

import numpy as np
import pytest

from cellprofiling.kernels.plates.local_fit import loess
from tests.builders import read_only

ROW, COLUMN = (at.ravel().astype(float) for at in np.meshgrid(np.arange(8), np.arange(12), indexing="ij"))
PLACES = np.column_stack([ROW, COLUMN])
ALL = np.ones(96, dtype=bool)


def naive_fit(places, values, at, degree, span):
    """Fit one polynomial around one well by weighted least squares."""
    distance = np.hypot(*(places - at).T)
    n_near = int(np.ceil(span * len(places)))
    reach = np.sort(distance)[n_near - 1] * (1 + 1e-6)
    weight = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    r, c = (places - at).T
    terms = [np.ones(len(r)), r, c] + ([r * c, r**2, c**2] if degree == 2 else [])
    design = np.column_stack(terms) * np.sqrt(weight)[:, None]
    return np.linalg.lstsq(design, values * np.sqrt(weight), rcond=None)[0][0]


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("span", [0.3, 0.8])
def test_each_well_equals_its_naive_twin(degree, span):
    x = np.random.default_rng(0).normal(size=(96, 3))
    x[[4, 50], 1] = np.nan
    x = read_only(x)
    fitted = loess(PLACES, x, ALL, degree=degree, span=span, rounds=0)
    for j in (0, 1):
        there = ~np.isnan(x[:, j])
        for i in (0, 4, 37, 95):
            expected = naive_fit(PLACES[there], x[there, j], PLACES[i], degree, span)
            assert fitted[i, j] == pytest.approx(expected, rel=1e-6)


def test_planes_and_quadratic_surfaces_are_reproduced():
    plane, bowl = 5 + 2 * ROW - COLUMN, (ROW - 3) ** 2 + ROW * COLUMN
    x = np.column_stack([plane, bowl])
    np.testing.assert_allclose(loess(PLACES, x, ALL, degree=2, rounds=0), x, atol=1e-6)
    np.testing.assert_allclose(loess(PLACES, x[:, :1], ALL, degree=1, rounds=0), x[:, :1], atol=1e-6)


def test_a_surface_larger_than_the_noise_is_followed_into_the_corners():
    bowl = ((ROW - 3) ** 2 + ROW * COLUMN)[:, None]
    noise = np.random.default_rng(0).normal(size=(96, 20))
    error = loess(PLACES, 0.2 * bowl + noise, ALL) - 0.2 * bowl
    assert np.sqrt((error**2).mean()) < 0.7


def test_only_fitted_wells_count():
    x = np.column_stack([5 + 2 * ROW - COLUMN])
    fit = np.random.default_rng(0).random(96) < 0.5
    x[~fit] += 1000
    np.testing.assert_allclose(loess(PLACES, x, fit, degree=1)[:, 0], 5 + 2 * ROW - COLUMN, atol=1e-6)


def test_hits_are_drawn_in():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 20))
    hit = x.copy()
    hit[30] += 100
    moved = [np.abs(loess(PLACES, hit, ALL, rounds=r) - loess(PLACES, x, ALL, rounds=r)).max() for r in (0, 3)]
    assert moved[1] < 0.1 * moved[0]


def test_wells_in_one_column_are_fitted_along_it_and_no_value_gives_none():
    inside = COLUMN == 0
    x = np.column_stack([2 * ROW, np.full(96, np.nan)])
    fitted = loess(PLACES, x, inside, degree=1, span=1.0)
    np.testing.assert_allclose(fitted[inside, 0], 2 * ROW[inside], atol=1e-6)
    assert np.isnan(fitted[:, 1]).all()
