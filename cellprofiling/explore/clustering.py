"""Profiles put into clusters, and how far each cluster can be trusted."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.errors import FeatureError, InputError, one_of
from cellprofiling.core.frame import Table, complete, join, split
from cellprofiling.explore.clustering_methods import METHODS, for_fewer_rows
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.similarity.partitions import NOISE, best_overlaps, numbered

CLUSTER, STABILITY = "Metadata_Cluster", "Metadata_Cluster_Stability"
METRICS = ("euclidean", "cosine")
DRAWN = 1 - np.exp(-1)  # the share of rows that a bootstrap sample of many rows holds


def cluster(
    profiles: pd.DataFrame,
    method: str = "hdbscan",
    *,
    metric: str = "euclidean",
    resamples: int = 50,
    seed: int = 0,
    features: Sequence[str] | None = None,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return profiles with the cluster each belongs to, and how stable that cluster is.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values, one row per perturbation or well, normalized. In more than some
        20 dimensions density means little: cluster ``embed(profiles, "pca", n_components=20)`` instead.
    method : {"hdbscan", "kmeans", "agglomerative", "leiden"}, default "hdbscan"
        How to find clusters; see Notes.
    metric : {"euclidean", "cosine"}, default "euclidean"
        What distance means. For "cosine" each profile is divided by its length first.
    resamples : int, default 50
        How many bootstrap samples stability is measured on; 0 leaves it out. Time grows with it.
    seed : int, default 0
        Seed of the random numbers; the same seed gives the same clusters, whatever the order of rows and columns.
    features : list of str or None, default None
        Names of the features to use; None for all.
    **method_options : int, float or str
        ``min_cluster_size=5``, ``min_samples=None``, ``selection="eom"`` of ``hdbscan``; ``n_clusters=8`` of
        ``kmeans``; ``n_clusters=8``, ``linkage="ward"`` of ``agglomerative``; ``n_neighbors=15``, ``resolution=1.0`` of
        ``leiden``.

    Returns
    -------
    pandas.DataFrame
        The table with ``Metadata_Cluster`` (clusters are numbered from 0, the largest first; -1 is in none) and
        ``Metadata_Cluster_Stability`` (of the cluster; missing for -1). ``.attrs["clusters"]`` lists for each cluster
        its number, its rows and its stability.

    Raises
    ------
    FeatureError
        A feature has missing values, or a profile has no direction (``metric="cosine"``).
    InputError
        A method, or an option of a method, that does not exist, or more clusters than rows.

    See Also
    --------
    enrich : Which labels are frequent in which cluster.

    Notes
    -----
    =============  ===============================================================================================
    hdbscan        regions denser than their surroundings, of at least `min_cluster_size` rows; the rest is in no
                   cluster (-1). The number of clusters is found
    kmeans         `n_clusters` centers, each row with the nearest; every row is in a cluster
    agglomerative  `n_clusters` branches of a tree of joined clusters; every row is in a cluster
    leiden         communities of the graph of shared `n_neighbors` nearest neighbors; a larger `resolution` gives
                   more of them. Needs the package graspologic-native
    =============  ===============================================================================================

    A method finds clusters in anything. Stability says which are there again in other data: rows are drawn with
    replacement, those drawn are clustered once each (about 63 % of the rows; counts of rows among the options shrink
    with them), and the cluster is looked up in the result by the largest Jaccard index, shared rows over all rows of
    both. The mean over samples is near 1 for a cluster that is always found; below 0.6 it should not be trusted, and
    below 0.5 it is dissolved more often than not (Hennig 2007). A stable cluster may still be an artefact, such as a
    plate.

    References
    ----------
    Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational Statistics and Data Analysis, 52(1).
    https://doi.org/10.1016/j.csda.2006.11.025

    Campello, R., Moulavi, D. and Sander, J. (2013). Density-based clustering based on hierarchical density estimates.
    PAKDD 2013. https://doi.org/10.1007/978-3-642-37456-2_14

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> compounds = pd.DataFrame({"Cells_a": [0.0, 9, 1, 8, 1], "Cells_b": [0.0, 9, 1, 9, 0]}, index=list("vwxyz"))
    >>> cpf.cluster(compounds, "kmeans", n_clusters=2)["Metadata_Cluster"].to_dict()
    {'v': 0, 'w': 1, 'x': 0, 'y': 1, 'z': 0}
    """
    checks.arguments(locals())
    one_of("method", method, METHODS)
    one_of("metric", metric, METRICS)
    options = METHODS[method].chosen(method_options)
    table = complete(split(profiles, features))
    x, order = _canonical(table, metric)
    labels = np.empty(len(x), dtype=np.intp)
    stability = np.full(len(x), np.nan)
    labels[order], of_cluster = _stable_clusters(x, method, options, resamples, seed)
    stability[labels >= 0] = of_cluster[labels[labels >= 0]]
    metadata = table.metadata.assign(**{CLUSTER: labels, STABILITY: stability})
    clustered = join(Table(metadata, table.x, table.features), source=profiles)
    sizes = np.bincount(labels[labels >= 0], minlength=len(of_cluster))
    clustered.attrs["clusters"] = [
        {"cluster": number, "n": int(n), "stability": float(value)}
        for number, (n, value) in enumerate(zip(sizes, of_cluster, strict=True))
    ]
    return clustered


def _canonical(table: Table, metric: str) -> tuple[Doubles, Indices]:
    """Return the matrix with columns by name and rows by content, and the row numbers in that order."""
    x = np.ascontiguousarray(table.x[:, np.argsort(table.features)], dtype=np.float64)
    order = content_order(x)
    x = x[order]
    if metric == "cosine":
        length = np.linalg.norm(x, axis=1, keepdims=True)
        if not length.all():
            raise FeatureError(
                f"profiles: {int((length == 0).sum())} of {len(x)} rows are zero in all features and have no "
                "direction: leave them out, or use metric='euclidean'."
            )
        x /= length
    return x, order


def _stable_clusters(
    x: Doubles, method: str, options: dict[str, Any], resamples: int, seed: int
) -> tuple[Indices, Doubles]:
    """Return the cluster of each row, and the stability of each cluster."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads are rounded in the order in which they finish
        labels = numbered(np.asarray(METHODS[method](x, seed, **options), dtype=np.intp))
        n_clusters = int(labels.max(initial=NOISE)) + 1
        rng, fewer = np.random.default_rng(seed), for_fewer_rows(options, DRAWN)
        overlaps = np.full((resamples, n_clusters), np.nan)
        for sample in range(resamples if n_clusters else 0):
            drawn = np.unique(rng.integers(len(x), size=len(x)))
            with suppress(InputError):  # too few rows were drawn for the method: the sample says nothing
                again = np.asarray(METHODS[method](x[drawn], seed, **fewer), dtype=np.intp)
                overlaps[sample] = best_overlaps(labels[drawn], again, n_clusters)
    told = ~np.isnan(overlaps)
    return labels, np.nansum(overlaps, axis=0) / np.where(told.any(axis=0), told.sum(axis=0), np.nan)
