"""Beyond which values a cell is unusual among the cells of its group: median and MAD, on a scale that fits them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.scale import fit_mad

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]

FEWEST = 30  # the MAD of 30 normal values is right to about 20 %; a limit of 4 SDs lies at 3.2 to 4.8


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
    """

    n: NDArray[np.intp]
    center: Doubles
    scale: Doubles
    low: Doubles
    high: Doubles


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
    """
    values = _logarithms(x) if log else np.asarray(x, dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    n, center, scale = np.zeros(n_groups, np.intp), np.full(n_groups, np.nan), np.full(n_groups, np.nan)
    for group, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes, minlength=n_groups))[:-1])):
        n[group] = np.count_nonzero(~np.isnan(values[rows]))
        if n[group] >= FEWEST:
            with np.errstate(invalid="ignore"):  # the median of a group may be infinite
                fit = fit_mad(values[rows, None])
            center[group], scale[group] = fit.location[0], fit.scale[0]
    return _in_units(n, center, scale, low, high, log)


def _logarithms(x: Floats) -> Doubles:
    values = np.asarray(x, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values <= 0, -np.inf, np.log(values))


def _in_units(n: NDArray[np.intp], center: Doubles, scale: Doubles, low: float, high: float, log: bool) -> Limits:
    spread = np.where(np.isfinite(center) & np.isfinite(scale) & (scale > 0), scale, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        below, above = center + low * spread, center + high * spread
        if log:
            center, below, above = np.exp(center), np.exp(below), np.exp(above)
    return Limits(n, center, scale, below, above)
