"""How alike two profiles are."""

import numpy as np
from scipy.stats import rankdata

from cellprofiling.kernels.arrays import Doubles, Floats
from cellprofiling.kernels.scale.scale import fit_standard


def cosine(x: Floats) -> Doubles:
    """Return the cosine of the angle between each pair of rows of `x`.

    Parameters
    ----------
    x : shape (n_rows, n_features).

    Returns
    -------
    Shape (n_rows, n_rows), symmetric, the diagonal exactly 1. A row of zeros, or with a missing value, has no
    direction: NaN in its row and column.
    """
    length = np.linalg.norm(np.asarray(x, dtype=np.float64), axis=1, keepdims=True)
    unit = x / np.where(length == 0, np.nan, length)
    result = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(result, np.where(np.isnan(np.diagonal(result)), np.nan, 1.0))
    return result


def pearson(x: Floats) -> Doubles:
    """Return the Pearson correlation of each pair of rows of `x`; a row without spread has none: NaN."""
    rows = fit_standard(np.transpose(x))
    return cosine(np.where(rows.flat[:, None], 0.0, x - rows.location[:, None]))


def spearman(x: Floats) -> Doubles:
    """Return the Spearman correlation of each pair of rows of `x`, ties at their mean rank."""
    return pearson(ranks(x))


def ranks(x: Floats) -> Doubles:
    """Return the rank of each value in its row of `x`, from 1, ties at their mean rank; NaN all along a row with one.

    The same as `scipy.stats.rankdata(x, axis=1)` in a tenth of its time where rows have no ties.
    """
    order = np.argsort(x, axis=1)
    ordered = np.take_along_axis(x, order, axis=1)
    rank = np.empty(x.shape)
    np.put_along_axis(rank, order, np.arange(1.0, x.shape[1] + 1)[None], axis=1)
    special = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1) | np.isnan(ordered[:, -1:]).any(axis=1)
    if special.any():
        rank[special] = rankdata(x[special], axis=1)
    return rank
