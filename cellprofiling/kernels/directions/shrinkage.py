"""How far a covariance is drawn to a multiple of I, so that it errs least."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles


def ledoit_wolf_share(trace: float, squares: float, fourth: float, n: int, n_features: int) -> float:
    """Return the share of the target that makes the expected squared error smallest, between 0 and 1.

    Parameters
    ----------
    trace : of the covariance S = X'X / n of centered rows.
    squares : sum of the squared entries of S, which is that of its squared eigenvalues.
    fourth : sum over rows of the fourth power of their length.
    n, n_features : of X.

    References
    ----------
    Ledoit and Wolf (2004), J. Multivar. Anal. 88, 365, https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    mean = trace / n_features
    distance = squares - n_features * mean**2  # from S to the target
    error = fourth / n**2 - squares / n  # of S
    return float(min(max(error, 0.0), distance) / distance) if distance > 0 else 1.0


def shrunk_lengths(residuals: Doubles, changes: Doubles) -> Doubles:
    """Return the Mahalanobis length of each change by the covariance of residuals, shrunk after Ledoit and Wolf.

    Parameters
    ----------
    residuals : rows about their own mean, shape (n_rows, n_features).
    changes : shape (n_changes, n_features).

    Notes
    -----
    With S = residuals' residuals / n, the covariance is (1 - share) S + share m I, with m the mean variance. Its
    inverse is 1 / (share m) across the directions in which the rows spread, so the eigenvectors of the smaller of
    residuals residuals' and residuals' residuals are all it takes: nothing of size (n_features, n_features) is formed
    where rows are fewer. Where nothing is shrunk, directions without any spread have no part in the length.
    """
    n, n_features = residuals.shape
    if not n_features:
        return np.zeros(len(changes))
    wide = n < n_features
    values, vectors = np.linalg.eigh(residuals @ residuals.T if wide else residuals.T @ residuals)
    variance = np.maximum(values, 0) / n
    fourth = (np.einsum("ij,ij->i", residuals, residuals) ** 2).sum()
    share = ledoit_wolf_share(variance.sum(), (variance**2).sum(), fourth, n, n_features)
    target = share * variance.sum() / n_features
    rounding = np.finfo(np.float64).eps * max(n, n_features) * variance.max()
    kept = variance > rounding
    variance, vectors = variance[kept], vectors[:, kept]
    along = (changes @ residuals.T) @ (vectors / np.sqrt(n * variance)) if wide else changes @ vectors
    squares = (along**2 / ((1 - share) * variance + target)).sum(axis=1)
    if target > rounding:
        across = np.maximum((changes**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        squares += across / target
    return np.sqrt(squares)
