"""Separation along a direction that other wells taught: nothing on noise, where the same wells would reach 1."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.discriminant import direction, held_out_scores, interleaved_folds
from cellprofiling.kernels.scale.spread import z_prime
from tests.builders import read_only

POSITIVE = np.arange(32) < 16


def in_sample(x):
    """Fisher's direction of the wells themselves, as published with more features than wells: a pseudo-inverse."""
    residuals = np.concatenate([x[kind] - x[kind].mean(axis=0) for kind in (POSITIVE, ~POSITIVE)])
    away = x @ np.linalg.pinv(residuals.T @ residuals) @ (x[POSITIVE].mean(axis=0) - x[~POSITIVE].mean(axis=0))
    flat = np.linalg.pinv(x - x.mean(axis=0)) @ (POSITIVE - 0.5)  # separates every well where p > n
    return max(
        z_prime(away[POSITIVE], away[~POSITIVE], robust=False),
        z_prime((x @ flat)[POSITIVE], (x @ flat)[~POSITIVE], robust=False),
    )


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_separate_out_of_sample_and_does_in_sample(seed):
    x = np.random.default_rng(seed).normal(size=(32, 300))
    x = read_only(x)
    scores = held_out_scores(x, POSITIVE, interleaved_folds(POSITIVE))
    assert z_prime(scores[POSITIVE], scores[~POSITIVE]) <= 0
    assert in_sample(x) > 0.98


def test_kinds_that_differ_separate():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 300)) + 2 * POSITIVE[:, None]
    scores = held_out_scores(x, POSITIVE, interleaved_folds(POSITIVE))
    assert z_prime(scores[POSITIVE], scores[~POSITIVE]) > 0.5


def test_the_direction_is_fishers_where_there_are_many_wells():
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(4, 4))
    negative, positive = rng.normal(size=(5000, 4)) @ mixing, rng.normal(size=(5000, 4)) @ mixing + [1, 0, 0, 0]
    expected = np.linalg.solve(mixing.T @ mixing, positive.mean(axis=0) - negative.mean(axis=0))
    assert direction(positive, negative) @ expected / np.linalg.norm(expected) > 0.999


def test_a_held_out_plate_has_no_say():
    """Another plate's wells, moved anywhere, change the direction; those of the plate itself do not."""
    rng = np.random.default_rng(2)
    x, fold = rng.normal(size=(32, 5)) + POSITIVE[:, None], np.arange(32) % 2
    moved = x.copy()
    moved[(fold == 0) & POSITIVE] += 50
    before, after = held_out_scores(x, POSITIVE, fold), held_out_scores(moved, POSITIVE, fold)
    untouched = (fold == 0) & ~POSITIVE
    assert after[untouched] == pytest.approx(before[untouched])
    assert not np.allclose(after[fold == 1], before[fold == 1])


def test_too_few_wells_teach_nothing_and_equal_wells_have_no_direction():
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert np.isnan(held_out_scores(x, np.array([True, False, False, False]), np.arange(4))).all()
    assert (direction(np.ones((3, 2)), np.ones((3, 2))) == 0).all()
    assert direction(np.ones((3, 2)), np.zeros((3, 2))) == pytest.approx([0.5**0.5] * 2)
