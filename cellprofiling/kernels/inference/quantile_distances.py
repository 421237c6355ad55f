"""How far two samples lie apart, quantile by quantile: Wasserstein distances with their sign and their parts."""

from typing import Any

import numba
import numpy as np

from cellprofiling.kernels.arrays import Doubles


@numba.njit(cache=True, nogil=True, error_model="numpy")
def quantile_distances(treated: Doubles, controls: Doubles) -> Any:
    """Return signed W1, and location, size and shape, whose sum is the square of W2.

    Parameters
    ----------
    treated, controls : sorted values without missing ones, of any number.

    Notes
    -----
    With Q the quantile functions, W1 is the integral of abs(Q_t - Q_c), here with the sign of the difference of means
    (0 for none), and W2 squared that of (Q_t - Q_c)^2 =
    (mean_t - mean_c)^2 + (sd_t - sd_c)^2 + 2 sd_t sd_c (1 - rho), rho being the correlation of Q_t with Q_c: location,
    size and shape (Irpino and Verde 2015, doi 10.1007/s11634-014-0176-4; Schefzik et al. 2021,
    doi 10.1093/bioinformatics/btab226). Standard deviations divide by n. Both functions are steps, so the integrals are
    sums over the steps of both. Samples of one value have the size (sd_t - sd_c)^2 and no shape. NaN where either is
    empty.
    """
    n, m = len(treated), len(controls)
    if n == 0 or m == 0:
        return np.nan, np.nan, np.nan, np.nan
    mean_t, mean_c = treated.mean(), controls.mean()
    absolute = squares_t = squares_c = apart = 0.0
    i = j = 0
    reached = 0.0
    while i < n and j < m:
        # compared in whole numbers: (i + 1) / n and (j + 1) / m may round to different sides of each other
        ends_t, ends_c = (i + 1) * m, (j + 1) * n
        end = min(ends_t, ends_c) / (n * m)
        width = end - reached
        t, c = treated[i] - mean_t, controls[j] - mean_c
        absolute += width * abs(treated[i] - controls[j])
        squares_t += width * t * t
        squares_c += width * c * c
        apart += width * (t - c) ** 2
        reached = end
        i += ends_t <= ends_c
        j += ends_c <= ends_t
    size = (np.sqrt(squares_t) - np.sqrt(squares_c)) ** 2
    location = (mean_t - mean_c) ** 2
    return np.sign(mean_t - mean_c) * absolute, location, size, max(apart - size, 0.0)


@numba.njit(cache=True, nogil=True)
def without(ranked: Doubles, taken: Doubles) -> Doubles:
    """Return sorted values without some of them, which are sorted too."""
    left = np.empty(len(ranked) - len(taken))
    j = 0
    for i in range(len(ranked)):
        if j < len(taken) and ranked[i] == taken[j]:
            j += 1
        else:
            left[i - j] = ranked[i]
    return left
