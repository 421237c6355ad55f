"""A trend statistic is the share that an isotonic fit explains, whatever the plates add, for every arrangement."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from cellprofiling.kernels.doses.trend import Trial, every_arrangement, monotone_shares, n_arrangements
from cellprofiling.kernels.inference.permutation import random_assignments
from tests.builders import read_only


def trial(seed=0, n_treated=(3, 4), n_control=(5, 3), n_levels=3, spread=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    level = np.concatenate([np.sort(rng.integers(1, n_levels + 1, n)) for n in n_treated])
    level[-1] = n_levels
    response = offset + spread * rng.normal(size=sum(n_treated) + sum(n_control))
    response = read_only(response)
    return Trial(response, np.array(n_treated), np.array(n_control), level)


def naive_share(trial, wells, direction=1):
    """Return the share for one arrangement, by scipy's isotonic regression of wells on levels."""
    n = len(trial.response)
    level = np.zeros(n, dtype=int)
    level[wells] = trial.level
    plate = np.repeat(np.arange(len(trial.n_treated)), trial.n_treated + trial.n_control)
    y = np.array(trial.response)
    for number in np.unique(plate):
        y[plate == number] -= y[(plate == number) & (level == 0)].mean()
    _, codes, counts = np.unique(level, return_inverse=True, return_counts=True)
    means = np.bincount(codes, weights=y) / counts
    fit = isotonic_regression(direction * means, weights=counts).x * direction
    return (counts * (fit - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum()


@pytest.mark.parametrize("seed", range(5))
def test_shares_equal_their_naive_twin(seed):
    made = trial(seed)
    arrangements = random_assignments(made.n_treated, made.n_control, 40, np.random.default_rng(seed))
    rising = [naive_share(made, wells) for wells in arrangements]
    falling = [naive_share(made, wells, -1) for wells in arrangements]
    assert np.allclose(monotone_shares(made, arrangements, two_sided=False), rising, atol=1e-12)
    assert np.allclose(monotone_shares(made, arrangements, two_sided=True), np.maximum(rising, falling), atol=1e-12)


def test_large_numbers_with_a_small_spread_lose_nothing():
    small, large = trial(spread=1e-3), trial(spread=1e-3, offset=1e6)
    arrangements = random_assignments(small.n_treated, small.n_control, 40, np.random.default_rng(0))
    found = [monotone_shares(made, arrangements, two_sided=True) for made in (small, large)]
    assert np.allclose(*found, atol=1e-6)


def test_a_response_without_spread_has_no_share():
    made = trial()._replace(response=np.full(15, 1e6 + 0.1))
    assert monotone_shares(made, made.own[None], two_sided=True).tolist() == [0.0]


def test_a_plate_shift_changes_nothing():
    made = trial()
    shifted = made._replace(response=made.response + np.repeat([0.0, 100.0], [8, 7]))
    arrangements = random_assignments(made.n_treated, made.n_control, 40, np.random.default_rng(0))
    assert np.allclose(*(monotone_shares(each, arrangements, two_sided=True) for each in (made, shifted)), atol=1e-9)


def test_a_perfect_rise_explains_everything_and_a_fall_nothing_of_a_rise():
    made = Trial(np.array([1.0, 1, 2, 2, 0, 0]), np.array([4]), np.array([2]), np.array([1, 1, 2, 2]))
    assert monotone_shares(made, made.own[None], two_sided=False) == pytest.approx(1)
    fallen = made._replace(response=-made.response)
    assert monotone_shares(fallen, made.own[None], two_sided=False) == pytest.approx(0)
    assert monotone_shares(fallen, made.own[None], two_sided=True) == pytest.approx(1)


def test_every_arrangement_is_there_once():
    made = trial(n_treated=(3, 2), n_control=(2, 2), n_levels=2)
    found = every_arrangement(made)
    assert len(found) == n_arrangements(made)
    plates = []
    for wells, slots in ((range(5), made.level[:3]), (range(5, 9), made.level[3:])):
        kinds = Counter(tuple(sorted(zip(slots, chosen, strict=True))) for chosen in permutations(wells, len(slots)))
        plates.append(set(kinds))
    split = [(tuple(sorted(zip(made.level, row, strict=True)))) for row in found]
    assert len(set(split)) == len(found) == len(plates[0]) * len(plates[1])


def test_random_arrangements_put_every_well_at_every_dose_equally_often():
    drawn = random_assignments(np.array([3]), np.array([2]), 20_000, np.random.default_rng(0))
    for slot in drawn.T:
        assert np.allclose(np.bincount(slot, minlength=5) / len(drawn), 0.2, atol=0.015)
