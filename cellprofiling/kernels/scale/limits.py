"""Beyond which values a cell is unusual among the cells of its group: median and MAD, on a scale that fits them.

Where many values lie apart from the others and far below, as debris does, they are left out of both.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import MAD_SCALE, fit_mad

FEWEST = 30  # the MAD of 30 normal values is right to about 20 %; a limit of 4 SDs lies at 3.2 to 4.8
CROWD = 0.1  # share of values below which what lies apart moves median and MAD by little
VALLEY = 0.1  # of what lies apart: so many values at most may lie in the SD above it
FOLD = 2.5  # what lies apart is smaller than the rest by more: half the size, or half the DNA, is biology


@dataclass(frozen=True)
class Limits:
    """Limits of one feature in each group, shape (n_groups,); NaN where there is none.

    Attributes
    ----------
    n : values there were to learn from.
    center : their median, in units of the feature.
    scale : their MAD as a standard deviation, of logarithms if the limits were learned from logarithms; 0 where more
        than half of the values are one.
    low, high : in units of the feature; a value below or above is unusual.
    apart : share of the values that lie apart, below, and were left out; 0 where none were.
    """

    n: Indices
    center: Doubles
    scale: Doubles
    low: Doubles
    high: Doubles
    apart: Doubles


def robust_limits(
    x: Floats, codes: NDArray[np.integer], n_groups: int, *, low: float, high: float, log: bool = False
) -> Limits:
    """Return the limits median + low * SD and median + high * SD of each group, where SD is 1.4826 MAD.

    Parameters
    ----------
    x : shape (n_cells,); missing values are skipped.
    codes : group number of each cell, 0 to n_groups - 1.
    low, high : how many SDs from the median; NaN for no limit on that side.
    log : whether the logarithms are looked at. Zero and negative values then count as smaller than any other.

    Notes
    -----
    A group has no limits with fewer than 30 values, without spread (MAD of 0), or if the median is not finite.
    Computed in float64 from exact medians, so that the order of the cells changes nothing.

    The MAD holds out against up to half of bad values in that it stays finite; a third of them on one side still moves
    the median and doubles the MAD, so that a low limit passes below them. A low limit of logarithms is therefore
    looked for again from above, where no debris is: center is the median of the values that are not below the limit,
    SD 1.4826 times the median distance from it of those above it, and the limit is center + low * SD, or 2.5 times
    smaller than the center if that is lower; again until it stays. It is used if a tenth or more of all values lie
    below it, and in the SD above it at most a tenth as many: they lie apart. Otherwise, and so in all groups without
    such a crowd, the limit is that of median and MAD.
    """
    values = _logarithms(x) if log else np.asarray(x, dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    n, center, scale = np.zeros(n_groups, np.intp), np.full(n_groups, np.nan), np.full(n_groups, np.nan)
    apart, least = np.zeros(n_groups), np.full(n_groups, np.inf)
    for group, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes, minlength=n_groups))[:-1])):
        n[group] = np.count_nonzero(~np.isnan(values[rows]))
        if n[group] >= FEWEST:
            with np.errstate(invalid="ignore"):  # the median of a group may be infinite
                fit = fit_mad(values[rows, None])
            center[group], scale[group] = fit.location[0], fit.scale[0]
            crowd = _crowd_below(values[rows], low) if log and low < 0 else None
            if crowd is not None and crowd.limit > center[group] + low * scale[group]:
                center[group], scale[group], least[group], apart[group] = crowd
    return _in_units(n, center, scale, low, high, log, least, apart)


class _Crowd(NamedTuple):
    """The center and SD of values without those that lie apart below a limit, the limit, and the share of those."""

    center: float
    scale: float
    limit: float
    share: float


def _crowd_below(x: Doubles, low: float) -> _Crowd | None:
    """Return what is left without a crowd of values that lies apart below; nothing if there is none."""
    ordered = np.sort(x[~np.isnan(x)])
    n, start, seen = len(ordered), 0, set()
    while start not in seen and start <= n - FEWEST:
        seen.add(start)
        center = float(np.median(ordered[start:]))
        above = ordered[np.searchsorted(ordered, center) :]
        if not np.isfinite(center):
            return None
        scale = MAD_SCALE * float(np.median(above) - center)
        limit = min(center + low * scale, center - np.log(FOLD))
        start = int(np.searchsorted(ordered, limit))
        if start in seen:
            valley = int(np.searchsorted(ordered, limit + scale)) - start
            found = 0 < scale < np.inf and start >= CROWD * n and valley <= VALLEY * start
            return _Crowd(center, scale, limit, start / n) if found else None
    return None


def _logarithms(x: Floats) -> Doubles:
    values = np.asarray(x, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values <= 0, -np.inf, np.log(values))


def _in_units(
    n: Indices,
    center: Doubles,
    scale: Doubles,
    low: float,
    high: float,
    log: bool,
    least: Doubles,
    apart: Doubles,
) -> Limits:
    spread = np.where(np.isfinite(center) & np.isfinite(scale) & (scale > 0), scale, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        below, above = np.minimum(center + low * spread, least), center + high * spread
        if log:
            center, below, above = np.exp(center), np.exp(below), np.exp(above)
    return Limits(n, center, scale, below, above, apart)
