"""A label more frequent in a sample than chance makes it."""

import numpy as np
from scipy.stats import hypergeom

from cellprofiling.kernels.arrays import Doubles, Indices


def overrepresentation(n: Indices, n_sample: Indices, n_label: Indices, n_total: Indices) -> Doubles:
    """Return the probability that a random sample of `n_sample` of `n_total` holds `n` or more of the `n_label`.

    Fisher's exact test, one-sided: the upper tail of the hypergeometric distribution; 1 where n is 0.
    """
    return np.minimum(hypergeom.sf(n - 1, n_total, n_label, n_sample), 1.0)
