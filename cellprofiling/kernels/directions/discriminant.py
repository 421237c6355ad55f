"""How far two kinds of wells lie apart along the direction that tells them apart best, learned from other wells."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.whitening import fit_whitening


def direction(positive: Doubles, negative: Doubles) -> Doubles:
    """Return the direction of Fisher's discriminant, which points from the negative to the positive wells.

    Parameters
    ----------
    positive, negative : shapes (n_positive, n_features) and (n_negative, n_features), two or more wells each; no
        missing values.

    Notes
    -----
    The covariance within kinds is shrunk after Ledoit and Wolf (2004), doi 10.1016/S0047-259X(03)00096-4. The length is
    1, or 0 where the kinds do not differ.
    """
    residuals = np.concatenate([positive - positive.mean(axis=0), negative - negative.mean(axis=0)])
    gap = positive.mean(axis=0) - negative.mean(axis=0)
    if not residuals.any():
        return _unit(gap)
    whitening = fit_whitening(residuals, correlation=False, rotate_back=True, shrinkage=None)
    origin = whitening.apply(np.zeros((1, len(gap))))
    once = whitening.apply(gap[None]) - origin
    return _unit((whitening.apply(once) - origin)[0])


def held_out_scores(x: Doubles, positive: Mask, fold: Indices) -> Doubles:
    """Return the place of each well along a direction learned from the wells of all other folds.

    Parameters
    ----------
    x : control wells, shape (n_wells, n_features).
    positive : which of them are positive controls; the others are negative ones.
    fold : of each well, from 0. The plates, so that no well is judged by a direction that its own plate had a say in.

    Notes
    -----
    NaN for a fold whose others lack two wells of a kind. Kümmel et al. 2010, doi 10.1177/1087057109351311, project on
    the direction of the same wells: with more features than wells that separates noise perfectly.
    """
    result = np.full(len(x), np.nan)
    for code in np.unique(fold):
        out = fold == code
        kinds = x[~out & positive], x[~out & ~positive]
        if min(len(kinds[0]), len(kinds[1])) >= 2:
            result[out] = x[out] @ direction(*kinds)
    return result


def interleaved_folds(positive: Mask, n_folds: int = 5) -> Indices:
    """Return folds that hold wells of both kinds in turn, in the order given."""
    fold = np.empty(len(positive), dtype=np.intp)
    for kind in (positive, ~positive):
        fold[kind] = np.arange(kind.sum()) % n_folds
    return fold


def _unit(vector: Doubles) -> Doubles:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector
