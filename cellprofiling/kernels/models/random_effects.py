"""An effect that differs from stratum to stratum: a mixed model, fitted to all features and groups at once."""

from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.kernels.models.contrasts import Cells

RATIOS = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 29)])  # searched first
GOLDEN, STEPS = (np.sqrt(5) - 1) / 2, 40  # 40 steps of golden section leave 4e-9 of the first interval


class Effect(NamedTuple):
    """The mean effect over strata, its standard error, the strata it was seen in, and the ratio of the variances."""

    difference: Doubles
    error: Doubles
    n_strata: Doubles
    ratio: Doubles


def fit_random_effect(cells: Cells) -> Effect:
    """Fit  x = stratum + effect + deviation of the effect in the stratum + residual  by restricted maximum likelihood.

    Returns
    -------
    Arrays of shape (n_groups, n_features); NaN where fewer than two strata have both a group and controls.

    Notes
    -----
    With strata as fixed effects, what the data say of the effect are the differences d of means in each stratum,
    with variance s^2 (r + 1 / w), r the variance of the deviations over that of the residuals, and the squares about
    the means, SS with m degrees of freedom. For a given r the effect is the mean of d weighted by 1 / (r + 1 / w), and
    s^2 has a closed form, so that the restricted likelihood is a function of r >= 0 alone. It is searched on a grid and
    then by golden section. With as many rows in each stratum the effect over its error is the paired t over strata,
    unless r is 0.

    References
    ----------
    Patterson and Thompson, Biometrika 58, 545 (1971), https://doi.org/10.1093/biomet/58.3.545
    """
    both = cells.weight > 0
    n_strata = cells.total @ both.astype(np.float64)
    unit = (cells.total @ np.where(both, 1 / np.where(both, cells.weight, 1.0), 0.0)) / np.maximum(n_strata, 1)
    within = cells.total @ (cells.squares + cells.control_squares)
    df = cells.total @ (np.maximum(cells.n - 1, 0) + np.maximum(cells.n_control - 1, 0))
    problem = _Problem(cells, both, within, df + n_strata - 1)
    scores = [problem.loss(ratio * unit) for ratio in RATIOS]
    best = np.argmin(scores, axis=0)
    low, high = RATIOS[np.maximum(best - 1, 0)] * unit, RATIOS[np.minimum(best + 1, len(RATIOS) - 1)] * unit
    for _ in range(STEPS):
        step = GOLDEN * (high - low)
        left, right = high - step, low + step
        lower = problem.loss(left) <= problem.loss(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    ratio = (low + high) / 2
    ratio = np.where(problem.loss(np.zeros_like(ratio)) <= problem.loss(ratio), 0.0, ratio)
    difference, variance, precision = problem.solve(ratio)
    known = (n_strata > 1) & (variance > 0)
    error = np.sqrt(np.where(known, variance, np.nan) / np.where(known, precision, np.nan))
    return Effect(np.where(known, difference, np.nan), error, n_strata, np.where(known, ratio, np.nan))


class _Problem(NamedTuple):
    """The data of the restricted likelihood; `df` counts what is left of all rows after strata and effect."""

    cells: Cells
    both: Mask
    within: Doubles
    df: Doubles

    def _shares(self, ratio: Doubles) -> Doubles:
        """Return 1 / (r + 1 / w) of each cell, 0 where there is nothing to compare."""
        w = self.cells.weight
        return np.where(self.both, w / (1 + w * ratio[self.cells.of_group]), 0.0)

    def solve(self, ratio: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """Return the effect, the residual variance and the precision of the effect at a residual variance of 1."""
        share, total, d = self._shares(ratio), self.cells.total, self.cells.difference
        precision = total @ share
        difference = (total @ (share * d)) / np.where(precision > 0, precision, 1.0)
        squares = self.within + total @ (share * (d - difference[self.cells.of_group]) ** 2)
        return difference, squares / np.maximum(self.df, 1), precision

    def loss(self, ratio: Doubles) -> Doubles:
        """Return twice the negative logarithm of the restricted likelihood, up to a constant."""
        _, variance, precision = self.solve(ratio)
        share = self._shares(ratio)
        logs = self.cells.total @ -np.log(np.where(self.both, share, 1.0))
        floor = np.finfo(np.float64).tiny
        return self.df * np.log(np.maximum(variance, floor)) + logs + np.log(np.maximum(precision, floor))
