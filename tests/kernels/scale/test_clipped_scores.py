"""Cells as robust z-scores within bounds: against slow twins."""

import numpy as np
import pytest

from cellprofiling.kernels.scale.clipped_scores import add_projections, clipped_means, clipped_scores

N, FEATURES, GROUPS = 301, 7, 5


def data(seed: int, dtype: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Return read-only columns with means of 1e6 and spreads of 1e-3 where the dtype allows, NaN and infinities."""
    rng = np.random.default_rng(seed)
    place, width = (1e6, 1e-3) if dtype == "float64" else (10.0, 2.0)
    x = place + width * rng.standard_t(2, size=(FEATURES, N))
    x[rng.random(x.shape) < 0.05] = np.nan
    x[0, :3] = np.inf, -np.inf, np.nan
    columns = list(x.astype(dtype))
    for column in columns:
        column.flags.writeable = False
    center = place + width * rng.normal(size=(GROUPS, FEATURES))
    return columns, rng.integers(-1, GROUPS, N), center, width * rng.uniform(0.5, 2, (GROUPS, FEATURES))


def naive(columns: list[np.ndarray], codes: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return z, shape (n_rows, n_features), NaN where missing."""
    x = np.array(columns, dtype=np.float64).T
    return np.clip((x - center[codes]) / scale[codes], -3, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ordered", [False, True])
def test_means(dtype: str, ordered: bool) -> None:
    """The mean of the cut scores of each group, missing ones skipped, cells of no group left out."""
    columns, codes, center, scale = data(0, dtype)
    codes = np.sort(codes) if ordered else codes
    z = naive(columns, codes, center, scale)
    expected = np.array([np.nanmean(z[codes == g], axis=0) for g in range(GROUPS)])
    np.testing.assert_allclose(clipped_means(columns, codes, center, scale, 3.0), expected, rtol=1e-12, atol=1e-12)


def test_a_group_without_values_has_no_mean() -> None:
    """No cells, or missing ones only."""
    found = clipped_means([np.array([np.nan, 2.0])], np.array([0, 1]), np.zeros((3, 1)), np.ones((3, 1)), 10.0)
    np.testing.assert_array_equal(found[:, 0], [np.nan, 2.0, np.nan])


def test_scores() -> None:
    """Missing values are 0, infinite ones at the bounds."""
    columns, codes, center, scale = data(1, "float64")
    inside = codes >= 0
    z = np.nan_to_num(naive(columns, codes, center, scale))[inside]
    found = clipped_scores([column[inside] for column in columns], codes[inside], center, scale, 3.0)
    np.testing.assert_allclose(found, z, rtol=1e-6)
    assert np.abs(found).max() == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_features", [1, 4, 7])
def test_projections(dtype: str, n_features: int) -> None:
    """The product of scores and loadings is added; rows of no group keep what they have."""
    columns, codes, center, scale = (part[:n_features] if i == 0 else part for i, part in enumerate(data(2, dtype)))
    center, scale = center[:, :n_features], scale[:, :n_features]
    loadings = np.random.default_rng(0).normal(size=(n_features, 3))
    z = np.nan_to_num(naive(columns, codes, center, scale)) * (codes >= 0)[:, None]
    result = np.ones((3, N))
    add_projections(columns, codes, center, scale, 3.0, loadings, result)
    np.testing.assert_allclose(result, 1 + (z @ loadings).T, rtol=1e-10, atol=1e-12)


def test_neither_order_nor_pieces_change_a_bit() -> None:
    """Features in one call or in two of four and three, rows in any order."""
    columns, codes, center, scale = data(3, "float32")
    loadings = np.random.default_rng(0).normal(size=(FEATURES, 3))
    whole, parts, turned = np.zeros((3, N)), np.zeros((3, N)), np.zeros((3, N))
    add_projections(columns, codes, center, scale, 3.0, loadings, whole)
    for some in (slice(0, 4), slice(4, 7)):
        add_projections(columns[some], codes, center[:, some], scale[:, some], 3.0, loadings[some], parts)
    np.testing.assert_array_equal(whole, parts)
    order = np.random.default_rng(1).permutation(N)
    add_projections([column[order] for column in columns], codes[order], center, scale, 3.0, loadings, turned)
    np.testing.assert_array_equal(whole[:, order], turned)
