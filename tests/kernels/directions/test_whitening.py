"""Whitening maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from cellprofiling.kernels.directions.whitening import fit_whitening
from tests.builders import read_only
from tests.naive import rounding

WAYS = [(correlation, rotate_back) for correlation in (False, True) for rotate_back in (False, True)]


def rows(n, d, *, seed=0, offset=0.0, spread=1.0):
    """Return correlated rows, read-only."""
    rng = np.random.default_rng(seed)
    x = offset + spread * (rng.normal(size=(n, d)) @ (np.eye(d) + 0.5 * rng.normal(size=(d, d))))
    return read_only(x)


def naive(x, new, correlation, rotate_back, share):
    """Invert the square root of the covariance itself, which is formed; what is not rotated back keeps its axes."""
    scale = x.std(axis=0, ddof=1) if correlation else np.ones(x.shape[1])
    covariance = np.cov(((x - x.mean(axis=0)) / scale).T)
    covariance = (1 - share) * covariance + share * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    whitened = ((new - x.mean(axis=0)) / scale) @ vectors / np.sqrt(values)
    return whitened @ vectors.T if rotate_back else whitened[:, ::-1]


@pytest.mark.parametrize(("correlation", "rotate_back"), WAYS)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_is_the_naive_map(correlation, rotate_back, share):
    x, new = rows(50, 6, offset=3), rows(9, 6, seed=1)
    found = fit_whitening(x, correlation=correlation, rotate_back=rotate_back, shrinkage=share).apply(new)
    expected = naive(x, new, correlation, rotate_back, share)
    if not rotate_back:
        found, expected = np.abs(found), np.abs(expected)
        if share == 1.0:  # all directions have the same variance: which axes eigh names is chance, lengths are not
            found, expected = np.linalg.norm(found, axis=1), np.linalg.norm(expected, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("correlation", "rotate_back"), WAYS)
@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
def test_the_reference_has_covariance_one_at_any_offset(correlation, rotate_back, offset, spread):
    x = rows(300, 40, offset=offset, spread=spread)
    if offset == -1e9 and spread == 1e-3:
        x = x + 0.1 * np.arange(300)[:, None] * np.eye(40)[0]  # one feature of another unit; the rest is near rounding
    y = fit_whitening(x, correlation=correlation, rotate_back=rotate_back, shrinkage=0.0).apply(x)
    assert np.abs(np.cov(y.T) - np.eye(40)).max() <= 1e-6


@pytest.mark.parametrize("correlation", [False, True])
def test_units_that_differ_by_a_million_cost_no_digits(correlation):
    x = rows(400, 30) * np.logspace(-3, 3, 30)
    y = fit_whitening(x, correlation=correlation, rotate_back=True, shrinkage=0.0).apply(x)
    scaled = x / x.std(axis=0) if correlation else x
    assert np.abs(np.cov(y.T) - np.eye(30)).max() <= rounding(scaled)


@pytest.mark.parametrize(("n", "d"), [(40, 8), (12, 30), (5, 200)])
def test_the_share_is_that_of_ledoit_and_wolf(n, d):
    x = rows(n, d, offset=10)
    found = fit_whitening(x, correlation=False, rotate_back=True, shrinkage=None)
    assert found.shrinkage == pytest.approx(ledoit_wolf(x)[1], rel=1e-9)


def test_one_direction_only_is_estimated_without_a_target():
    """With one feature the covariance is its own target: any share gives the same."""
    x = rows(20, 1)
    found = fit_whitening(x, correlation=False, rotate_back=True, shrinkage=None)
    np.testing.assert_allclose(found.apply(x).std(ddof=1), 1)


@pytest.mark.parametrize("correlation", [False, True])
def test_few_rows_are_whitened_as_if_the_full_matrix_had_been_formed(correlation):
    x, new = rows(10, 25), rows(7, 25, seed=3)
    found = fit_whitening(x, correlation=correlation, rotate_back=True, shrinkage=0.4)
    assert found.directions.shape == (25, 9)
    np.testing.assert_allclose(found.apply(new), naive(x, new, correlation, True, 0.4), rtol=1e-8, atol=1e-8)


def test_few_rows_give_as_many_components_as_they_spread_in():
    found = fit_whitening(rows(10, 25), correlation=True, rotate_back=False, shrinkage=0.4)
    assert found.apply(rows(3, 25)).shape == (3, 9)


def test_a_feature_said_twice_costs_a_direction():
    x = rows(60, 5)
    twice = np.column_stack([x, 2 * x[:, 0] - 1])
    found = fit_whitening(twice, correlation=True, rotate_back=False, shrinkage=0.0)
    assert found.rank == 5
    assert np.abs(np.cov(found.apply(twice).T) - np.eye(5)).max() <= 1e-9


def test_directions_within_the_rounding_of_single_precision_do_not_count():
    """A sum of two features in float32 at a large offset is off by rounding, which must not become a direction."""
    x = rows(500, 4, offset=1000).astype(np.float32)
    x = np.column_stack([x, x[:, 0] + x[:, 1]])
    assert fit_whitening(x, correlation=True, rotate_back=True, shrinkage=0.0).rank == 4


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_largest_loadings_are_positive_whatever_the_signs_of_features(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 5)) * rng.choice([-1.0, 1.0], size=5)
    directions = fit_whitening(x, correlation=True, rotate_back=False, shrinkage=0.0).directions
    assert (directions[np.abs(directions).argmax(axis=0), np.arange(5)] > 0).all()


def test_held_out_rows_are_not_inflated_where_rows_are_few():
    """Without shrinkage new rows of the same law get many times the variance of the fitted ones; with it not."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(100, 100)) * np.arange(1, 101) ** -0.5
    fitted, held_out = rng.normal(size=(120, 100)) @ mixing, rng.normal(size=(1000, 100)) @ mixing
    bare = fit_whitening(fitted, correlation=True, rotate_back=True, shrinkage=0.0).apply(held_out)
    shrunk = fit_whitening(fitted, correlation=True, rotate_back=True, shrinkage=None).apply(held_out)
    assert bare.var() > 4
    assert 0.5 < shrunk.var() < 1.5
