"""ComBat."""

import numpy as np
import pytest

from cellprofiling.kernels.batches.combat import batch_moments, fit_combat
from tests.builders import read_only


def batches(n=(12, 20, 9), d=30, *, seed=0, offset=0.0):
    """Return rows of batches that differ in location and scale, and the batch of each; read-only."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(n)), n)
    shift, stretch = rng.normal(size=(len(n), d)), np.exp(0.3 * rng.normal(size=(len(n), d)))
    x = offset + rng.normal(size=(len(codes), d)) * stretch[codes] + shift[codes]
    x = read_only(x)
    return x, codes


def members(codes):
    return [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]


def combat(x, codes, **options):
    return fit_combat(batch_moments(x, members(codes)), **options).apply(x, codes)


def naive(x, codes):
    """Follow the paper: standardize, priors by moments, iterate over the rows themselves."""
    n, rows = len(x), members(codes)
    mean = np.array([x[r].mean(axis=0) for r in rows])
    grand = sum(len(r) * m for r, m in zip(rows, mean, strict=True)) / n
    sd = np.sqrt(sum(((x[r] - m) ** 2).sum(axis=0) for r, m in zip(rows, mean, strict=True)) / n)
    z, out = (x - grand) / sd, np.empty_like(x)
    for r in rows:
        s = z[r]
        gamma_hat, delta_hat = s.mean(axis=0), s.var(axis=0, ddof=1)
        gamma_bar, tau2 = gamma_hat.mean(), gamma_hat.var()
        m, v = delta_hat.mean(), delta_hat.var(ddof=1)
        a, b = (2 * v + m**2) / v, (m * v + m**3) / v
        gamma, delta = gamma_hat, delta_hat
        for _ in range(200):
            gamma = (len(r) * tau2 * gamma_hat + delta * gamma_bar) / (len(r) * tau2 + delta)
            delta = (b + ((s - gamma) ** 2).sum(axis=0) / 2) / (len(r) / 2 + a - 1)
        out[r] = (s - gamma) / np.sqrt(delta) * sd + grand
    return out


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_published_method(seed):
    x, codes = batches(seed=seed)
    np.testing.assert_allclose(combat(x, codes), naive(x, codes), atol=1e-8)


@pytest.mark.parametrize("offset", [1e6, -1e9])
def test_an_offset_changes_nothing_but_itself(offset):
    x, codes = batches(n=(150, 200, 300))
    moved = combat(x + offset, codes) - offset
    np.testing.assert_allclose(moved, combat(x, codes), atol=1e-9 * abs(offset) / 10)


def test_moments_are_those_of_two_passes_at_any_offset():
    x, codes = batches(n=(500, 300), offset=1e6)
    found = batch_moments(x, members(codes))
    for batch, rows in enumerate(members(codes)):
        np.testing.assert_allclose(found.mean[batch], x[rows].mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(found.variance[batch], x[rows].var(axis=0, ddof=1), rtol=1e-8)


def test_the_reference_batch_keeps_its_bytes_and_the_others_come_to_it():
    x, codes = batches(n=(400, 400, 400), offset=100)
    y = combat(x, codes, reference_batch=1)
    assert (y[codes == 1] == x[codes == 1]).all()
    for batch in (0, 2):
        np.testing.assert_allclose(y[codes == batch].mean(axis=0), x[codes == 1].mean(axis=0), atol=0.05)
        np.testing.assert_allclose(y[codes == batch].std(axis=0), x[codes == 1].std(axis=0), rtol=0.1)


def test_mean_only_leaves_scales_alone():
    x, codes = batches()
    y = combat(x, codes, mean_only=True)
    for rows in members(codes):
        np.testing.assert_allclose(y[rows].std(axis=0), x[rows].std(axis=0))


def test_many_rows_are_brought_together_and_few_drawn_to_the_mean_of_features():
    """A shift that one feature alone has counts by n t2 / (n t2 + 1), with t2 the variance of shifts."""
    rng = np.random.default_rng(0)
    for n, least, most in ((5000, 0.95, 1.0), (500, 0.7, 0.8), (4, 0.0, 0.1)):
        codes = np.repeat([0, 1], n)
        x = rng.normal(size=(2 * n, 40))
        x -= np.array([x[codes == c].mean(axis=0) for c in (0, 1)])[codes]
        x[codes == 1, 0] += 1.0
        y = combat(x, codes, mean_only=True)
        removed = (x - y)[codes == 1, 0].mean() - (x - y)[codes == 0, 0].mean()
        assert least < removed < most


def test_a_feature_without_spread_within_batches_is_shifted_to_the_grand_mean():
    x, codes = batches()
    x = np.column_stack([x, np.array([5.0, 6.0, 8.0])[codes], np.full(len(x), 1e6 + 0.1)])
    y = combat(x, codes)
    np.testing.assert_allclose(y[:, -2], x[:, -2].mean())
    np.testing.assert_array_equal(y[:, -1], x[:, -1])
    np.testing.assert_allclose(y[:, :-2], combat(x[:, :-2], codes), atol=1e-9)  # the others do not notice


def test_a_feature_without_spread_in_one_batch_is_not_scaled_there():
    """Its own variance there is 0: dividing by an estimate from other features would blow up rows that do vary."""
    x, codes = batches()
    x = x.copy()
    x[codes == 2, 4] = 1.5
    fit = fit_combat(batch_moments(x, members(codes)))
    assert fit.gain[2, 4] == 1
    assert (fit.gain[:2, 4] != 1).all()
    assert np.isfinite(fit.apply(x, codes)).all()


def test_batches_that_all_scatter_alike_need_no_division_by_the_scatter():
    """With one feature there is no variance over features, and the estimate is what was seen."""
    x, codes = batches(n=(30, 30), d=1)
    y = combat(x, codes)
    assert np.isfinite(y).all()
    assert abs(y[codes == 0].mean() - y[codes == 1].mean()) < 1e-9
