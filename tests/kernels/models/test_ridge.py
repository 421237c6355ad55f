"""Ridge regression of many targets, and how well it predicts rows it has not seen."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cellprofiling.kernels.models.ridge import PENALTIES, fit_ridge, predict_held_out
from tests.builders import read_only


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 8))
    y = np.column_stack([x[:, 0] * 2 + 0.1 * rng.normal(size=60), rng.normal(size=60)])
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    x = read_only(x)
    return x, y


def test_coefficients_equal_those_of_sklearn_for_the_penalty_of_least_validation_error() -> None:
    x, y = data()
    for target in range(2):
        errors = []
        for penalty in PENALTIES * len(x):
            hat = x @ np.linalg.solve(x.T @ x + penalty * np.eye(8), x.T)
            errors.append(((y[:, target] - hat @ y[:, target]) ** 2).sum() / (1 - np.trace(hat) / (len(x) + 1)) ** 2)
        best = PENALTIES[int(np.argmin(errors))] * len(x)
        expected = Ridge(alpha=best, fit_intercept=False).fit(x, y[:, target]).coef_
        np.testing.assert_allclose(fit_ridge(x, y)[:, target], expected, atol=1e-10)


def test_what_features_hold_is_predicted_and_noise_is_not() -> None:
    x, y = data()
    found = predict_held_out(x, y, np.arange(60) % 5, [np.array([0]), np.arange(1, 8)])
    assert found.r_squared[0] > 0.95
    assert found.r_squared[1] < 0.1
    assert found.shares[0, 0] > 0.95
    np.testing.assert_allclose(found.shares.sum(axis=0), 1)


def test_flat_targets_have_no_share() -> None:
    x, _ = data()
    found = predict_held_out(x, np.zeros((60, 1)), np.arange(60) % 3, [np.arange(8)])
    assert np.isnan(found.r_squared[0])


def test_rows_of_a_fold_do_not_take_part_in_its_fit() -> None:
    """Each group of rows that share a target of their own: known rows tell it, held-out groups do not."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(6), 10)
    x = np.eye(6)[group] + 1e-3 * rng.normal(size=(60, 6))
    y = rng.normal(size=6)[group][:, None]
    assert predict_held_out(x, y, np.arange(60) % 5, [np.arange(6)]).r_squared[0] > 0.9
    assert predict_held_out(x, y, group, [np.arange(6)]).r_squared[0] == pytest.approx(0, abs=0.9)
    assert predict_held_out(x, y, group, [np.arange(6)]).r_squared[0] < 0.3
