"""Features that go together, where no name says which do."""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from cellprofiling.kernels.arrays import Doubles, Indices


def correlation_clusters(x: Doubles, n_clusters: int) -> tuple[Indices, Indices]:
    """Return the cluster of each feature, and the feature in the middle of each cluster.

    Parameters
    ----------
    x : shape (n_rows, n_features), without missing values.
    n_clusters : at most so many.

    Notes
    -----
    Average linkage on 1 - |r|, Pearson's: axes that point the other way go together too. A feature without spread has
    a correlation of 0 with all. Clusters are numbered by their first feature; the middle is the member of largest mean
    |r| with the others.
    """
    centered = x - x.mean(axis=0)
    size = np.linalg.norm(centered, axis=0)
    unit = np.divide(centered, size, out=np.zeros_like(centered), where=size > 1e-12 * np.abs(x).max(initial=1e-300))
    r = np.minimum(np.abs(unit.T @ unit), 1.0)
    np.fill_diagonal(r, 1.0)
    if len(r) == 1:
        return np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
    distance = squareform(1 - (r + r.T) / 2, checks=False)
    found = fcluster(linkage(distance, "average"), n_clusters, criterion="maxclust")
    first = np.unique(found, return_index=True)[1]
    codes = np.searchsorted(np.sort(first), first[found - 1])
    members = [np.flatnonzero(codes == code) for code in range(len(first))]
    middle = [each[np.argmax(r[np.ix_(each, each)].mean(axis=1))] for each in members]
    return codes.astype(np.intp), np.array(middle, dtype=np.intp)
