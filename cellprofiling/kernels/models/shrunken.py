"""Slopes of many columns on the same few terms, each as large as the evidence in all of them allows."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.models.least_squares import NOISE, block, centered, patterns

RIDGES = np.array([0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, np.inf])  # in rows; the last says that nothing depends on it
SWEEPS = 30  # of the EM algorithm


def shrunken_slopes(terms: Doubles, x: Floats, *, codes: Indices | None = None) -> Doubles:
    """Return the slope of each column of `x` on each column of `terms`: shape (n_terms, n_features).

    Parameters
    ----------
    terms : shape (n_rows, n_terms), complete.
    x : shape (n_rows, n_features); a missing value leaves its row out for its feature.
    codes : group number of each row; each group has its own intercept. None for one intercept.

    Notes
    -----
    An average of ridge regressions of different strengths, `RIDGES`. The weight of strength k for feature j is
    proportional to pi_k L_jk: L_jk is the restricted likelihood of a model in which the slopes are drawn from a normal
    distribution with variance sigma^2 / ridge_k, and pi_k, the share of features of that strength, is estimated from
    all features by the EM algorithm (empirical Bayes with a mixture prior, as in Stephens 2017). Features without any
    effect of the terms are left alone, even with few rows; strong effects are hardly shrunk. The order of rows and
    columns does not matter, but features help each other: a feature by itself is shrunk differently.

    References
    ----------
    Stephens, M. (2017). False discovery rates: a new deal. Biostatistics 18, 275,
    https://doi.org/10.1093/biostatistics/kxw041
    """
    codes = np.zeros(len(terms), dtype=np.intp) if codes is None else codes
    evidence = np.zeros((len(RIDGES), x.shape[1]))
    candidates = np.zeros((len(RIDGES), terms.shape[1], x.shape[1]))
    for rows, columns in patterns(x):
        if rows.sum() > 1:
            found = _candidates(terms[rows], block(x, rows, columns), codes[rows])
            evidence[:, columns], candidates[:, :, columns] = found
    return np.einsum("kj,ktj->tj", _weights(evidence), candidates)


def _candidates(terms: Doubles, x: Doubles, codes: Indices) -> tuple[Doubles, Doubles]:
    """Return the log likelihood, shape (n_ridges, n_features), and the slopes of each ridge regression."""
    within, values = centered(terms, codes), centered(x, codes)
    spread = np.sqrt((within**2).mean(axis=0))
    unit = np.where(spread > NOISE * np.abs(terms).max(axis=0), spread, np.inf)
    u, s, vt = np.linalg.svd(within / unit, full_matrices=False)
    s = np.where(s > NOISE * s.max(initial=0.0), s, 0.0)
    along = u.T @ values
    freedom = max(len(x) - len(np.unique(codes)), 1)
    inflation = 1 + s**2 / RIDGES[:, None]  # of the variance along each direction
    left = (values**2).sum(axis=0) - (along**2).sum(axis=0)
    variance = ((along**2 / inflation[:, :, None]).sum(axis=1) + np.maximum(left, 0)) / freedom
    known = variance.min(axis=0) > 0  # else the feature is constant, or follows from the terms
    likelihood = -0.5 * (np.log(inflation).sum(axis=1)[:, None] + freedom * np.log(np.where(known, variance, 1.0)))
    slopes = np.einsum("dt,kd,dj->ktj", vt, s / (s**2 + RIDGES[:, None]), along) / unit[:, None]
    return likelihood, slopes


def _weights(evidence: Doubles) -> Doubles:
    """Return the weight of each ridge for each feature, which add up to 1."""
    likelihood = np.exp(evidence - evidence.max(axis=0))
    share = np.full(len(evidence), 1 / len(evidence))
    for _ in range(SWEEPS):
        weights = likelihood * share[:, None]
        weights /= weights.sum(axis=0)
        share = weights.mean(axis=1)
    return weights
