"""The permutation test of a mean: equal to its definition, uniform under the null."""

from itertools import combinations, product

import numpy as np
import pytest

from cellprofiling.kernels.inference.mean_shift import mean_shift
from tests.chance import allowed


def naive(blocks: list[tuple[np.ndarray, int]]) -> tuple[float, float]:
    """Return shift and exact two-sided p, each assignment written out."""

    def shift(choice: tuple) -> float:
        total = 0.0
        for (values, _), chosen in zip(blocks, choice, strict=True):
            rest = np.delete(values, chosen)
            total += sum(values[i] - rest.mean() for i in chosen)
        return total / sum(n for _, n in blocks)

    every = [shift(choice) for choice in product(*(combinations(range(len(v)), n) for v, n in blocks))]
    observed = shift(tuple(tuple(range(n)) for _, n in blocks))
    return observed, float(np.mean(np.abs(every) >= abs(observed) - 1e-9))


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_naive(seed: int) -> None:
    """Unequal blocks, every assignment."""
    rng = np.random.default_rng(seed)
    blocks = [(rng.normal(5, 1, size), n) for size, n in ((5, 1), (6, 2), (4, 1))]
    n_treated = np.array([n for _, n in blocks])
    n_control = np.array([len(v) - n for v, n in blocks])
    shift, test = mean_shift(np.concatenate([v for v, _ in blocks]), n_treated, n_control, 10_000, 0)
    np.testing.assert_allclose((shift, test.p_value), naive(blocks), atol=1e-9)
    assert test.p_floor == 1 / (5 * 15 * 4)


def test_uniform_under_the_null() -> None:
    """p <= 0.05 in about 5 % of pure noise, plates shifted as they may be."""
    rng = np.random.default_rng(0)
    n_treated, n_control = np.array([1, 1, 1]), np.array([8, 12, 16])
    plate = np.repeat(rng.normal(0, 10, 3), n_treated + n_control)
    p = [mean_shift(plate + rng.normal(size=39), n_treated, n_control, 500, i)[1].p_value for i in range(600)]
    low, high = allowed(600)
    assert low <= np.mean(np.array(p) <= 0.05) <= high


def test_values_without_spread() -> None:
    """All alike: no shift, p = 1."""
    shift, test = mean_shift(np.full(8, 1e6), np.array([2]), np.array([6]), 1000, 0)
    assert (shift, test.p_value) == (0.0, 1.0)
