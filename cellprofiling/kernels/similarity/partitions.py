"""Rows put into clusters, compared."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices

NOISE = -1  # the label of a row in no cluster


def numbered(labels: Indices) -> Indices:
    """Return the same clusters numbered from 0 by size, the largest first; equal ones by their first row."""
    names, first, place, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = sorted(np.flatnonzero(names != NOISE), key=lambda cluster: (-sizes[cluster], first[cluster]))
    number = np.full(len(names), NOISE)
    number[order] = np.arange(len(order))
    return number[place].astype(np.intp)


def best_overlaps(labels: Indices, again: Indices, n_clusters: int) -> Doubles:
    """Return how well each cluster is found again: the largest Jaccard index with a cluster of another partition.

    Parameters
    ----------
    labels : cluster of each row, 0 to n_clusters - 1, or -1 for none.
    again : cluster of the same rows in the other partition, or -1.

    Returns
    -------
    Shape (n_clusters,): 1 for a cluster found as it was, 0 where no cluster has a row of it, NaN for a cluster without
    a row here.
    """
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    n_again = max(int(again.max(initial=NOISE)) + 1, 1)
    sizes_again = np.bincount(again[again >= 0], minlength=n_again)
    both = (labels >= 0) & (again >= 0)
    shared = np.bincount(labels[both] * n_again + again[both], minlength=n_clusters * n_again)
    shared = shared.reshape(n_clusters, n_again)
    jaccard = shared / np.maximum(sizes[:, None] + sizes_again[None, :] - shared, 1)
    return np.where(sizes > 0, jaccard.max(axis=1), np.nan)
