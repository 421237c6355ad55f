"""Plates in order: points far off, runs, drift; each against counting, and with nothing to find."""

from itertools import pairwise, product

import numpy as np
import pytest

from cellprofiling.kernels.scale.control_chart import _chance_of_run, distances, drift, longest_run
from tests.chance import allowed


def naive_run(flips):
    longest = run = 1
    for a, b in pairwise(flips):
        run = run + 1 if a == b else 1
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("n", [2, 5, 9, 12])
def test_the_chance_of_a_run_is_that_of_all_flips(n):
    runs = [naive_run(flips) for flips in product((0, 1), repeat=n)]
    for length in range(1, n + 1):
        assert _chance_of_run(n, length) == pytest.approx(np.mean([run >= length for run in runs]))
    assert _chance_of_run(n, n + 1) == 0


def test_a_run_is_counted_without_values_on_the_median():
    assert longest_run(np.array([1.0, 2, 3, 4, 5, 6, 7]))[0] == 3
    assert longest_run(np.ones(9)) == (0, 1.0)


@pytest.mark.parametrize("n", [6, 8, 20])
def test_few_plates_beyond_three_by_chance(n):
    """Two-sided 0.27 % of normal plates, whatever their number; without Student's t six plates have 10 %."""
    rng = np.random.default_rng(n)
    found = np.array([distances(rng.normal(size=n)) for _ in range(300)])
    assert (np.abs(found) > 3).mean() < 0.008
    plain = []
    for _ in range(500):
        x = rng.normal(size=6)
        others = np.delete(x, 0)
        plain.append(abs(x[0] - np.median(others)) / (1.4826 * np.median(np.abs(others - np.median(others)))) > 3)
    assert np.mean(plain) > 0.05


def test_a_far_plate_is_far_and_the_floor_holds():
    values = np.array([0.0, 0.1, -0.1, 0.2, -0.2, 0.05, 30.0])
    assert np.argmax(np.abs(distances(values))) == 6
    assert abs(distances(values)[6]) > 3
    assert abs(distances(values / 100, floor=1.0)[6]) < 1
    assert np.isinf(distances(np.array([1.0, 1, 1, 1, 2])))[4]
    assert (distances(np.ones(5)) == 0).all()


def test_drift_is_seen_and_chance_is_not():
    rng = np.random.default_rng(0)
    steady = rng.normal(size=12) + 0.5 * np.arange(12)
    assert drift(steady, 1999, np.random.default_rng(0))[1] < 0.01
    assert drift(steady, 1999, np.random.default_rng(0))[0] > 0
    away = rng.normal(size=20) + 3 * ((np.arange(20) > 6) & (np.arange(20) < 14))
    assert drift(away, 1999, np.random.default_rng(0))[1] < 0.02
    p = np.array([drift(rng.normal(size=10), 499, np.random.default_rng(1))[1] for _ in range(400)])
    assert (p <= 0.05).mean() <= allowed(400)[1]
    assert (p <= 0.5).mean() >= allowed(400, 0.3)[0]  # where nothing drifts at all, p = 1


def test_drift_does_not_look_at_the_level():
    values = np.random.default_rng(3).normal(size=9)
    assert drift(values, 199, np.random.default_rng(0)) == pytest.approx(
        drift(values + 1e6, 199, np.random.default_rng(0))
    )
