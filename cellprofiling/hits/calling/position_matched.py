"""Whether a perturbation that never changes its well position beats controls that do not change theirs either."""

from collections.abc import Mapping

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.inference.combined_p import bonferroni

TIE = 1e-9


def position_matched(
    statistics: Mapping[str, Doubles],
    n_wells: Indices,
    same_position: Mask,
    control_tests: Mapping[str, list[dict]],
) -> tuple[Doubles, Doubles]:
    """Return the position-matched p-value of each perturbation and the smallest it could be, of all blocks together."""
    each = [position_p_values(statistics[name], n_wells, same_position, control_tests[name]) for name in statistics]
    p_values, floors = (np.array(part) for part in zip(*each, strict=True))
    return bonferroni(p_values), bonferroni(floors)


def position_p_values(
    statistic: Doubles, n_wells: Indices, same_position: Mask, control_tests: list[dict]
) -> tuple[Doubles, Doubles]:
    """Return the position-matched p-value of each perturbation, and the smallest it could be.

    Parameters
    ----------
    statistic, n_wells, same_position : one entry per perturbation.
    control_tests : the tests of pseudo-compounds of controls at one position, with their statistic and n_wells.

    Notes
    -----
    With n pseudo-compounds of as many wells, of which b score at least as high, p = (b + 1) / (n + 1); ties count
    against the perturbation. The null is coarse, but it knows what one position does to a score. A pseudo-compound has
    left the controls it is compared with, one fewer on each plate, which if anything raises its score. NaN where a
    perturbation changes its position, or no pseudo-compound has as many wells.
    """
    sizes = np.array([test["n_wells"] for test in control_tests], dtype=np.intp)
    null = np.array([test["statistic"] for test in control_tests], dtype=np.float64)
    p_value, floor = np.full(len(statistic), np.nan), np.full(len(statistic), np.nan)
    for i in np.flatnonzero(same_position & ~np.isnan(statistic)):
        alike = null[(sizes == n_wells[i]) & ~np.isnan(null)]
        if len(alike):
            p_value[i] = ((alike >= statistic[i] - TIE).sum() + 1) / (len(alike) + 1)
            floor[i] = 1 / (len(alike) + 1)
    return p_value, floor
