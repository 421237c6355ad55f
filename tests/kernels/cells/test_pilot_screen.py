"""What a pilot says is right on average, and a mean taken at its word is not."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from cellprofiling.kernels.cells.pilot_screen import fit_effects, fit_noise
from tests.builders import read_only


def residuals(n=60, p=20, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(p, p)) / np.sqrt(p)
    x = rng.standard_normal((n, p)) @ mixing
    x -= x.mean(axis=0)
    x = read_only(x)
    return x, mixing


def test_share_is_that_of_ledoit_and_wolf():
    x, _ = residuals()
    noise = fit_noise(x, len(x))
    expected, share = ledoit_wolf(x, assume_centered=True)
    assert noise.share == pytest.approx(share, rel=1e-10)
    np.testing.assert_allclose(noise.covariance(np.eye(x.shape[1])), expected, atol=1e-12)


def test_draws_have_the_covariance():
    x, _ = residuals()
    noise = fit_noise(x, len(x) - 1)
    drawn = noise.draw(200_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.cov(drawn.T), noise.covariance(np.eye(x.shape[1])), atol=0.03)


def test_lengths_of_effects_are_unbiased_and_those_of_means_are_not():
    rng = np.random.default_rng(2)
    p, n_treatments, plates = 30, 40, 3
    noise = fit_noise(rng.standard_normal((100, p)), 100)
    true = np.zeros((n_treatments, p))
    true[: n_treatments // 2, :3] = 2.0  # squared length 12
    treatment, plate = np.repeat(np.arange(n_treatments), plates), np.tile(np.arange(plates), n_treatments)
    found, naive, null = [], [], []
    for _ in range(20):
        x = true[treatment] + rng.standard_normal((len(treatment), p))
        effects = fit_effects(x, treatment, plate, noise, np.zeros(plates), 0)
        found.append((effects.shifts[: n_treatments // 2] ** 2).sum(axis=1).mean())
        naive.append((x.reshape(n_treatments, plates, p).mean(axis=1)[: n_treatments // 2] ** 2).sum(axis=1).mean())
        null.append(effects.null)
    assert np.mean(found) == pytest.approx(12, rel=0.05)
    assert np.mean(naive) > 12 * 1.5
    null = np.array(null)
    assert null[:, : n_treatments // 2].mean() < 0.15
    assert null[:, n_treatments // 2 :].mean() > 0.5


def test_treatments_on_one_plate_have_no_effect_that_can_be_told():
    x, _ = residuals(n=12)
    effects = fit_effects(
        x, np.repeat(np.arange(6), 2), np.repeat(np.arange(6), 2) % 2, fit_noise(x, 11), np.zeros(2), 0
    )
    assert not effects.shifts.any()
    assert (effects.null == 1).all()


def test_where_nothing_works_everything_is_likely_null():
    rng = np.random.default_rng(3)
    noise = fit_noise(rng.standard_normal((100, 10)), 100)
    x = rng.standard_normal((200, 10))
    effects = fit_effects(x, np.repeat(np.arange(100), 2), np.tile([0, 1], 100), noise, np.zeros(2), 0)
    assert effects.null.mean() > 0.6
