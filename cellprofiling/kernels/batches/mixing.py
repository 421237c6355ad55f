"""How well batches are mixed: among the neighbors of a row, in the variance, and within groups of like rows."""

import numba as nb
import numpy as np
from scipy.special import chdtrc

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.scale.scale import means

TRIES, CLOSE = 50, 1e-5  # bisections, and how near the entropy must come, as published


def effective_batches(distance: Doubles, batch: Indices, n_batches: int, perplexity: float | None = None) -> Doubles:
    """Return the inverse Simpson index of batches around each row, from 1 (one batch) to `n_batches` (mixed evenly).

    Parameters
    ----------
    distance : to the neighbors of each row, shape (n_rows, k), the row itself not among them.
    batch : number of the batch of each neighbor, the same shape.
    perplexity : about how many neighbors count; None for a third of them.

    Notes
    -----
    LISI: a neighbor at distance d weighs exp(-b d), weights summing to 1, with b such that the entropy of the weights
    is log(perplexity); the index is 1 / sum over batches of squared weight. Distances are not squared. Korsunsky et al.
    2019, https://doi.org/10.1038/s41592-019-0619-0. Rows whose neighbors are all equally far have equal weights.
    """
    perplexity = max(distance.shape[1] / 3, 1.0) if perplexity is None else perplexity
    return _effective(distance, batch, n_batches, np.log(perplexity))


def as_expected(batch: Indices, shares: Doubles, alpha: float = 0.05) -> Mask:
    """Return for each row whether batches among its neighbors could be a random draw: kBET accepts.

    Parameters
    ----------
    batch : number of the batch of each neighbor, shape (n_rows, k).
    shares : of each batch among all rows, summing to 1.
    alpha : level of the chi-squared test.

    Notes
    -----
    Büttner et al. 2019, https://doi.org/10.1038/s41592-018-0254-1.
    """
    expected = shares * batch.shape[1]
    counts = (batch[:, :, None] == np.arange(len(shares))).sum(axis=1)
    statistic = ((counts - expected) ** 2 / expected).sum(axis=1)
    return chdtrc(len(shares) - 1, statistic) >= alpha


def explained_by_batch(x: Floats, batch: Indices) -> float:
    """Return the share of the variance that lies between batches, 0 to 1.

    Notes
    -----
    Principal component regression: sum over components of variance times R^2 of the component on the batch, divided by
    the total variance. With all components this is the sum of squares between batches over the total one, so that no
    component need be computed. Büttner et al. 2019. Zero if rows do not differ.
    """
    centered = x - means(np.asarray(x, dtype=np.float64))
    sums = np.zeros((int(batch.max()) + 1, x.shape[1]))
    np.add.at(sums, batch, centered)
    n = np.bincount(batch, minlength=len(sums))
    total = float(np.einsum("ij,ij->", centered, centered))
    between = float((np.einsum("ij,ij->i", sums, sums) / np.maximum(n, 1)).sum())
    return between / total if total > 0 else 0.0


def silhouettes(distance: Doubles, cluster: Indices, other: str = "mean") -> Doubles:
    """Return the silhouette of each row: (b - a) / max(a, b), 0 for a row alone in its cluster.

    Parameters
    ----------
    distance : between rows, shape (n_rows, n_rows).
    cluster : number of the cluster of each row; two or more.
    other : b is the mean distance to all rows of other clusters ("mean") or to those of the nearest one ("nearest").

    Notes
    -----
    a is the mean distance to the other rows of the own cluster. Rousseeuw 1987,
    https://doi.org/10.1016/0377-0427(87)90125-7.
    """
    own = cluster[:, None] == np.arange(int(cluster.max()) + 1)
    sums, n = distance @ own, own.sum(axis=0)
    alone = n[cluster] == 1
    a = sums[own] / np.maximum(n[cluster] - 1, 1)
    if other == "mean":
        b = (sums.sum(axis=1) - sums[own]) / (len(cluster) - n[cluster])
    else:
        b = np.where(own | (n == 0), np.inf, sums / np.maximum(n, 1)).min(axis=1)
    larger = np.maximum(a, b)
    s = np.divide(b - a, larger, out=np.zeros(len(a)), where=larger > 0)
    return np.where(alone, 0.0, s)


def batch_silhouettes(x: Floats, label: Indices, batch: Indices) -> Doubles:
    """Return for each label how little its batches stand apart: 1 if not at all, 0 if completely; NaN where untold.

    Parameters
    ----------
    label : number of the label of each row; -1 for rows to leave out.

    Notes
    -----
    BRAS: the mean over the rows of a label of 1 - |silhouette| of batches, by cosine distance, where the other batches
    count all together. A label in one batch, or with one row in each, says nothing. Rautenstrauch and Ohler 2025,
    https://doi.org/10.1038/s41587-025-02743-4. A row of zeros is at distance 1 from all.
    """
    unit = direction(np.asarray(x, dtype=np.float64))
    found = np.full(int(label.max(initial=-1)) + 1, np.nan)
    order = np.argsort(label, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        codes = np.unique(batch[rows], return_inverse=True)[1]
        n_batches = int(codes.max()) + 1 if len(codes) else 0
        if label[rows[0]] >= 0 and 1 < n_batches < len(rows):
            distance = 1 - unit[rows] @ unit[rows].T
            np.fill_diagonal(distance, 0.0)
            found[label[rows[0]]] = 1 - np.abs(silhouettes(distance, codes)).mean()
    return found


def center_gap(x: Floats, batch: Indices) -> float:
    """Return how far the centers of batches lie from the center of all rows, in units of the spread inside a batch.

    Notes
    -----
    Mean over batches of |m_b - m|, where m_b is the mean of batch b and m that of all rows, divided by the root of the
    trace of the covariance within batches. With n rows in each batch that do not differ it is about 1 / sqrt(n).
    Zero spread gives infinity, or zero if the centers agree.
    """
    return float(center_gaps(x, batch, np.ones((1, len(batch))))[0])


def center_gaps(x: Floats, batch: Indices, weights: Doubles) -> Doubles:
    """Return the `center_gap` of rows that count with each set of weights, shape (n_sets, n_rows)."""
    return _gaps(_moments(x, batch, weights))


def shares_between(x: Floats, batch: Indices, weights: Doubles) -> Doubles:
    """Return `explained_by_batch` of rows that count with each set of weights, shape (n_sets, n_rows)."""
    n, sums, squares = _moments(x, batch, weights)
    total_n, total = n.sum(axis=1), sums.sum(axis=1)
    grand = np.einsum("sd,sd->s", total, total) / total_n
    inside = np.divide(np.einsum("sbd,sbd->sb", sums, sums), n, out=np.zeros_like(n), where=n > 0).sum(axis=1)
    spread = squares.sum(axis=1) - grand
    return np.divide(inside - grand, spread, out=np.zeros_like(spread), where=spread > 0)


Moments = tuple[Doubles, Doubles, Doubles]


def _moments(x: Floats, batch: Indices, weights: Doubles) -> Moments:
    """Return weight, sum and sum of squared lengths by set of weights and batch, rows centered first."""
    centered = x - means(np.asarray(x, dtype=np.float64))
    lengths = np.einsum("ij,ij->i", centered, centered)
    n, squares, sums = [], [], []
    for code in range(int(batch.max()) + 1):
        inside = np.flatnonzero(batch == code)
        w = weights[:, inside]
        n.append(w.sum(axis=1))
        sums.append(w @ centered[inside])
        squares.append(w @ lengths[inside])
    return np.stack(n, axis=1), np.stack(sums, axis=1), np.stack(squares, axis=1)


def _gaps(moments: Moments) -> Doubles:
    n, sums, squares = moments
    centers = sums / n[:, :, None]
    away = centers - (sums.sum(axis=1) / n.sum(axis=1)[:, None])[:, None]
    gap = np.sqrt(np.einsum("sbd,sbd->sb", away, away)).mean(axis=1)
    inside = squares - np.einsum("sbd,sbd->sb", centers, centers) * n
    spread = np.sqrt(np.maximum(inside.sum(axis=1) / np.maximum(n.sum(axis=1) - n.shape[1], 1), 0))
    return np.divide(gap, spread, out=np.where(gap > 0, np.inf, 0.0), where=spread > 0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _effective(distance: Doubles, batch: Indices, n_batches: int, wanted: float) -> Doubles:
    result = np.empty(len(distance))
    weight, share = np.empty(distance.shape[1]), np.empty(n_batches)
    for i in range(len(distance)):
        away = distance[i] - distance[i].min()  # the same weights, and no exponential is lost to underflow
        steepness, low, high = 1.0, -1.0, np.inf
        for _ in range(TRIES + 1):
            total = moment = 0.0
            for j in range(len(away)):
                weight[j] = np.exp(-away[j] * steepness)
                total += weight[j]
                moment += away[j] * weight[j]
            excess = np.log(total) + steepness * moment / total - wanted
            if abs(excess) < CLOSE:
                break
            if excess > 0:
                low = steepness
                steepness = steepness * 2 if high == np.inf else (steepness + high) / 2
            else:
                high = steepness
                steepness = steepness / 2 if low < 0 else (steepness + low) / 2
        share[:] = 0.0
        for j in range(len(away)):
            share[batch[i, j]] += weight[j] / total
        result[i] = 1 / (share * share).sum()
    return result
