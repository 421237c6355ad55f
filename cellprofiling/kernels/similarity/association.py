"""How strongly two ways to group rows go together."""

import numpy as np

from cellprofiling.kernels.arrays import Indices


def cramers_v(a: Indices, b: Indices) -> float:
    """Return Cramer's V of two groupings, corrected for chance: 0 for unrelated ones, 1 if one tells the other.

    Parameters
    ----------
    a, b : group number of each row.

    Notes
    -----
    V^2 = (phi - e) / (m - e), 0 at least, with phi = chi-squared / n, its largest value m = min(r, c) - 1, and its mean
    e = (r - 1)(c - 1) / (n - 1) over all ways to deal out the rows: many small groups look related by chance alone.
    NaN where one grouping has one group, or where groups of one row leave nothing to tell (e = m).
    """
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    n, r, c = len(a), a.max(initial=-1) + 1, b.max(initial=-1) + 1
    if min(r, c) < 2:
        return float("nan")
    per_a, per_b = np.bincount(a), np.bincount(b)
    cells, counts = np.unique(a * c + b, return_counts=True)
    # chi-squared / n without the table of all r * c cells: sum of n_ij^2 / (n_i n_j) - 1
    phi = float((counts**2 / (per_a[cells // c] * per_b[cells % c])).sum()) - 1
    chance, most = (r - 1) * (c - 1) / (n - 1), min(r, c) - 1
    return float(np.sqrt(max(0.0, phi - chance) / (most - chance))) if most - chance > 1e-9 else float("nan")
