"""Mean responses dose by dose, and how they would vary if other wells had been measured."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.hits.doses.response import DoseSeries
from cellprofiling.kernels.arrays import Doubles, Indices


@dataclass(frozen=True)
class Controls:
    """Controls of all plates, and how they would vary if other wells had been controls.

    Attributes
    ----------
    centers : mean of each plate.
    spread : standard deviation about those means.
    center_draws : by how much bootstrap means differ, shape (n_draws, n_plates).
    spread_draws : bootstrap standard deviations, shape (n_draws,).
    """

    centers: Doubles
    spread: float
    center_draws: Doubles
    spread_draws: Doubles


def compute_controls(series: DoseSeries, n_draws: int, seed: int) -> Controls:
    """Return the level and the spread of the controls, with bootstrap draws of both."""
    layout, centers = series.layout, series.centers()
    deviations = [
        np.sort(series.response[layout.is_control & (layout.plate == plate)] - centers[plate])
        for plate in range(len(centers))
    ]
    used = [plate for plate in range(len(centers)) if len(deviations[plate]) > 1]
    used.sort(key=lambda plate: (len(deviations[plate]), deviations[plate].tolist()))
    free = sum(len(deviations[plate]) - 1 for plate in used)
    shifts, squares, spread = np.zeros((n_draws, len(centers))), np.zeros(n_draws), 0.0
    rng = np.random.default_rng([seed, len(used)])
    for plate in used:
        n = len(deviations[plate])
        spread += (deviations[plate] ** 2).sum()
        drawn = deviations[plate][rng.integers(n, size=(n_draws, n))]
        shifts[:, plate] = drawn.mean(axis=1) * np.sqrt(n / (n - 1))
        squares += ((drawn - drawn.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) * n / (n - 1)
    return Controls(centers, float(np.sqrt(spread / free)), shifts, np.sqrt(squares / free))


@dataclass(frozen=True)
class Means:
    """Responses of one compound above the controls of their plates, dose by dose.

    Attributes
    ----------
    log_dose : the doses, rising.
    n : wells at each.
    mean : of the responses of each dose.
    deviations : of the responses from the mean of their dose, dose after dose.
    shares : share of the wells of each dose on each plate, shape (n_doses, n_plates).
    n_controls : on those plates.
    """

    log_dose: Doubles
    n: Indices
    mean: Doubles
    deviations: Doubles
    shares: Doubles
    n_controls: int

    @property
    def within(self) -> float:
        """The sum of squares within doses."""
        return float((self.deviations**2).sum())


def compute_means(series: DoseSeries, group: int, controls: Controls) -> Means:
    """Return the responses of a compound, less the controls of their plates."""
    wells = np.flatnonzero(series.layout.group == group)
    plate = series.layout.plate[wells]
    above = series.response[wells] - controls.centers[plate]
    doses, level = np.unique(series.log_dose[wells], return_inverse=True)
    order = np.lexsort([above, level])
    above, level, plate = above[order], level[order], plate[order]
    n = np.bincount(level)
    mean = np.bincount(level, weights=above) / n
    shares = np.zeros((len(doses), len(controls.centers)))
    np.add.at(shares, (level, plate), 1.0)
    n_controls = int((series.layout.is_control & np.isin(series.layout.plate, plate)).sum())
    return Means(doses, n, mean, above - mean[level], shares / n[:, None], n_controls)


def draw_means(means: Means, residuals: Doubles, controls: Controls, seed: int) -> Doubles:
    """Return bootstrap draws of the mean response of each dose, shape (n_draws, n_doses).

    Parameters
    ----------
    residuals : what each single well stands for where a dose has no other well.

    Notes
    -----
    Wells are drawn with replacement within doses, and controls within plates. Drawing n of n wells makes a mean vary
    too little, by sqrt((n - 1) / n), so deviations are widened by as much (Rao and Wu 1988). A dose with a single well
    borrows the residuals of all single wells.

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988), https://doi.org/10.1080/01621459.1988.10478591
    """
    n_draws = len(controls.spread_draws)
    rng = np.random.default_rng([seed, *means.n.tolist()])
    drawn = np.tile(means.mean, (n_draws, 1))
    ends = np.cumsum(means.n)
    for k, n in enumerate(means.n):
        if n == 1:
            drawn[:, k] += residuals[rng.integers(len(residuals), size=n_draws)]
        else:
            deviations = means.deviations[ends[k] - n : ends[k]]
            drawn[:, k] += deviations[rng.integers(n, size=(n_draws, n))].mean(axis=1) * np.sqrt(n / (n - 1))
    return drawn - controls.center_draws @ means.shares.T
