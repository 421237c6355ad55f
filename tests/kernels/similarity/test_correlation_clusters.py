"""Features without names are grouped by what goes together."""

import numpy as np

from cellprofiling.kernels.similarity.correlation_clusters import correlation_clusters
from tests.builders import read_only


def test_blocks_are_found_whatever_the_sign() -> None:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(200, 3))
    signs = np.array([1, -1, 1, 1, 1, -1, 1, 1, -1])
    x = factors[:, [0, 1, 2, 0, 1, 2, 0, 1, 2]] * signs + 0.3 * rng.normal(size=(200, 9))
    x = read_only(x)
    codes, middle = correlation_clusters(x, 3)
    assert codes.tolist() == [0, 1, 2] * 3
    assert codes[middle].tolist() == [0, 1, 2]


def test_one_feature_and_flat_features() -> None:
    assert correlation_clusters(np.ones((5, 1)), 3)[0].tolist() == [0]
    x = np.column_stack([np.arange(5.0), np.arange(5.0), np.full(5, 2.0)])
    assert correlation_clusters(x, 2)[0].tolist() == [0, 0, 1]
