"""Assignments of whole wells inside blocks, and p-values."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from cellprofiling.kernels.permutation import every_assignment, n_assignments, p_value, random_assignments

DESIGNS = [([1, 1], [3, 4]), ([2], [4]), ([2, 1, 3], [2, 3, 1]), ([1, 1, 1, 1], [2, 2, 2, 2])]


def arrays(design: tuple[list[int], list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return a design as arrays."""
    return np.array(design[0], dtype=np.intp), np.array(design[1], dtype=np.intp)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_assignment_once(design: tuple) -> None:
    """All assignments, each once, each keeping the number of treated wells of every block."""
    treated, control = arrays(design)
    found = every_assignment(treated, control)
    assert (
        len(found) == n_assignments(treated, control) == np.prod([comb(t + c, t) for t, c in zip(*design, strict=True)])
    )
    assert len({tuple(row) for row in found}) == len(found)
    edges = np.concatenate([[0], np.cumsum(treated + control)])
    for row in found:
        np.testing.assert_array_equal(np.histogram(row, edges)[0], treated)


@pytest.mark.parametrize("design", DESIGNS)
def test_random_assignments_are_uniform(design: tuple) -> None:
    """Each set of wells is drawn as often as any other."""
    treated, control = arrays(design)
    expected = {tuple(sorted(row)): 0 for row in every_assignment(treated, control)}
    n = 200 * len(expected)
    for row in random_assignments(treated, control, n, np.random.default_rng(0)):
        expected[tuple(sorted(row))] += 1
    assert chisquare(list(expected.values())).pvalue > 1e-3


def test_random_assignments_repeat_with_the_seed() -> None:
    """Same seed, same draws."""
    treated, control = arrays(DESIGNS[2])
    draws = [random_assignments(treated, control, 50, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*draws)


def test_p_value_counts_ties_against_the_observation() -> None:
    """(b + 1) / (m + 1) with b the draws at least as large; never zero."""
    assert p_value(2.0, np.array([1.0, 2.0, 3.0]), exact=False) == 3 / 4
    assert p_value(9.0, np.array([1.0, 2.0, 3.0]), exact=False) == 1 / 4
    assert p_value(2.0 + 1e-15, np.array([1.0, 2.0, 3.0]), exact=False) == 3 / 4


def test_exact_p_value_is_the_share_of_assignments() -> None:
    """With every assignment listed the observed one is among them."""
    assert p_value(3.0, np.array([1.0, 2.0, 3.0, 3.0]), exact=True) == 2 / 4


def p_values_under_the_null(n: int, add_one: bool) -> np.ndarray:
    """Return p-values of the difference of means between 3 and 5 wells of noise, from 19 random assignments."""
    rng = np.random.default_rng(3)
    treated, control = np.array([3], dtype=np.intp), np.array([5], dtype=np.intp)
    found = []
    for _ in range(n):
        x = rng.normal(size=8)
        statistic = x[random_assignments(treated, control, 19, rng)].mean(axis=1)
        b = (statistic >= x[:3].mean()).sum()
        found.append(p_value(x[:3].mean(), statistic, exact=False) if add_one else b / 19)
    return np.array(found)


def test_p_values_are_valid_under_the_null() -> None:
    """No level is exceeded more often than its own size allows; the variant without + 1 must fail."""
    n = 4000
    good, bad = p_values_under_the_null(n, True), p_values_under_the_null(n, False)
    for level in (0.05, 0.06, 0.1, 0.25, 0.5):
        assert (good <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / n)
    assert (bad <= 0.06).mean() > 0.06 + 3 * np.sqrt(0.06 * 0.94 / n)


def test_exact_p_values_are_uniform_on_their_grid() -> None:
    """Exact p-values of continuous noise take each of their values equally often."""
    rng = np.random.default_rng(0)
    everyone = np.array(list(combinations(range(8), 3)))
    found = []
    for _ in range(2000):
        x = rng.normal(size=8)
        found.append(p_value(x[:3].mean(), x[everyone].mean(axis=1), exact=True))
    jitter = rng.random(len(found)) / len(everyone)
    assert kstest(np.array(found) - jitter, "uniform").pvalue > 1e-3
