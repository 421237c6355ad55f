"""Which features say again what another feature says."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import fit_standard

FEWEST_ROWS = 3  # two rows always lie on a line
NO_SPREAD = 1e-12  # of a column scaled to variance 1, in the rows in common: rounding error
SAME = 12  # digits of an |r|: a twin must not pass or fail the cutoff by rounding
DIGITS = 9  # of a mean |r|; what lies behind them is rounding error and must not decide between twins


def correlations(x: Floats) -> Doubles:
    """Return the Pearson correlation of each pair of columns over the rows where both have a value.

    Parameters
    ----------
    x : shape (n_rows, n_features).

    Returns
    -------
    Shape (n_features, n_features). Not known, and given as 0: the correlation of a column without spread, and of two
    columns that have fewer than three rows, or no spread, in common.

    Notes
    -----
    Without missing values this is one matrix product. The pairs of a column that has gaps are computed again over
    their common rows, from products with the masks; the columns are centered and scaled first, so these one-pass sums
    lose no digits.
    """
    standard = fit_standard(x)
    z, present = standard.apply(x), ~np.isnan(x)
    z[~present | standard.flat] = 0.0
    r = z.T @ z / len(z) * (len(z) >= FEWEST_ROWS)
    gaps = np.flatnonzero(~present.all(axis=0))
    r[:, gaps] = _over_common_rows(z, present.astype(np.float64), gaps)
    r[gaps, :] = r[:, gaps].T
    return np.clip(r, -1.0, 1.0)


def _over_common_rows(z: Doubles, mask: Doubles, gaps: Indices) -> Doubles:
    """Return the correlation of each column of `z` with each of its columns `gaps`; missing values of `z` are 0."""
    z_gaps, mask_gaps = z[:, gaps], mask[:, gaps]
    n = mask.T @ mask_gaps
    sums, sums_gaps = z.T @ mask_gaps, mask.T @ z_gaps
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (z**2).T @ mask_gaps - sums**2 / n
        spread_gaps = mask.T @ z_gaps**2 - sums_gaps**2 / n
        r = (z.T @ z_gaps - sums * sums_gaps / n) / np.sqrt(spread * spread_gaps)
    known = (n >= FEWEST_ROWS) & (np.minimum(spread, spread_gaps) > NO_SPREAD * n)
    return np.where(known, r, 0.0)


def representatives(r: Doubles, cutoff: float) -> Mask:
    """Return which features to keep so that no two of them correlate by more than `cutoff`.

    Parameters
    ----------
    r : correlations, shape (n_features, n_features).
    cutoff : two features with |r| above it say the same.

    Notes
    -----
    Greedy: features are visited from the lowest to the highest mean |r| with all features, those of equal mean in
    the order of the columns; a feature is kept unless it correlates with one that was kept. So each feature that is
    left out correlates by more than `cutoff` with one that was kept.
    """
    strength = np.abs(r)
    alike = np.round(strength, SAME) > cutoff
    open_ = np.ones(len(r), dtype=bool)
    kept = np.zeros(len(r), dtype=bool)
    for feature in np.argsort(np.round(strength.mean(axis=0), DIGITS), kind="stable"):
        if open_[feature]:
            kept[feature] = True
            open_ &= ~alike[feature]
    return kept


def dropped_in_pairs(r: Doubles, cutoff: float) -> Mask:
    """Return which features pycytominer's correlation_threshold drops.

    Parameters
    ----------
    r : correlations, shape (n_features, n_features).
    cutoff : two features with r (not ``|r|``) above it say the same.

    Notes
    -----
    Of each such pair, the feature with the larger sum of ``|r|`` over all features is dropped (equal sums: the later
    column), even if the other one is dropped too. So the kept features need not say what the dropped ones said.
    """
    order = np.argsort(np.round(np.abs(r).mean(axis=0), DIGITS), kind="stable")
    place = np.argsort(order)
    alike = np.round(r, SAME) > cutoff
    np.fill_diagonal(alike, False)
    return np.where(alike, place[None, :], len(r)).min(axis=1, initial=len(r)) < place
