"""The largest gap between two distributions, with its sign."""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices


def signed_gaps(values: Doubles, starts: Indices, controls: Doubles) -> Doubles:
    """Return the signed Kolmogorov-Smirnov statistic of each group against the same controls.

    Parameters
    ----------
    values : shape (n_rows, n_features), the rows of group g at `starts[g]:starts[g + 1]`; missing values are skipped.
    controls : shape (n_controls, n_features).

    Returns
    -------
    Shape (n_groups, n_features), from -1 to 1: the largest distance between the two cumulative distributions,
    positive where the values of the group are larger. NaN where either side has no value.
    """
    ranked = np.sort(np.ascontiguousarray(controls.T), axis=1)  # missing values come last
    n = (~np.isnan(ranked)).sum(axis=1)
    return _signed_gaps(np.ascontiguousarray(values.T), starts, ranked, n).T


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _signed_gaps(values: Doubles, starts: Indices, ranked: Doubles, n_controls: Indices) -> Doubles:
    n_groups = len(starts) - 1
    result = np.full((len(values), n_groups), np.nan)
    for j in range(len(values)):
        controls = ranked[j, : n_controls[j]]
        for g in range(n_groups):
            given = values[j, starts[g] : starts[g + 1]]
            treated = np.sort(given[~np.isnan(given)])
            if len(treated) and len(controls):
                result[j, g] = signed_gap(treated, controls)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def signed_gap(treated: Doubles, controls: Doubles) -> float:
    """Return the gap; both sides are sorted, and it is widest at a treated value or just below one."""
    up = down = 0.0
    for value in treated:
        below = np.searchsorted(controls, value, "left") / len(controls)
        up_to = np.searchsorted(controls, value, "right") / len(controls)
        up = max(up, below - np.searchsorted(treated, value, "left") / len(treated))
        down = max(down, np.searchsorted(treated, value, "right") / len(treated) - up_to)
    return up if up >= down else -down
