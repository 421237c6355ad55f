"""The ways to tell kinds of cells: one function a method, a row of `METHODS` each.

Each takes cells to learn from (an equal number of each well), all cells, how many kinds there are, and a seed. It
returns the centers, shape (n, n_components), and how much each cell is of each kind, shape (n_cells, n).
"""

import numpy as np

from cellprofiling.core.methods import Method, table_of
from cellprofiling.core.seeds import seed_of_32_bits
from cellprofiling.kernels.arrays import Doubles

Kinds = tuple[Doubles, Doubles]


def kmeans(learn: Doubles, x: Doubles, n: int, seed: int, *, n_starts: int = 5) -> Kinds:
    """Return the nearest of n centers, the best of `n_starts` starts."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads differ in their last digits, and then the centers
        model = KMeans(n, n_init=int(n_starts), random_state=seed_of_32_bits(seed)).fit(learn)
        return model.cluster_centers_, np.eye(n)[model.predict(x)]


def gmm(learn: Doubles, x: Doubles, n: int, seed: int, *, n_starts: int = 1, ridge: float = 1e-3) -> Kinds:
    """Return the posterior of n normal distributions, each with variances of its own (Slack 2008)."""
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        model = GaussianMixture(
            n,
            covariance_type="diag",
            n_init=int(n_starts),
            reg_covar=ridge,
            max_iter=500,
            random_state=seed_of_32_bits(seed),
        ).fit(learn)
        return model.means_, model.predict_proba(x)


METHODS = table_of(
    Method("kmeans", "A cell is of the kind whose center is nearest.", kmeans),
    Method(
        "gmm",
        "A mixture of normal distributions, in which a cell may be of several kinds in part.",
        gmm,
        "Slack et al., PNAS 105, 19306 (2008), https://doi.org/10.1073/pnas.0807038105",
    ),
)
