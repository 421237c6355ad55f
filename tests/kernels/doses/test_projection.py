"""Projections are what they are said to be, without a part of the well in its own way, and nothing without effect."""

import numpy as np
import pytest

from cellprofiling.kernels.doses.projection import project, projected_shares
from cellprofiling.kernels.doses.trend import Trial, monotone_shares
from cellprofiling.kernels.inference.permutation import random_assignments
from tests.builders import read_only

N_TREATED, N_CONTROL, LEVEL = np.array([3, 2, 3]), np.array([4, 5, 6]), np.array([1, 2, 2, 1, 3, 1, 2, 3])


def design():
    return Trial(np.zeros(23), N_TREATED, N_CONTROL, LEVEL)


def naive(x, weighted, trial, wells):
    """Return projections from the profiles themselves; `weighted` are those in the metric of each well."""
    block = np.repeat(np.arange(3), N_TREATED + N_CONTROL)
    level = np.zeros(len(x))
    level[wells] = trial.level
    ways, ways_by_metric = [], []
    for number in range(3):
        here = block == number
        for found, y in ((ways, x), (ways_by_metric, weighted)):
            center = y[here & (level == 0)].mean(axis=0)
            found.append(((y[here] - center) * level[here, None]).sum(axis=0))
    response = np.empty(len(x))
    for number in range(3):
        others = [i for i in range(3) if i != number]
        way = sum(ways[i] for i in others)
        length = np.sqrt(way @ sum(ways_by_metric[i] for i in others))
        here = block == number
        along = weighted[here] @ way / length
        response[here] = along - along[level[here] == 0].mean()
    return response


@pytest.mark.parametrize("seed", range(4))
def test_projections_equal_their_naive_twin(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(23, 10)) + 5
    weighted = x * rng.uniform(0.5, 2, 10)
    gram = x @ weighted.T
    gram = read_only(gram)
    made = design()
    arrangements = random_assignments(N_TREATED, N_CONTROL, 10, rng)
    shares = projected_shares(gram, made, arrangements)
    for wells, share in zip(arrangements, shares, strict=True):
        response = naive(x, weighted, made, wells)
        assert np.allclose(project(gram, made, wells), response, atol=1e-9)
        # The share is that of the isotonic fit of these responses, whose control means are 0 already.
        again = made._replace(response=response[treated_first(wells)])
        assert share == pytest.approx(monotone_shares(again, again.own[None], two_sided=False)[0], abs=1e-9)


def treated_first(wells):
    """Return all wells, block by block, those of the slots first."""
    ends, order = np.cumsum(N_TREATED + N_CONTROL), []
    for end, size, chosen in zip(ends, N_TREATED + N_CONTROL, np.split(wells, np.cumsum(N_TREATED)[:-1]), strict=True):
        order += [*chosen, *np.setdiff1d(np.arange(end - size, end), chosen)]
    return np.array(order)


def test_without_effect_the_mean_is_zero_and_with_one_it_is_the_effect():
    rng = np.random.default_rng(0)
    made = design()
    noise, effect = [], []
    for _ in range(3000):
        x = rng.normal(size=(23, 10))
        noise.append(project(x @ x.T, made, made.own)[made.own].mean())
        x[made.own, 0] += 30.0
        effect.append(project(x @ x.T, made, made.own)[made.own].mean())
    assert abs(np.mean(noise)) < 4 * np.std(noise) / np.sqrt(3000)
    assert np.mean(effect) == pytest.approx(30, rel=0.02)


def test_profiles_without_differences_have_no_response():
    gram = np.ones((23, 23))
    made = design()
    assert np.array_equal(project(gram, made, made.own), np.zeros(23))
    assert projected_shares(gram, made, made.own[None]).tolist() == [0.0]
