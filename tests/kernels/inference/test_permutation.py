"""Assignments of whole wells inside blocks, and p-values."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from cellprofiling.kernels.inference.permutation import (
    Assignments,
    every_assignment,
    exact_p_value,
    lay_assignments,
    n_assignments,
    p_value,
    random_assignments,
)
from tests.chance import ERROR, allowed

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
    assert chisquare(list(expected.values())).pvalue > ERROR


def test_random_assignments_repeat_with_the_seed() -> None:
    """Same seed, same draws."""
    treated, control = arrays(DESIGNS[2])
    draws = [random_assignments(treated, control, 50, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*draws)


def p_of(observed: float, null: list[float]) -> float:
    """Return the p-value for given values of the statistic."""
    values = np.array(null)
    return p_value(observed, np.arange(len(values), dtype=np.intp)[:, None], lambda rows: values[rows[:, 0]])[0]


def test_p_value_counts_ties_against_the_observation() -> None:
    """(b + 1) / (m + 1) with b the draws at least as large; never zero."""
    assert p_of(2.0, [1.0, 2.0, 3.0]) == 3 / 4
    assert p_of(9.0, [1.0, 2.0, 3.0]) == 1 / 4
    assert p_of(2.0 + 1e-15, [1.0, 2.0, 3.0]) == 3 / 4


def test_drawing_stops_when_enough_is_known() -> None:
    """At the 50th draw that is at least as large, p is 50 over the draws so far, and no portion more is drawn."""
    rng = np.random.default_rng(0)
    null, seen = rng.random(10_000), []

    def statistic(rows: np.ndarray) -> np.ndarray:
        seen.append(len(rows))
        return null[rows[:, 0]]

    found, n_drawn = p_value(0.5, np.arange(10_000, dtype=np.intp)[:, None], statistic)
    assert (null[:n_drawn] >= 0.5).sum() == 50
    assert null[n_drawn - 1] >= 0.5
    assert found == 50 / n_drawn
    assert n_drawn <= sum(seen) < n_drawn + 100


def test_exact_p_value_is_the_share_of_assignments() -> None:
    """With every assignment listed the observed one is among them."""
    assert exact_p_value(3.0, np.array([1.0, 2.0, 3.0, 3.0])) == 2 / 4


@pytest.mark.parametrize("permutations", [14, 15], ids=["drawn", "exact"])
def test_a_design_is_enumerated_where_permutations_suffice(permutations: int) -> None:
    """Of 15 assignments: 14 allowed are drawn, 15 allowed are all; p, floor, number and words follow suit."""
    values = np.array([5.0, 4.0, 0.0, 1.0, 2.0, 3.0])
    laid = lay_assignments(*arrays(([2], [4])), permutations, 0)
    observed, null = 9.0, values[laid.chosen].sum(axis=1)
    test = laid.test(observed, lambda chosen: values[chosen].sum(axis=1))
    plus = 0 if laid.exact else 1
    assert test.exact == (permutations == 15)
    assert test.n_assignments == len(laid.chosen) == permutations
    assert test.p_value == ((null >= observed).sum() + plus) / (permutations + plus)
    assert test.p_floor == 1 / 15
    assert test.scheme == ("up to 14 random " if plus else "all 15 ") + "assignments of wells within plates"


def test_statistics_known_beforehand_give_the_same_test() -> None:
    """Whether statistics are computed portion by portion until enough is known, or all at once."""
    values = np.random.default_rng(0).normal(size=30)
    for exact in (True, False):
        chosen = random_assignments(*arrays(([3], [27])), 5000, np.random.default_rng(1))
        laid = Assignments(chosen, exact, "draws")
        for observed in (-1.0, 0.5, 9.0):
            by_portion = laid.test(observed, lambda rows: values[rows].sum(axis=1))
            assert by_portion == laid.test_against(observed, values[chosen].sum(axis=1))


def p_values_under_the_null(n: int, n_draws: int, plus: int) -> np.ndarray:
    """Return p-values of the difference of means between 3 and 5 wells of noise; `plus` is 1 in a valid p-value."""
    rng = np.random.default_rng(3)
    treated, control = np.array([3], dtype=np.intp), np.array([5], dtype=np.intp)
    found = []
    for _ in range(n):
        x = rng.normal(size=8)
        draws = random_assignments(treated, control, n_draws, rng)
        valid = p_value(x[:3].mean(), draws, lambda rows, x=x: x[rows].mean(axis=1))[0]
        found.append(valid if plus else (valid * (n_draws + 1) - 1) / n_draws)
    return np.array(found)


@pytest.mark.parametrize("n_draws", [19, 400], ids=["all draws", "stopped early"])
def test_p_values_are_valid_under_the_null(n_draws: int) -> None:
    """No level is exceeded more often than its own size allows, whether or not drawing stops early."""
    n = 3000
    found = p_values_under_the_null(n, n_draws, 1)
    for level in (0.05, 0.06, 0.1, 0.25, 0.5):
        assert (found <= level).mean() <= allowed(n, level)[1]


def test_p_values_without_the_observation_are_not_valid() -> None:
    """The variant that must fail: b / m, which can be zero."""
    n = 3000
    found = p_values_under_the_null(n, 19, 0)
    assert (found <= 0.06).mean() > allowed(n, 0.06)[1]


def test_exact_p_values_are_uniform_on_their_grid() -> None:
    """Exact p-values of continuous noise take each of their values equally often."""
    rng = np.random.default_rng(0)
    everyone = np.array(list(combinations(range(8), 3)))
    found = []
    for _ in range(2000):
        x = rng.normal(size=8)
        found.append(exact_p_value(x[:3].mean(), x[everyone].mean(axis=1)))
    jitter = rng.random(len(found)) / len(everyone)
    assert kstest(np.array(found) - jitter, "uniform").pvalue > ERROR
