"""The ways to put rows into clusters: one function a method, a row of `METHODS` each.

Each takes a matrix without gaps and a seed, and returns a label for each row, -1 for a row in no cluster.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cellprofiling.core.errors import InputError
from cellprofiling.core.methods import Method, table_of
from cellprofiling.core.seeds import seed_of_32_bits
from cellprofiling.kernels.arrays import Doubles, Indices

ROW_COUNTS = ("min_cluster_size", "min_samples", "n_neighbors")  # options that shrink with the number of rows


def hdbscan(
    x: Doubles, _seed: int, *, min_cluster_size: int = 5, min_samples: int | None = None, selection: str = "eom"
) -> Indices:
    """Return regions that are denser than their surroundings; rows between them are in no cluster.

    The implementation of scikit-learn. `min_samples` is `min_cluster_size` unless given; `selection` "leaf" gives
    smaller clusters than "eom".
    """
    from sklearn.cluster import HDBSCAN

    _refuse_fewer_rows(x, "min_cluster_size", min_cluster_size, least=2)
    _refuse_fewer_rows(x, "min_samples", min_samples or min_cluster_size)
    model = HDBSCAN(
        min_cluster_size=min_cluster_size, min_samples=min_samples, cluster_selection_method=selection, copy=True
    )
    return model.fit_predict(x)


def kmeans(x: Doubles, seed: int, *, n_clusters: int = 8) -> Indices:
    """Return the nearest of `n_clusters` centers, the best of ten starts."""
    from sklearn.cluster import KMeans

    _refuse_fewer_rows(np.unique(x, axis=0), "n_clusters", n_clusters)
    return KMeans(n_clusters, n_init=10, random_state=seed_of_32_bits(seed)).fit_predict(x)


def agglomerative(x: Doubles, _seed: int, *, n_clusters: int = 8, linkage: str = "ward") -> Indices:
    """Return the `n_clusters` branches of a tree in which the two closest clusters were joined again and again."""
    from sklearn.cluster import AgglomerativeClustering

    _refuse_fewer_rows(x, "n_clusters", n_clusters)
    return AgglomerativeClustering(n_clusters, linkage=linkage).fit_predict(x)


def leiden(x: Doubles, seed: int, *, n_neighbors: int = 15, resolution: float = 1.0) -> Indices:
    """Return communities of the graph of shared nearest neighbors, by modularity.

    Two rows are linked if one is among the `n_neighbors` nearest of the other, with the share of neighbors they have
    in common as weight (Levine 2015, doi 10.1016/j.cell.2015.05.047); communities by the Leiden algorithm (Traag 2019,
    doi 10.1038/s41598-019-41695-z) in graspologic-native (MIT licence), which must be installed.
    """
    try:
        from graspologic_native import leiden as communities
    except ImportError as error:
        raise InputError(
            "method='leiden' needs the package graspologic-native: pip install graspologic-native, or choose another "
            "method."
        ) from error
    _refuse_fewer_rows(x, "n_neighbors", n_neighbors + 1)
    edges = _shared_neighbors(x, n_neighbors)
    found = communities(
        edges,
        starting_communities=None,
        resolution=resolution,
        randomness=0.001,
        iterations=10,
        use_modularity=True,
        seed=seed,
        trials=1,
    )[1]
    return np.array([found[str(row)] for row in range(len(x))], dtype=np.intp)


METHODS = table_of(
    Method(
        "hdbscan",
        "Regions denser than their surroundings; rows between them are in no cluster.",
        hdbscan,
        "Campello, Moulavi and Sander, PAKDD (2013), https://doi.org/10.1007/978-3-642-37456-2_14",
        choices={"selection": ("eom", "leaf")},
    ),
    Method("kmeans", "The nearest of a given number of centers.", kmeans),
    Method(
        "agglomerative",
        "Branches of a tree in which the two closest clusters are joined again and again.",
        agglomerative,
        choices={"linkage": ("ward", "average", "complete")},
    ),
    Method(
        "leiden",
        "Communities of the graph of shared nearest neighbors.",
        leiden,
        "Traag et al., Sci. Rep. 9, 5233 (2019), https://doi.org/10.1038/s41598-019-41695-z",
        "the package graspologic-native",
    ),
)


def for_fewer_rows(options: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return the options for a `share` of the rows: a cluster has fewer rows there, and so have neighborhoods."""
    return {
        name: max(2, round(value * share)) if name in ROW_COUNTS and value is not None else value
        for name, value in options.items()
    }


def _shared_neighbors(x: Doubles, n_neighbors: int) -> list[tuple[str, str, float]]:
    """Return the links between rows: ends and the share of neighbors in common."""
    from sklearn.neighbors import NearestNeighbors

    graph = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(x).kneighbors_graph(x)  # a row is its own neighbor
    common = (graph @ graph.T).multiply((graph + graph.T).sign()).tocoo()
    weight = common.data / (2 * (n_neighbors + 1) - common.data)
    return [
        (str(a), str(b), float(w)) for a, b, w in zip(common.row, common.col, weight, strict=True) if a < b and w > 0
    ]


def _refuse_fewer_rows(x: Doubles, option: str, value: int, *, least: int = 1) -> None:
    """Refuse a number of rows or clusters that the rows (for k-means, those that differ) cannot give."""
    if value != int(value) or value < least or value > len(x):
        raise InputError(
            f"{option}={value!r}: give a whole number from {least} to the number of distinct rows, {len(x)}."
        )
