"""Sizes of the change of each feature: means, medians, standardized differences, gaps between distributions."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cellprofiling.hits.explanation.feature_models import Comparison
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.inference.effects import (
    ssmd_equal,
    ssmd_paired,
    ssmd_unequal,
    standardized_interval,
    unbiased,
)
from cellprofiling.kernels.inference.kolmogorov import signed_gaps
from cellprofiling.kernels.models.contrasts import Contrast
from cellprofiling.kernels.scale.groups import group_statistics, grouping
from cellprofiling.kernels.scale.scale import Scaling, fit_mad


def effect_sizes(comparison: Comparison, ssmd: str, level: float) -> dict[str, NDArray]:
    """Return the columns of effect sizes, shape (n_groups, n_features) each; missing where controls have no spread."""
    found = comparison.contrast
    control_spread = _spread(found.control_squares, found.control_df)
    residual = _spread(found.squares, found.df)
    d = found.difference / residual
    low, high = standardized_interval(d, found.weight, found.df, level)
    robust, distance, gaps = _by_rank(comparison)
    sizes = {
        "difference": found.difference / control_spread,
        "median_difference": distance / control_spread,
        "robust_z": robust,
        "cohen_d": d,
        "hedges_g": d * unbiased(found.df),
        "hedges_g_low": low,
        "hedges_g_high": high,
        "ssmd": SSMD[ssmd](found, d),
        "ks": gaps,
    }
    told = np.isfinite(sizes["difference"])
    counts = {"n_wells": found.n.astype(np.intp), "n_controls": found.n_controls.astype(np.intp)}
    return counts | {name: np.where(told, values, np.nan) for name, values in sizes.items()}


def _spread(squares: Doubles, df: Doubles) -> Doubles:
    """Return standard deviations; NaN where there is none, or no degree of freedom."""
    return np.sqrt(np.where((df > 0) & (squares > 0), squares, np.nan) / np.where(df > 0, df, np.nan))


def _by_rank(comparison: Comparison) -> tuple[Doubles, Doubles, Doubles]:
    """Return the median of robust z and of distances from the control median, and the gaps of distributions."""
    x, is_control = np.full_like(comparison.x, np.nan), comparison.group < 0
    robust = np.full_like(comparison.x, np.nan)
    for plate in np.unique(comparison.plate[~is_control]):
        rows = comparison.plate == plate
        scaling = fit_mad(comparison.x[rows & is_control])
        x[rows] = comparison.x[rows] - scaling.location
        spread = np.where(scaling.scale > 0, scaling.scale, np.nan)
        robust[rows] = Scaling(scaling.location, spread).apply(comparison.x[rows])
    wells = grouping(comparison.group, comparison.n_groups)
    middle = [group_statistics(np.ascontiguousarray(values.T), wells, ["median"])[0] for values in (robust, x)]
    return middle[0], middle[1], _gaps(comparison, x)


def _gaps(comparison: Comparison, x: Doubles) -> Doubles:
    """Return signed gaps; perturbations on the same plates share their sorted controls."""
    result = np.full((comparison.n_groups, x.shape[1]), np.nan)
    shared: dict[tuple[int, ...], list[int]] = {}
    for group in range(comparison.n_groups):
        shared.setdefault(tuple(comparison.plates_of(group).tolist()), []).append(group)
    for plates, groups in shared.items():
        controls = np.isin(comparison.plate, plates) & (comparison.group < 0)
        wells = [np.flatnonzero(comparison.group == group) for group in groups]
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in wells])])
        result[groups] = signed_gaps(x[np.concatenate(wells)], starts, x[controls])
    return result


def _paired(found: Contrast, _: Doubles) -> Doubles:
    variance = found.own_squares / np.where(found.n > 1, found.n - 1, np.nan)
    return ssmd_paired(found.own_mean, variance, found.n)


def _unequal(found: Contrast, _: Doubles) -> Doubles:
    variance = found.own_squares / np.where(found.n > 1, found.n - 1, np.nan)
    return ssmd_unequal(found.difference, variance, _spread(found.control_squares, found.control_df) ** 2)


def _equal(found: Contrast, d: Doubles) -> Doubles:
    return ssmd_equal(d, found.df)


SSMD: dict[str, Callable[[Contrast, Doubles], Doubles]] = {"equal": _equal, "unequal": _unequal, "paired": _paired}
