"""Values replaced by the normal scores of their ranks among reference values."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import Scaling, fit_range

BLOM = 3 / 8  # the expected value of the r-th of n normal values is close to Phi^-1((r - 3/8) / (n + 1/4))


@dataclass(frozen=True)
class RankScaling(Scaling):
    """The reference values of each feature, in order.

    Attributes
    ----------
    location, scale : the median and the range; a range of 0 says that there is no order to speak of.
    ordered : shape (n_rows, n_features), ascending in each column, missing values last.
    """

    ordered: Doubles

    def apply(self, x: Floats) -> Doubles:
        """Return the normal scores of `x`; a feature without spread is only centered."""
        columns = np.array(x.T, dtype=np.float64, order="C")
        for j, ordered in enumerate(np.ascontiguousarray(self.ordered.T)):
            if self.flat[j]:
                columns[j] -= self.location[j]
            else:
                columns[j] = normal_scores(columns[j], ordered[: np.count_nonzero(~np.isnan(ordered))])
        return columns.T


def fit_ranks(x: Floats) -> RankScaling:
    """Return the values of each column of `x` in order, with their median and range."""
    fitted = fit_range(x)
    return RankScaling(fitted.location, fitted.scale, np.sort(np.asarray(x, dtype=np.float64), axis=0))


def normal_scores(values: Floats, ordered: Doubles) -> Doubles:
    """Return Phi^-1((r - 3/8) / (n + 1/4)), where r is the rank of each value among n `ordered` ones.

    Notes
    -----
    A value that is among the reference has its rank, the average one if it is there more than once, whatever the order
    of rows. Between two reference values the rank is interpolated linearly; beyond all of them it is 1/2 or n + 1/2,
    so every score is finite and scores saturate. Missing values stay missing.

    References
    ----------
    Blom, G. (1958). Statistical Estimates and Transformed Beta-Variables. Discussed in Beasley, T. M., Erickson, S.
    and Allison, D. B. (2009), Behav. Genet. 39, 580, https://doi.org/10.1007/s10519-009-9281-0
    """
    return ndtri((ranks_among(values, ordered) - BLOM) / (len(ordered) + 1 - 2 * BLOM))


def ranks_among(values: Floats, ordered: Doubles) -> Doubles:
    """Return the rank, from 1, that each value has or would have among `ordered` ones (see `normal_scores`)."""
    order = np.argsort(values)  # sorted needles are found several times as fast
    needles, n = np.asarray(values, dtype=np.float64)[order], len(ordered)
    below, up_to = _bounds(needles, ordered)
    low, high = ordered[np.maximum(below, 1) - 1], ordered[np.minimum(up_to, n - 1)]
    apart = (below == up_to) & (below > 0) & (below < n)
    part = np.divide(needles - low, high - low, out=np.full(len(needles), 0.5), where=apart)
    ranks = np.empty(len(needles))
    ranks[order] = np.where(np.isnan(needles), np.nan, np.where(apart, below + part, (below + up_to + 1) / 2))
    return ranks


def _bounds(needles: Doubles, ordered: Doubles) -> tuple[Indices, Indices]:
    """Return how many of `ordered` lie below each needle, and how many up to it; the needles are in order too."""
    n = len(ordered)
    if n <= len(needles) and np.array_equal(needles[:n], ordered) and np.isnan(needles[n:]).all():
        starts = np.flatnonzero(np.r_[True, ordered[1:] > ordered[:-1]])  # the needles are the reference itself
        sizes = np.diff(np.r_[starts, n])
        missing = np.full(len(needles) - n, n)
        return np.r_[np.repeat(starts, sizes), missing], np.r_[np.repeat(starts + sizes, sizes), missing]
    return np.searchsorted(ordered, needles, side="left"), np.searchsorted(ordered, needles, side="right")
