"""Record what scib-metrics makes of a small table, in scib_metrics.npz beside this file.

Needs `pip install scib-metrics==0.5.10` in an environment of its own: python tests/parity/record_scib_metrics.py
"""

from pathlib import Path

import numpy as np
from scib_metrics import bras, ilisi_knn, kbet, lisi_knn, silhouette_batch
from scib_metrics.nearest_neighbors import NeighborsResults
from scib_metrics.utils import principal_component_regression
from sklearn.neighbors import NearestNeighbors


def neighbors(x: np.ndarray, k: int) -> NeighborsResults:
    """Return exact neighbors, each row the first of its own."""
    distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(x)
    return NeighborsResults(indices=index, distances=distance)


rng = np.random.default_rng(0)
n, d = 360, 12
batch, label = rng.integers(0, 3, n), rng.integers(0, 20, n)
x = rng.normal(size=(n, d)) + 2 * rng.normal(size=(20, d))[label] + 0.8 * rng.normal(size=(3, d))[batch]
with_self = neighbors(x, 91)
others = NeighborsResults(indices=with_self.indices[:, 1:41], distances=with_self.distances[:, 1:41])
np.savez_compressed(
    Path(__file__).with_name("scib_metrics.npz"),
    x=x,
    batch=batch,
    label=label,
    lisi=np.asarray(lisi_knn(with_self, batch, perplexity=30)),
    ilisi=ilisi_knn(neighbors(x, 90), batch),
    kbet=kbet(others, batch)[0],
    kbet_statistic=np.asarray(kbet(others, batch)[1]),
    pcr=principal_component_regression(x, batch, categorical=True),
    bras=bras(x, label, batch),
    silhouette_batch=silhouette_batch(x, label, batch),
)
