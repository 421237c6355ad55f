"""Location and scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import RobustScaler, StandardScaler

from cellprofiling.kernels.scale.scale import Scaling, fit_mad, fit_robust, fit_standard, means, medians, quantiles
from tests import naive
from tests.builders import read_only

FITS = (fit_standard, fit_robust, fit_mad)

values = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan), st.sampled_from([0.0, 1.0]))
matrices = arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=values)


def present(column):
    return [float(value) for value in column if not np.isnan(value)]


@settings(max_examples=50, deadline=None)
@given(matrices)
def test_quantiles_equal_their_naive_twin(x):
    expected = [[naive.quantile(column, q) for column in x.T] for q in (0.0, 0.25, 0.5, 0.9, 1.0)]
    np.testing.assert_allclose(quantiles(x, (0.0, 0.25, 0.5, 0.9, 1.0)), expected, rtol=1e-12, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(matrices)
def test_each_fit_equals_its_naive_twin(x):
    mean = [np.mean(present(column)) if present(column) else np.nan for column in x.T]
    sd = [np.std(present(column)) if present(column) else np.nan for column in x.T]
    middle = [naive.quantile(column, 0.5) for column in x.T]
    iqr = [naive.quantile(column, 0.75) - naive.quantile(column, 0.25) for column in x.T]
    mad = [1.4826 * naive.mad(column) for column in x.T]
    for fit, location, scale in ((fit_standard, mean, sd), (fit_robust, middle, iqr), (fit_mad, middle, mad)):
        fitted = fit(x)
        np.testing.assert_allclose(fitted.location, location, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(fitted.scale, scale, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_statistics_are_float64_and_inputs_are_left_alone(dtype):
    x = read_only(np.random.default_rng(0).normal(size=(30, 3)), dtype)
    for fit in FITS:
        fitted = fit(x)
        assert fitted.location.dtype == fitted.scale.dtype == fitted.apply(x).dtype == np.float64


def test_statistics_of_float32_are_those_of_the_same_numbers_in_float64():
    x = read_only(np.random.default_rng(0).normal(1e3, 1, size=(500, 3)), np.float32)
    for fit in FITS:
        np.testing.assert_allclose(fit(x).scale, fit(x.astype(np.float64)).scale, rtol=1e-12)


def test_standard_is_that_of_scikit_learn():
    x = read_only(np.random.default_rng(0).normal(5, 2, size=(40, 6)))
    peer = StandardScaler().fit(x)
    np.testing.assert_allclose(fit_standard(x).location, peer.mean_, rtol=1e-12)
    np.testing.assert_allclose(fit_standard(x).scale, peer.scale_, rtol=1e-12)


def test_robust_is_that_of_scikit_learn():
    x = read_only(np.random.default_rng(0).normal(5, 2, size=(41, 6)))
    peer = RobustScaler().fit(x)
    np.testing.assert_allclose(fit_robust(x).location, peer.center_, rtol=1e-12)
    np.testing.assert_allclose(fit_robust(x).scale, peer.scale_, rtol=1e-12)


def test_ddof_divides_the_sum_of_squares_by_fewer():
    x = read_only(np.random.default_rng(0).normal(size=(7, 2)))
    np.testing.assert_allclose(fit_standard(x, ddof=1).scale, x.std(axis=0, ddof=1), rtol=1e-12)


def test_mad_scale_one_is_the_plain_deviation():
    x = read_only(np.random.default_rng(0).normal(size=(7, 2)))
    np.testing.assert_allclose(fit_mad(x).scale, 1.4826 * fit_mad(x, mad_scale=1.0).scale, rtol=1e-15)


@pytest.mark.parametrize("fit", FITS)
def test_a_small_spread_about_a_large_mean_is_measured(fit):
    spread = np.random.default_rng(0).normal(size=(2000, 1))
    np.testing.assert_allclose(fit(read_only(1e6 + 1e-3 * spread)).scale, 1e-3 * fit(spread).scale, rtol=1e-6)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [2, 3, 16, 5000])
def test_a_constant_computed_in_floating_point_has_no_spread(fit, dtype, n):
    steps = np.random.default_rng(0).integers(-1, 2, size=(n, 3)).astype(dtype)
    constant = np.array([0.3, 1e6, -7e-9], dtype=dtype)
    noisy = constant + steps * np.spacing(constant)  # the neighbor above or below, as other arithmetic would give
    assert fit(read_only(noisy, dtype)).flat.all()


@pytest.mark.parametrize("fit", FITS)
def test_three_rows_of_a_constant_from_different_arithmetic_have_no_spread(fit):
    assert fit(read_only([[1.0], [1.0 + 5e-15], [1.0 - 5e-15]])).flat.all()


def test_a_long_sum_loses_nothing():
    np.testing.assert_allclose(means(np.full((100_000, 2), 0.1)), 0.1, rtol=1e-15)  # row by row it is off by 1e-12


@pytest.mark.parametrize("fit", FITS)
def test_a_small_unit_is_not_a_small_spread(fit):
    x = np.random.default_rng(0).normal(1, 0.2, size=(50, 2))
    np.testing.assert_allclose(fit(read_only(x * 1e-20)).scale, fit(x).scale * 1e-20, rtol=1e-9)


@pytest.mark.parametrize("fit", FITS)
def test_one_row_has_no_spread(fit):
    fitted = fit(read_only([[1e6, 0.0, np.nan]]))
    np.testing.assert_array_equal(fitted.location, [1e6, 0, np.nan])
    np.testing.assert_array_equal(fitted.scale, [0, 0, np.nan])


def test_one_row_has_no_spread_even_where_n_minus_ddof_is_zero():
    assert fit_standard(read_only([[2.0]]), ddof=1).scale == 0


def test_half_equal_values_have_no_median_absolute_deviation():
    assert fit_mad(read_only([[0.0], [0.0], [0.0], [5.0]])).flat.all()


@pytest.mark.parametrize("fit", FITS)
def test_missing_values_are_skipped(fit):
    x = np.random.default_rng(0).normal(size=(30, 1))
    with_gaps = read_only(np.vstack([x[:10], [[np.nan]], x[10:], [[np.nan]]]))
    np.testing.assert_allclose(fit(with_gaps).scale, fit(x).scale, rtol=1e-12)
    np.testing.assert_allclose(fit(with_gaps).location, fit(x).location, rtol=1e-12, atol=1e-15)


def test_a_feature_without_spread_is_centered_and_left_in_its_units():
    x = read_only([[3.0, np.nan], [5.0, 1.0]])
    scaled = Scaling(location=np.array([3.0, 0.0]), scale=np.array([0.0, 2.0])).apply(x)
    np.testing.assert_array_equal(scaled, [[0.0, np.nan], [2.0, 0.5]])


def test_mean_and_median_of_nothing_are_missing():
    x = read_only([[np.nan, 1.0], [np.nan, 3.0]])
    np.testing.assert_array_equal(means(x), [np.nan, 2.0])
    np.testing.assert_array_equal(medians(x), [np.nan, 2.0])
