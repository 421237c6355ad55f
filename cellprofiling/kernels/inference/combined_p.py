"""One p-value of several that may depend on each other."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles

MOST = 0.99  # a p-value of 1, which a permutation test gives, would outweigh any number of small ones


def bonferroni(p: Doubles) -> Doubles:
    """Return the smallest of the p-values in each column times their number, 1 at most.

    Parameters
    ----------
    p : shape (n_tests, n_columns). A missing value stays missing.
    """
    return np.minimum(1.0, len(p) * p.min(axis=0))


def cauchy(p: Doubles) -> Doubles:
    """Return the Cauchy combination of the p-values in each column.

    Parameters
    ----------
    p : shape (n_tests, n_columns). A missing value stays missing.

    Notes
    -----
    With T the mean of tan((1/2 - p) pi), the result is 1/2 - arctan(T) / pi (Liu and Xie 2020,
    doi 10.1080/01621459.2018.1554485). For small p it is right whatever the dependence. p-values above 0.99 count as
    0.99.
    """
    mean = np.tan((0.5 - np.minimum(p, MOST)) * np.pi).mean(axis=0)
    # 1/2 - arctan(T) / pi without cancellation where T is large
    return np.where(mean > 0, np.arctan(1 / np.where(mean > 0, mean, 1.0)), np.pi / 2 - np.arctan(mean)) / np.pi
