"""Ridge regression of many targets at once, judged on rows that took no part in the fit."""

from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices

PENALTIES = np.logspace(-3, 4, 15)  # per row of the fit; features have unit variance


class Predicted(NamedTuple):
    """What was predicted for held-out rows.

    Attributes
    ----------
    r_squared : 1 - sum of squared errors / sum of squares about the mean of the rows of the fit, shape (n_targets,).
    shares : part of each group of features in what was predicted, shape (n_groups, n_targets); adds up to 1.
    """

    r_squared: Doubles
    shares: Doubles


def fit_ridge(x: Doubles, y: Doubles) -> Doubles:
    """Return the coefficients of each target, shape (n_features, n_targets), with the penalty that suits each best.

    Parameters
    ----------
    x : centered features, shape (n_rows, n_features).
    y : centered targets, shape (n_rows, n_targets).

    Notes
    -----
    The penalty is that of least generalized cross-validation, |y - H y|^2 / (1 - tr H / n)^2, out of 15.

    References
    ----------
    Golub, Heath and Wahba, Technometrics 21, 215 (1979), https://doi.org/10.1080/00401706.1979.10489751
    """
    n = len(x)
    u, size, v = np.linalg.svd(x, full_matrices=False)
    along = u.T @ y
    outside = np.maximum((y**2).sum(axis=0) - (along**2).sum(axis=0), 0.0)
    kept = size**2 / (size**2 + n * PENALTIES[:, None])
    error = outside + ((1 - kept) ** 2) @ along**2
    best = np.argmin(error / (1 - kept.sum(axis=1) / (n + 1))[:, None] ** 2, axis=0)
    per_unit = size / (size**2 + n * PENALTIES[best][:, None])
    return v.T @ (per_unit.T * along)


def predict_held_out(x: Doubles, y: Doubles, fold: Indices, members: list[Indices]) -> Predicted:
    """Return how well features predict targets in folds they were not fitted on, and the share of groups of features.

    Parameters
    ----------
    x : features, shape (n_rows, n_features); one without spread in the rows of a fit has no say there.
    y : targets, shape (n_rows, n_targets).
    fold : number of the fold of each row, two or more.
    members : columns of each group.

    Notes
    -----
    A prediction is the sum of what the groups add to it; the share of a group is the sum over rows of its part times
    the prediction, over the sum of squared predictions. Groups that work against each other have negative shares.
    """
    errors, squares, power = (np.zeros(y.shape[1]) for _ in range(3))
    parts = np.zeros((len(members), y.shape[1]))
    for part in np.unique(fold):
        held = fold == part
        middle, spread, level = x[~held].mean(axis=0), x[~held].std(axis=0), y[~held].mean(axis=0)
        per_unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        weights = fit_ridge((x[~held] - middle) * per_unit, y[~held] - level)
        z = (x[held] - middle) * per_unit
        predicted = z @ weights
        errors += ((y[held] - level - predicted) ** 2).sum(axis=0)
        squares += ((y[held] - level) ** 2).sum(axis=0)
        power += (predicted**2).sum(axis=0)
        for group, columns in enumerate(members):
            parts[group] += ((z[:, columns] @ weights[columns]) * predicted).sum(axis=0)
    known, moved = np.where(squares > 0, squares, np.nan), np.where(power > 0, power, np.nan)
    return Predicted(1 - errors / known, parts / moved)
