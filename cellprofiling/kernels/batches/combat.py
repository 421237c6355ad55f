"""Batches brought to one location and scale, feature by feature, by empirical Bayes.

Johnson, Li and Rabinovic (2007), doi 10.1093/biostatistics/kxj037: features lend each other strength where a batch has
few rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import ROUNDINGS, means

PRECISION = 1e-10  # relative; iteration stops when no estimate moves more
LONGEST = 10_000
ROWS_AT_ONCE = 128  # few enough to stay in the processor's cache


@dataclass(frozen=True)
class Adjustment:
    """What is done to the rows of each batch: x becomes (x - center) * gain + target.

    Attributes
    ----------
    center, gain : shape (n_batches, n_features).
    target : shape (n_features,).
    """

    center: Doubles
    gain: Doubles
    target: Doubles

    def apply(self, x: Floats, codes: Indices, *, out: Doubles | None = None) -> Doubles:
        """Return the rows of `x` adjusted, row i as batch `codes[i]`; where nothing is to be done bytes are kept.

        Parameters
        ----------
        out : where to write, which may be `x` itself; None for a new array.
        """
        adjusted = np.empty(x.shape) if out is None else out
        for batch in np.unique(codes):
            center, gain = self.center[batch], self.gain[batch]
            rows = np.flatnonzero(codes == batch)
            if (gain == 1).all() and (center == self.target).all():
                adjusted[rows] = x[rows]
                continue
            for some in np.split(rows, range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE)):
                place = slice(some[0], some[-1] + 1) if some[-1] - some[0] + 1 == len(some) else some  # without a copy
                block = x[place] - center
                block *= gain
                block += self.target
                adjusted[place] = block
        return adjusted


@dataclass(frozen=True)
class Moments:
    """Rows, means and variances (n - 1) of each feature in each batch.

    Attributes
    ----------
    n : shape (n_batches,).
    mean, variance : shape (n_batches, n_features).
    noise : spread that is rounding of the values, shape (n_features,).
    """

    n: Doubles
    mean: Doubles
    variance: Doubles
    noise: Doubles

    def of_columns(self, columns: Indices) -> "Moments":
        """Return the moments with the columns in another order."""
        return Moments(self.n, self.mean[:, columns], self.variance[:, columns], self.noise[columns])


def batch_moments(x: Floats, members: Sequence[Indices]) -> Moments:
    """Return the moments of each batch, whose rows are `members[batch]`, two at least; summed in that order."""
    parts = [_moments(x, rows) for rows in members]
    n = np.array([len(rows) for rows in members], dtype=np.float64)
    mean, variance = np.array([mean for mean, _ in parts]), np.array([variance for _, variance in parts])
    return Moments(n, mean, variance, ROUNDINGS * np.finfo(x.dtype).eps * np.abs(mean).max(axis=0))


def _moments(x: Floats, rows: Indices) -> tuple[Doubles, Doubles]:
    """Return mean and variance in one pass, from deviations from the mean of the first rows."""
    pivot = means(x[rows[:ROWS_AT_ONCE]])
    sums, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for some in np.split(rows, range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE)):
        block = x[some] - pivot
        sums += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    deviation = sums / len(rows)
    return pivot + deviation, np.maximum(squares - len(rows) * deviation**2, 0) / (len(rows) - 1)


def fit_combat(moments: Moments, *, reference_batch: int | None = None, mean_only: bool = False) -> Adjustment:
    """Return the adjustment that removes the differences between batches.

    Parameters
    ----------
    moments : of the rows to learn from.
    reference_batch : the batch whose location and scale the others take; None for the grand mean of all rows and the
        variance within batches.
    mean_only : leave the scale of each batch as it is.

    Notes
    -----
    With m and s the grand mean and the standard deviation within batches, batch b has in units of s the location
    g = (mean_b - m) / s and the variance d = var_b / s^2. Over features, g is taken to come from a normal distribution
    and d from an inverse gamma one, both with the moments seen; the posterior means solve

        g* = (n t2 g + d* g_bar) / (n t2 + d*)      d* = (b + ((n - 1) d + n (g - g*)^2) / 2) / (n / 2 + a - 1)

    which needs the mean and variance of each batch only, and no pass over the rows per iteration.

    A feature without spread within any batch is shifted to the grand mean, without a prior. Where a feature has no
    spread in one batch, its scale there is left alone.
    """
    grand, pooled = _standard(moments, reference_batch)
    flat = pooled <= moments.noise**2
    scale = np.sqrt(np.where(flat, 1.0, pooled))
    location, variance = (moments.mean - grand) / scale, moments.variance / scale**2
    for batch, n in enumerate(moments.n):
        free = ~flat & (variance[batch] > 0) & (not mean_only)
        variance[batch] = np.where(free, variance[batch], 1.0)
        location[batch, ~flat], variance[batch, free] = _posterior(location[batch], variance[batch], n, ~flat, free)
    if reference_batch is not None:
        location[reference_batch], variance[reference_batch] = 0.0, 1.0
    return Adjustment(grand + location * scale, 1 / np.sqrt(variance), grand)


def _standard(moments: Moments, reference_batch: int | None) -> tuple[Doubles, Doubles]:
    """Return grand mean and pooled variance (divided by the number of rows, as published)."""
    n, chosen = (
        moments.n[:, None],
        slice(None) if reference_batch is None else slice(reference_batch, reference_batch + 1),
    )
    n, mean, variance = n[chosen], moments.mean[chosen], moments.variance[chosen]
    grand = mean[0] + (n * (mean - mean[0])).sum(axis=0) / n.sum()
    return grand, ((n - 1) * variance).sum(axis=0) / n.sum()


def _posterior(location: Doubles, variance: Doubles, n: float, known: Mask, free: Mask) -> tuple[Doubles, Doubles]:
    """Return the posterior locations of the features `known`, and variances of those `free` of one batch."""
    seen = location[known]
    prior, spread = seen.mean() if len(seen) else 0.0, seen.var() if len(seen) else 0.0
    m = variance[free].mean() if free.any() else 1.0
    s2 = variance[free].var(ddof=1) if free.sum() > 1 else 0.0
    g, d = location.copy(), variance.copy()
    for _ in range(LONGEST):
        old = g, d
        g = (n * spread * location + d * prior) / (n * spread + d)
        squares = (n - 1) * variance + n * (location - g) ** 2
        # b and a of the inverse gamma distribution multiplied by s2, so that equal variances are no division by zero.
        d = np.where(free, (s2 * (squares / 2 + m) + m**3) / (s2 * (n / 2 + 1) + m**2), d)
        moved = max(np.abs(g - old[0]).max(), np.abs(d / old[1] - 1).max())
        if moved < PRECISION:
            break
    return g[known], d[free]
