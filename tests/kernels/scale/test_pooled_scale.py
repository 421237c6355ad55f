"""One spread for many small groups."""

import numpy as np
import pytest

from cellprofiling.kernels.scale.pooled_scale import pooled_standard, pooled_winsorized
from cellprofiling.kernels.scale.scale import fit_mad, medians
from tests.builders import read_only

PLATES, CONTROLS, FEATURES = 5, 8, 4000


def naive_standard(column, codes):
    squares, freedom = 0.0, 0
    for code in set(codes):
        group = [v for v, c in zip(column, codes, strict=True) if c == code and not np.isnan(v)]
        if group:
            center = sum(group) / len(group)
            squares += sum((v - center) ** 2 for v in group)
            freedom += len(group) - 1
    return np.sqrt(squares / freedom)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standard_equals_its_naive_twin(dtype):
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(30, 4)) * [1, 5, 100, 1], rng.integers(0, 4, 30)
    x[3, 0] = x[4:9, 1] = np.nan
    x = read_only(x, dtype)
    expected = [naive_standard(column.astype(float), codes) for column in x.T]
    np.testing.assert_allclose(pooled_standard(x, codes), expected, rtol=1e-12)


@pytest.mark.parametrize("pooled", [pooled_standard, pooled_winsorized])
def test_the_level_of_groups_does_not_matter(pooled):
    rng = np.random.default_rng(0)
    x, codes = 1e-3 * rng.normal(size=(40, 50)), np.repeat(np.arange(5), 8)
    moved = 1e6 + 10.0 * codes[:, None] + x
    np.testing.assert_allclose(pooled(read_only(moved), codes), pooled(read_only(x), codes), rtol=1e-5)


def rates(scale):
    """Return the share of null values beyond 3 with medians of plates as centers."""
    rng = np.random.default_rng(0)
    controls = rng.normal(size=(PLATES * CONTROLS, FEATURES))
    codes = np.repeat(np.arange(PLATES), CONTROLS)
    spread = scale(controls, codes)
    beyond = [
        np.abs((rng.normal(size=(20, FEATURES)) - medians(controls[codes == code])) / spread) > 3
        for code in range(PLATES)
    ]
    return np.mean(beyond)


def plain_pooled_mad(x, codes):
    centered = np.concatenate([x[codes == code] - medians(x[codes == code]) for code in np.unique(codes)])
    return fit_mad(centered).scale


def test_with_8_controls_on_5_plates_less_than_1_in_100_null_values_lie_beyond_3():
    assert rates(pooled_winsorized) < 0.01
    assert rates(pooled_standard) < 0.01
    assert 0.025 < rates(plain_pooled_mad) < 0.045  # the way that does not work: published 3.4 %


def test_on_normal_values_both_are_the_standard_deviation():
    rng = np.random.default_rng(1)
    x, codes = rng.normal(size=(4000, 20)), np.repeat(np.arange(500), 8)
    np.testing.assert_allclose(pooled_standard(x, codes), 1, atol=0.05)
    np.testing.assert_allclose(pooled_winsorized(x, codes), 1, atol=0.05)


def test_a_few_dead_wells_hardly_widen_the_robust_spread():
    rng = np.random.default_rng(1)
    x, codes = rng.normal(size=(200, 50)), np.repeat(np.arange(25), 8)
    x[::20] += 30
    assert pooled_standard(x, codes).mean() > 5
    assert pooled_winsorized(x, codes).mean() < 1.5


@pytest.mark.parametrize("pooled", [pooled_standard, pooled_winsorized])
def test_no_spread_no_value_and_groups_of_one(pooled):
    x = read_only([[0.3, np.nan, 1.0], [0.1 + 0.2, np.nan, 2.0], [7.0, np.nan, 5.0]])
    spread = pooled(x, np.array([0, 0, 1]))
    assert spread[0] == 0  # rounding noise is no spread, and the level of a group is none
    assert np.isnan(spread[1])
    assert spread[2] > 0
    assert pooled(x[:, [0]], np.array([0, 1, 2]))[0] == 0  # a well by itself has no spread
