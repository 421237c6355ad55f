"""Tails: counted as numpy would, tested by wells, and not by cells."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from cellprofiling.kernels.inference.tails import LEVELS, largest_excess, tail_shares
from tests.chance import allowed


def test_shares_equal_a_naive_count():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((300, 5)).astype(np.float32)
    starts = np.array([0, 40, 100, 220, 300])
    length = (y.astype(float) ** 2).sum(axis=1)
    threshold = np.quantile(np.concatenate([length[0:40], length[100:220]]), LEVELS)
    expected = [[(length[a:b] > t).mean() for t in threshold] for a, b in pairwise(starts)]
    assert np.allclose(tail_shares(y, starts, np.array([0, 2])), expected)


def test_exact_p_value_of_a_small_design_by_hand():
    """The largest of four wells is treated: of four assignments one is as high; ties count against it."""
    shares = np.array([[0.4], [0.1], [0.2], [0.3]])
    level, test = largest_excess(shares, np.array([1]), np.array([3]), 100, 0)
    assert (level, test.p_value, test.p_floor) == (0, 0.25, 0.25)
    shares[3] = 0.4
    assert largest_excess(shares, np.array([1]), np.array([3]), 100, 0)[1].p_value == 0.5
    assert largest_excess(np.zeros((4, 2)), np.array([1]), np.array([3]), 100, 0)[1].p_value == 1.0


def null_wells(seed: int, n: int = 200) -> np.ndarray:
    """Shares of two plates of two treated wells and ten controls; wells differ more than cells drawn alike would."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(4, 36, 24)[:, None] * np.array([1, 0.5, 0.1, 0.05])
    return rng.binomial(n, chance) / n


def test_null_p_values_are_uniform_and_pooled_cells_are_not():
    n_treated, n_control, n = np.array([2, 2]), np.array([10, 10]), 200
    treated = np.isin(np.arange(24) % 12, [0, 1])
    by_wells, pooled = [], []
    for seed in range(300):
        shares = null_wells(seed, n)
        by_wells.append(largest_excess(shares, n_treated, n_control, 199, seed)[1].p_value)
        hits, total = round(shares[treated, 0].sum() * n), int(treated.sum() * n)
        pooled.append(binomtest(hits, total, shares[~treated, 0].mean(), "greater").pvalue)
    for level in (0.05, 0.2, 0.5):
        low, high = allowed(300, level)
        assert low <= np.mean(np.array(by_wells) <= level) <= high
    assert np.mean(np.array(pooled) <= 0.05) > 0.2  # cells of a well are alike: as units they call far too often


@pytest.mark.parametrize("permutations", [50, 100_000])
def test_more_cells_outside_are_found_at_any_level(permutations):
    shares = null_wells(1)
    shares[[0, 1, 12, 13], 3] += 0.1
    level, test = largest_excess(shares, np.array([2, 2]), np.array([10, 10]), permutations, 0)
    assert level == 3
    assert test.p_floor <= test.p_value <= 0.05
