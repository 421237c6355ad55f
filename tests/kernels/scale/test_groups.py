"""Group statistics equal NumPy on each group by itself, whatever the dtype, layout, group sizes and missing values."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from cellprofiling.kernels.scale.groups import group_statistics, grouping
from tests.builders import read_only

SELECTED = ("count", "min", "max", "median", "mad", "q01", "q05", "q25", "q50", "q75", "q95", "q99")  # exact


def summed(x: NDArray, codes: NDArray, n_groups: int, statistics: Sequence[str]) -> NDArray:
    return group_statistics(np.ascontiguousarray(x.T), grouping(codes, n_groups), statistics)


def naive(x: NDArray, codes: NDArray, n_groups: int, statistic: str) -> NDArray:
    """One group, one feature, one statistic at a time, in NumPy's own words."""
    result = np.full((n_groups, x.shape[1]), np.nan)
    for group in range(n_groups):
        for feature in range(x.shape[1]):
            values = x[codes == group, feature].astype(np.float64)
            values = values[~np.isnan(values)]
            if len(values) or statistic == "count":
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result[group, feature] = one(values, statistic)
    return result


def one(values: NDArray, statistic: str) -> float:
    if statistic.startswith("q"):
        return np.quantile(values, int(statistic[1:]) / 100)
    formulas = {
        "count": len,
        "min": np.min,
        "max": np.max,
        "mean": np.mean,
        "median": np.median,
        "std": lambda v: np.std(v, ddof=1),
        "mad": lambda v: np.median(np.abs(v - np.median(v))),
    }
    return formulas[statistic](values)


def screen(seed: int, dtype: type, *, n: int = 3000, n_groups: int = 23) -> tuple[NDArray, NDArray]:
    """Features of many shapes, rows of a group scattered, the last group empty and one group of one row."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, n_groups - 1, n)
    codes[rng.integers(n)] = 0
    codes[codes == 1] = 2
    codes[0] = 1
    x = np.column_stack(
        [
            rng.normal(1e6, 1e-3, n),
            np.full(n, 7.25),
            rng.lognormal(0, 2, n),
            rng.poisson(2, n),
            np.where(rng.random(n) < 0.8, 0, rng.normal(size=n)),
            rng.standard_cauchy(n),
            np.where(rng.random(n) < 0.4, np.nan, rng.normal(size=n)),
            np.where(codes == 5, np.nan, rng.normal(size=n)),
            np.sort(rng.normal(size=n)),
        ]
    ).astype(dtype)
    x = read_only(x)
    codes = read_only(codes)
    return x, codes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_selected_values_equal_numpy_to_the_last_bit(seed, dtype):
    x, codes = screen(seed, dtype)
    result = summed(x, codes, 23, SELECTED)
    assert result.dtype == np.float64
    for statistic, values in zip(SELECTED, result, strict=True):
        assert_array_equal(values, naive(x, codes, 23, statistic), err_msg=statistic)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_are_right_even_for_means_of_a_million_and_spreads_of_a_thousandth(dtype):
    x, codes = screen(0, dtype)
    mean, std = summed(x, codes, 23, ["mean", "std"])
    for group, feature in np.ndindex(mean.shape):
        values = x[codes == group, feature].astype(float)
        values = values[~np.isnan(values)]
        if len(values):
            exact = math.fsum(values) / len(values)
            rounding = 3e-16 * abs(exact) + 1e-14 * np.abs(values - exact).mean()
            assert abs(mean[group, feature] - exact) <= rounding
        else:
            assert np.isnan(mean[group, feature])
    assert_allclose(std, naive(x, codes, 23, "std"), rtol=1e-12, atol=1e-12)


@given(
    npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 120), st.just(2)),
        elements=st.sampled_from([0.0, -0.0, 1.0, 2.5, -3.0, 1e-300, 1e300, np.nan, np.inf, -np.inf])
        | st.floats(-9, 9),
    ),
    st.integers(0, 99),
    st.integers(1, 4),
)
@settings(max_examples=50, deadline=None)
def test_any_values_any_grouping(x, seed, n_groups):
    codes = np.random.default_rng(seed).integers(0, n_groups, len(x))
    for statistic, values in zip(SELECTED, summed(x, codes, n_groups, SELECTED), strict=True):
        assert_array_equal(values, naive(x, codes, n_groups, statistic), err_msg=statistic)


def test_group_without_rows_or_values_is_missing_and_counts_zero():
    x = np.array([[1.0, np.nan], [3.0, np.nan]])
    count, median, std, mad = summed(x, np.array([2, 2]), 4, ["count", "median", "std", "mad"])
    assert_array_equal(count, [[0, 0], [0, 0], [2, 0], [0, 0]])
    assert_array_equal(median, [[np.nan] * 2, [np.nan] * 2, [2, np.nan], [np.nan] * 2])
    assert_array_equal(np.isnan(std), np.isnan(median))
    assert_array_equal(np.isnan(mad), np.isnan(median))


def test_one_row_has_a_median_and_no_standard_deviation():
    median, mad, std = summed(np.array([[5.0]]), np.array([0]), 1, ["median", "mad", "std"])
    assert (median[0, 0], mad[0, 0]) == (5, 0)
    assert np.isnan(std[0, 0])


def test_infinite_values_count_as_numpy_counts_them():
    x = np.array([[1.0], [2.0], [np.inf], [-np.inf], [3.0]])
    median, mad, mean, low, high = summed(x, np.zeros(5, int), 1, ["median", "mad", "mean", "min", "max"])
    assert (median[0, 0], low[0, 0], high[0, 0]) == (2, -np.inf, np.inf)
    assert mad[0, 0] == np.median(np.abs(x - 2))
    assert np.isnan(mean[0, 0])


def test_ties_around_the_rank_do_not_matter():
    for n in range(1, 200):
        x = np.repeat([[1.0], [2.0]], [n // 2, n - n // 2], axis=0)
        assert summed(x, np.zeros(n, int), 1, ["median"])[0, 0, 0] == np.median(x)


def test_no_group_and_no_row():
    assert summed(np.empty((0, 2)), np.empty(0, int), 0, ["median"]).shape == (1, 0, 2)
    assert np.isnan(summed(np.empty((0, 2)), np.empty(0, int), 3, ["median"])).all()


def test_result_does_not_depend_on_the_order_of_rows():
    x, codes = screen(4, np.float32, n=1000)
    once = summed(x, codes, 23, ["median", "mad", "mean", "std"])
    shuffled = np.random.default_rng(0).permutation(len(x))
    again = summed(x[shuffled], codes[shuffled], 23, ["median", "mad", "mean", "std"])
    assert_array_equal(once[:2], again[:2])
    assert_allclose(once[2:], again[2:], rtol=1e-12, atol=1e-12)


def test_rows_of_no_group_are_left_out():
    x, codes = screen(5, np.float32, n=1000)
    out = np.random.default_rng(0).random(len(x)) < 0.3
    without = summed(x, np.where(out, -1, codes), 23, ["median", "mad", "count"])
    assert_array_equal(without, summed(x[~out], codes[~out], 23, ["median", "mad", "count"]))


def test_rows_go_where_their_group_lies():
    places, starts, in_order = grouping(np.array([1, -1, 0, 1, 0]), 3)
    assert (places.tolist(), starts.tolist(), in_order) == ([2, 4, 0, 3, 1], [0, 2, 4, 4], False)
    assert grouping(np.array([0, 0, 1, -1]), 2).in_order


@pytest.mark.parametrize("shape", ["normal", "rounded", "mostly zero", "constant", "heavy tails", "far from zero"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wells_of_usual_size_equal_numpy(shape, dtype):
    rng = np.random.default_rng(1)
    x = {
        "normal": rng.normal(size=6000),
        "rounded": np.round(3 * rng.normal(size=6000)),
        "mostly zero": np.where(rng.random(6000) < 0.6, 0, rng.normal(size=6000)),
        "constant": np.full(6000, 3.3),
        "heavy tails": rng.standard_cauchy(6000) ** 3,
        "far from zero": rng.normal(1e6, 1e-2, 6000),
    }[shape].astype(dtype)[:, None]
    x[rng.random(6000) < 0.005] = np.nan
    codes = rng.integers(0, 20, 6000)
    for statistic, values in zip(SELECTED, summed(x, codes, 20, SELECTED), strict=True):
        assert_array_equal(values, naive(x, codes, 20, statistic), err_msg=statistic)
