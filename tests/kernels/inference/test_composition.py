"""Compositions: log-ratios add up to nothing, entropy has its known values, and wells are the units of the test."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest

from cellprofiling.kernels.inference.composition import (
    difference,
    distance_to_normal,
    log_ratios,
    quadratic_entropy,
    share_of_outliers,
)
from tests.chance import allowed


def test_log_ratios_add_up_to_zero_and_survive_an_absent_kind():
    shares = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    ratios = log_ratios(shares, np.array([100, 10]))
    assert np.allclose(ratios.sum(axis=1), 0)
    assert np.isfinite(ratios).all()
    assert np.allclose(ratios[0, 0] - ratios[0, 2], np.log(50.5 / 0.5))


def test_entropy_is_zero_for_one_kind_and_half_for_two_equal_ones():
    centers = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert np.allclose(quadratic_entropy(np.array([[1.0, 0.0], [0.5, 0.5]]), centers), [0, 0.5])
    assert quadratic_entropy(np.array([[0.5, 0.5]]), np.zeros((2, 2)))[0] == 0


def test_distance_to_normal_equals_scipy_and_tells_two_modes():
    x = np.random.default_rng(0).normal(size=(200, 2)) * 1e-3 + 1e6
    parts = [kstest(c, "norm", (c.mean(), c.std())).statistic for c in x.T]
    assert distance_to_normal(x) == pytest.approx(np.mean(parts), rel=1e-6)
    modes = x + np.repeat([0, 1], 100)[:, None]
    assert distance_to_normal(modes) > 3 * distance_to_normal(x)
    assert np.isnan(distance_to_normal(np.ones((5, 2))))
    assert distance_to_normal(np.column_stack([x[:, 0], np.ones(200)])) == pytest.approx(parts[0], rel=1e-6)


def test_outliers_of_a_normal_sample_are_seven_in_a_thousand():
    x = np.random.default_rng(0).normal(size=(50_000, 2))
    assert share_of_outliers(x) == pytest.approx(0.007, abs=0.001)
    assert share_of_outliers(np.ones((5, 2))) == 0


def wells(seed: int, n: int = 200) -> np.ndarray:
    """Shares of four kinds in two plates of two treated wells and eight controls, by a Dirichlet-multinomial."""
    rng = np.random.default_rng(seed)
    return np.array([rng.multinomial(n, p) for p in rng.dirichlet([8, 6, 4, 2], 20)]) / n


def test_null_p_values_are_uniform_and_pooled_cells_are_not():
    n_treated, n_control = np.array([2, 2]), np.array([8, 8])
    treated = np.isin(np.arange(20) % 10, [0, 1])
    p_values, pooled = [], []
    for seed in range(400):
        shares = wells(seed)
        ratios = log_ratios(shares, np.full(20, 200))
        p_values.append(difference(ratios, n_treated, n_control, 199, seed).test.p_value)
        counts = np.array([shares[treated].sum(axis=0), shares[~treated].sum(axis=0)]) * 200
        pooled.append(chi2_contingency(counts).pvalue)
    for level in (0.05, 0.2, 0.5):
        low, high = allowed(400, level)
        assert low <= np.mean(np.array(p_values) <= level) <= high
    assert np.mean(np.array(pooled) <= 0.05) > 0.5


def test_exact_small_design_by_hand_and_no_spread():
    values = np.array([[3.0], [0.0], [1.0]])
    shift, test = difference(values, np.array([1]), np.array([2]), 100, 0)
    assert test.p_value == test.p_floor == pytest.approx(1 / 3)
    assert shift[0] > 0
    assert difference(np.zeros((3, 2)), np.array([1]), np.array([2]), 100, 0).test.p_value == 1
