"""Slopes as large as the evidence allows."""

import numpy as np
import pytest

from cellprofiling.kernels.models.least_squares import slopes
from cellprofiling.kernels.models.shrunken import shrunken_slopes
from tests.builders import read_only


def error(terms, x, truth, fit):
    return float((((terms - terms.mean(axis=0)) @ (fit(terms, x) - truth)) ** 2).mean())


@pytest.fixture
def terms():
    return np.random.default_rng(0).normal(size=(16, 6))


def test_without_effect_features_are_left_alone(terms):
    x = np.random.default_rng(1).normal(size=(16, 300))
    nothing = np.zeros((6, 300))
    assert error(terms, x, nothing, shrunken_slopes) < 0.02
    assert error(terms, x, nothing, slopes) > 0.3  # least squares fits noise: six sixteenths of its variance


def test_strong_effects_are_hardly_shrunk(terms):
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(6, 300)) * 10
    x = terms @ truth + rng.normal(size=(16, 300))
    assert error(terms, x, truth, shrunken_slopes) < 1.1 * error(terms, x, truth, slopes)


def test_few_strong_effects_are_told_from_many_features_without(terms):
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(6, 300)) * 3 * (np.arange(300) < 60)
    x = terms @ truth + rng.normal(size=(16, 300))
    ours = error(terms, x, truth, shrunken_slopes)
    assert ours < 0.6 * min(error(terms, x, truth, lambda t, x, r=r: slopes(t, x, ridge=r)) for r in (0, 1, 10, 100))


def test_order_of_rows_and_columns_and_units_do_not_matter(terms):
    rng = np.random.default_rng(4)
    x = terms @ rng.normal(size=(6, 20)) + rng.normal(size=(16, 20))
    expected = shrunken_slopes(terms, x)
    rows, columns = rng.permutation(16), rng.permutation(20)
    np.testing.assert_allclose(shrunken_slopes(terms[rows], x[rows]), expected, rtol=1e-9)
    np.testing.assert_allclose(shrunken_slopes(terms, x[:, columns]), expected[:, columns], rtol=1e-9)
    np.testing.assert_allclose(shrunken_slopes(terms, 1e6 + 1e3 * x), 1e3 * expected, rtol=1e-6)


def test_constant_features_and_missing_values(terms):
    rng = np.random.default_rng(5)
    x = terms @ rng.normal(size=(6, 5)) + rng.normal(size=(16, 5))
    x[:, 0], x[:, 1] = 7.0, np.nan
    x[3, 2] = np.nan
    x = read_only(x)
    found = shrunken_slopes(terms, x)
    assert np.isfinite(found).all()
    assert abs(found[:, :2]).max() == 0


def test_groups_have_their_own_intercepts():
    rng = np.random.default_rng(6)
    codes, terms = np.repeat([0, 1, 2], 10), rng.normal(size=(30, 2))
    x = terms @ (5 * rng.normal(size=(2, 40))) + rng.normal(size=(30, 40))
    level = 100.0 * codes[:, None]
    expected = shrunken_slopes(terms, x, codes=codes)
    np.testing.assert_allclose(shrunken_slopes(terms, x + level, codes=codes), expected, rtol=1e-8)
