"""What share of the cells of some wells responds: each well is scored along a direction that the others found."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Indices

# Shares of the control cells below a threshold: cells beyond it are counted
LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995])
LEAST_ERROR = 1e-3  # of a share: cells are counted, and a handful tells no more than that
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Cells:
    """Cells in a space that control wells defined which take no part in a comparison.

    Attributes
    ----------
    y : shape (n_cells, n_features); the cells of a well lie together.
    starts : the first cell of each well, and of the end, shape (n_wells + 1,).
    plate : of each well.
    """

    y: NDArray[np.float32]
    starts: Indices
    plate: Indices

    @cached_property
    def means(self) -> Doubles:
        """The mean cell of each well, shape (n_wells, n_features)."""
        sums = np.add.reduceat(self.y, self.starts[:-1], axis=0, dtype=np.float64)
        return sums / np.diff(self.starts)[:, None]

    def scores(self, wells: Indices, direction: Doubles) -> list[Doubles]:
        """Return the score of each cell of some wells along a direction."""
        narrow = direction.astype(np.float32)
        return [(self.y[self.starts[w] : self.starts[w + 1]] @ narrow).astype(np.float64) for w in wells]


def directions(means: Doubles) -> Doubles:
    """Return for each well the direction to the mean of the other wells, of length 1; a lone well has its own.

    Parameters
    ----------
    means : mean cell of each well, in a space where control cells have mean 0 and covariance I, so that this is
        Fisher's linear discriminant between the cells of the other wells and those of controls.
    """
    others = means if len(means) == 1 else (means.sum(axis=0) - means) / (len(means) - 1)
    length = np.linalg.norm(others, axis=1, keepdims=True)
    return others / np.where(length > 0, length, 1.0)


@dataclass(frozen=True)
class Excess:
    """By how much more cells of some wells lie beyond thresholds than cells of controls, at each of `LEVELS`.

    Attributes
    ----------
    share : (S_t - S_c) / (1 - S_c), mean over wells, S the shares of treated and control cells beyond the threshold.
    error : its standard error, wells being the units.
    """

    share: Doubles
    error: Doubles

    @property
    def statistic(self) -> float:
        """The largest share in standard errors."""
        return float((self.share / self.error).max())


def excess(cells: Cells, treated: Indices, controls: Indices) -> Excess:
    """Compare the cells of each treated well with those of controls of its plate, along the direction of the others.

    Parameters
    ----------
    treated : two wells or more.
    controls : wells that had no part in the space; one at least on each plate.

    Notes
    -----
    If a share p of the cells of a well responds and the rest are like controls, S_t - S_c = p (S_r - S_c), at most
    p (1 - S_c), so that the excess is at most p at every threshold, and p where all responders are beyond it. Its
    variance is that of wells: of treated ones or of controls, whichever differ more.
    """
    plates, wells_on = np.unique(cells.plate[treated], return_counts=True)
    beyond = np.empty((len(treated), len(LEVELS)))
    expected, squares, freedom = np.empty_like(beyond), np.zeros(len(LEVELS)), 0
    for i, (well, direction) in enumerate(zip(treated, directions(cells.means[treated]), strict=True)):
        beside = cells.scores(controls[cells.plate[controls] == cells.plate[well]], direction)
        threshold = np.quantile(np.concatenate(beside), LEVELS)
        shares = np.array([_beyond(score, threshold) for score in beside])
        beyond[i] = _beyond(cells.scores(treated[i : i + 1], direction)[0], threshold)
        expected[i] = shares.mean(axis=0)
        squares += ((shares - expected[i]) ** 2).sum(axis=0)
        freedom += len(shares) - 1
    of_control = squares / max(freedom, 1)
    on_plate = np.array([(cells.plate[controls] == plate).sum() for plate in plates])
    of_mean = np.maximum(beyond.var(axis=0, ddof=1), of_control) / len(treated)
    of_mean = of_mean + of_control * ((wells_on / len(treated)) ** 2 / on_plate).sum()
    share = ((beyond - expected) / (1 - expected)).mean(axis=0)
    return Excess(share, np.maximum(np.sqrt(of_mean) / LEVELS, LEAST_ERROR))


def _beyond(scores: Doubles, threshold: Doubles) -> Doubles:
    return 1 - np.searchsorted(np.sort(scores), threshold, side="right") / len(scores)


def null_statistics(cells: Cells, controls: Indices, n_treated: Indices, draws: int, seed: int) -> Doubles:
    """Return the statistic of control wells taken for treated ones and compared with the other controls.

    Parameters
    ----------
    controls : wells that had no part in the space.
    n_treated : wells to take on each plate; one control stays on each, so there may be fewer of them.

    Returns
    -------
    Shape (draws,); none if fewer than two wells can be taken.
    """
    at_hand = [controls[cells.plate[controls] == plate] for plate in range(len(n_treated))]
    taken = [min(int(n), max(len(wells) - 1, 0)) for n, wells in zip(n_treated, at_hand, strict=True)]
    if sum(taken) < 2:
        return np.zeros(0)
    rng = np.random.default_rng([seed, *taken])
    found = np.empty(draws)
    for draw in range(draws):
        drawn = np.concatenate([rng.choice(wells, n, replace=False) for wells, n in zip(at_hand, taken, strict=True)])
        found[draw] = excess(cells, drawn, np.setdiff1d(controls, drawn)).statistic
    return found


def fraction(found: Sequence[Excess], null: Doubles) -> tuple[float, float]:
    """Return the responding share of the cells, and a lower bound of it.

    Parameters
    ----------
    found : the excess in one or several spaces, which are averaged.
    null : statistics of controls taken for treated wells.

    Notes
    -----
    The bound is the largest over thresholds of excess - c error. c is the 95th percentile of the null statistics, so
    that wells in which nothing responds have a bound above 0 in one case of 20. The share is the excess at that
    threshold, 0 if no bound is above 0. A direction that wells of a kind chose together (a plate edge, say) makes the
    left-out well score high without any responder; errors of independent wells would miss that, the null does not.
    """
    rank = int(np.ceil(CONFIDENCE * (len(null) + 1)))
    if rank > len(null):
        return np.nan, np.nan
    critical = np.sort(null)[rank - 1]
    share = np.mean([part.share for part in found], axis=0)
    low = share - critical * np.mean([part.error for part in found], axis=0)
    best = int(np.argmax(low))
    if low[best] <= 0:
        return 0.0, 0.0
    return float(min(share[best], 1.0)), float(min(low[best], 1.0))
