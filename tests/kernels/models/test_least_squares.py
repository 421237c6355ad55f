"""Least squares for many columns."""

import numpy as np
import pytest

from cellprofiling.kernels.models.least_squares import patterns, slopes
from tests.builders import read_only


def naive_slopes(terms, column):
    there = ~np.isnan(column)
    design = np.column_stack([np.ones(there.sum()), terms[there]])
    return np.linalg.lstsq(design, column[there], rcond=None)[0][1:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_column_equals_a_regression_by_itself(dtype):
    rng = np.random.default_rng(0)
    terms, x = read_only(rng.normal(size=(30, 3)) * [1, 50, 1e-3]), rng.normal(1e3, 1, size=(30, 5))
    x[2, 1] = x[5:9, 3] = x[2, 4] = np.nan
    x = read_only(x, dtype)
    expected = np.column_stack([naive_slopes(terms, column.astype(float)) for column in x.T])
    np.testing.assert_allclose(slopes(terms, x), expected, rtol=1e-6)


def test_ridge_counts_in_rows_that_say_nothing():
    rng = np.random.default_rng(0)
    terms, x = rng.normal(size=(20, 1)), rng.normal(size=(20, 2))
    np.testing.assert_allclose(slopes(terms, x, ridge=20.0), slopes(terms, x) / 2, rtol=1e-12)


def test_ridge_does_not_depend_on_units():
    rng = np.random.default_rng(0)
    terms, x = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    np.testing.assert_allclose(
        slopes(terms * [1e6, 1e-6] + 5, x, ridge=3.0) * [[1e6], [1e-6]], slopes(terms, x, ridge=3.0)
    )


def test_groups_have_their_own_intercepts():
    rng = np.random.default_rng(0)
    codes, terms = np.repeat([0, 1, 2], 10), rng.normal(size=(30, 2))
    x = terms @ [[2.0], [-1.0]] + 100.0 * codes[:, None]
    np.testing.assert_allclose(slopes(terms, x, codes=codes), [[2.0], [-1.0]], rtol=1e-9)
    assert abs(slopes(terms, x) - [[2.0], [-1.0]]).max() > 0.5


def test_a_constant_term_has_no_slope_and_copies_share_theirs():
    rng = np.random.default_rng(0)
    term = rng.normal(size=20)
    found = slopes(np.column_stack([term, np.full(20, 0.1) * 3, term]), 4 * term[:, None])
    np.testing.assert_allclose(found[:, 0], [2, 0, 2], atol=1e-9)


def test_a_column_with_one_value_has_no_slope():
    x = np.full((5, 2), np.nan)
    x[0] = 3.0
    np.testing.assert_array_equal(slopes(np.arange(5.0)[:, None], x), 0)


def test_patterns_cover_each_column_once():
    x = np.random.default_rng(0).normal(size=(20, 12))
    x[3, ::2] = x[4:, 5] = np.nan
    seen = []
    for rows, columns in patterns(x):
        np.testing.assert_array_equal(~np.isnan(x[:, columns]), np.repeat(rows[:, None], len(columns), axis=1))
        seen += columns.tolist()
    assert sorted(seen) == list(range(12))
    assert len(list(patterns(x))) == 3
