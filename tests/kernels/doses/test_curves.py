"""Curves are the best there are, found again where they were planted, and inverted exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from cellprofiling.kernels.doses.curves import BEYOND, HILLS, TALLEST, Curves, aicc, crossings, fit_curves, heights
from tests.builders import read_only

X = np.log10(10 / 3.0 ** np.arange(5, -1, -1))
N = np.array([3.0, 3, 2, 3, 1, 3])


def curve(bottom, top, midpoint, hill):
    return Curves(*(np.array([float(value)]) for value in (bottom, top, midpoint, hill, 0)))


def scipy_best(x, weights, y, free_bottom):
    """Return the smallest sum of squares that scipy finds from many starting points inside the same bounds."""
    tall = TALLEST * np.abs(y).max()
    best = np.inf
    for sign in (1, -1):
        low = [x.min() - BEYOND, HILLS[0], 0.0] + [-np.inf] * free_bottom
        high = [x.max() + BEYOND, HILLS[1], tall] + [np.inf] * free_bottom
        for midpoint in np.linspace(x.min(), x.max(), 5):
            for hill in (0.6, 1.5, 5.0):

                def residuals(p, sign=sign):
                    fit = (p[3] if free_bottom else 0) + sign * p[2] / (1 + 10 ** (p[1] * (p[0] - x)))
                    return np.sqrt(weights) * (y - fit)

                start = [midpoint, hill, min(np.abs(y).max(), tall)] + [0.0] * free_bottom
                best = min(best, 2 * least_squares(residuals, start, bounds=(low, high), x_scale="jac").cost)
    return best


@pytest.mark.parametrize("free_bottom", [False, True])
def test_no_worse_than_scipy(free_bottom):
    rng = np.random.default_rng(1)
    y = np.concatenate(
        [heights(X, curve(0, rng.uniform(-5, 5), rng.uniform(*X[[0, -1]]), rng.uniform(0.5, 3))) for _ in range(10)]
    )
    y += 0.4 * rng.normal(size=y.shape)
    found = fit_curves(X, N, y, free_bottom=free_bottom)
    best = np.array([scipy_best(X, N, row, free_bottom) for row in y])
    assert (found.left <= best * (1 + 1e-5) + 1e-12).all()
    assert np.allclose(found.left, (N * (y - heights(X, found)) ** 2).sum(axis=1), rtol=1e-9)
    quick = fit_curves(X, N, y, free_bottom=free_bottom, all_starts=False)
    assert (quick.left <= found.left * 1.02 + 1e-12).all()


def test_published_hill_curve():
    """tcplfit2's own test of fithill: top 750, AC50 5, slope 1.76 are found again."""
    x = np.log10([0.01, 0.1, 0.5, 1, 3, 10, 30])
    y = heights(x, curve(0, 750, np.log10(5), 1.76))
    found = fit_curves(x, np.ones(7), y, free_bottom=False)
    assert found.top == pytest.approx(750, rel=1e-6)
    assert 10**found.midpoint == pytest.approx(5, rel=1e-6)
    assert found.hill == pytest.approx(1.76, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-20, 20).filter(lambda top: abs(top) > 0.5),
    st.floats(float(X[0]) + 0.3, float(X[-1]) - 0.2),
    st.floats(0.7, 4),
    st.floats(-3, 3),
    st.sampled_from([1.0, 1e-6, 1e6]),
)
def test_a_curve_without_noise_is_found_again(height, midpoint, hill, bottom, scale):
    planted = curve(bottom * scale, (bottom + height) * scale, midpoint, hill)
    found = fit_curves(X, N, heights(X, planted), free_bottom=True)
    assert found.left[0] <= 1e-9 * (height * scale) ** 2
    assert found.midpoint[0] == pytest.approx(midpoint, abs=1e-3)
    assert found.hill[0] == pytest.approx(hill, rel=1e-2)


def test_directions_are_kept_and_nothing_is_changed():
    y = np.array([[0.0, 0, 1, 2, 3, 3], [0, 0, -1, -2, -3, -3.0]])
    y = read_only(y)
    rising = fit_curves(X, N, y, free_bottom=False, directions=(1.0,))
    assert rising.top[0] > 2.5
    assert rising.top[1] == 0
    assert (fit_curves(X, N, y, free_bottom=False).top * [1, -1] > 2.5).all()


def test_flat_zero_responses_have_a_curve_of_no_height():
    found = fit_curves(X, N, np.zeros((1, 6)), free_bottom=True)
    assert found.top == found.bottom == found.left == 0


def test_bounds_hold_where_the_data_ask_for_more():
    y = np.array([[0, 0, 0, 0, 0, 1.0], [1, 1, 1, 1, 1, 1.0], [0, 0, 0, 1, 1, 1]])
    found = fit_curves(X, N, y, free_bottom=False)
    assert ((found.midpoint >= X[0] - BEYOND) & (found.midpoint <= X[-1] + BEYOND)).all()
    assert ((found.hill >= HILLS[0] - 1e-9) & (found.hill <= HILLS[1] + 1e-9)).all()
    assert (np.abs(found.top) <= TALLEST + 1e-9).all()


def test_crossings_invert_heights_and_say_on_which_side_a_curve_stays():
    planted = curve(0, -4, 0.2, 1.3)
    at = crossings(planted, np.array([-1.5]))
    assert heights(at, planted) == pytest.approx(-1.5)
    assert crossings(planted, np.array([-5.0])) == np.inf
    assert crossings(planted, np.array([5.0])) == np.inf
    assert crossings(curve(2, 4, 0.2, 1.3), np.array([1.0])) == -np.inf
    assert crossings(curve(-1, 4, 0.2, 1.3), np.array([1.0])) > -np.inf


def test_aicc_by_hand_and_infinite_for_too_few_values():
    assert aicc(np.array([6.0]), 12, np.array([3.0])) == pytest.approx(12 * np.log(0.5) + 6 + 24 / 8)
    assert aicc(np.array([6.0, 1.0]), 6, np.array([4.0, 5.0])).tolist() == [pytest.approx(8 + 40 / 1), np.inf]
