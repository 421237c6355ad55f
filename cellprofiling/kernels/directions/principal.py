"""The directions in which rows spread, the widest first."""

import numpy as np
from scipy.linalg import eigh

from cellprofiling.kernels.arrays import Doubles

ROWS_AT_ONCE = 64  # at least; four times the number of features if that is more


def principal_directions(z: Doubles, rounding: float = 0.0) -> tuple[Doubles, Doubles]:
    """Return singular values, and the directions they belong to as orthonormal columns, shape (n_features, rank).

    Parameters
    ----------
    z : centered rows, shape (n_rows, n_features).
    rounding : how far a value may be off; directions in which rows spread less are left out.

    Notes
    -----
    From the rows themselves, not from their products: squaring would lose half of the digits. Rows are taken some at a
    time, and with fewer rows than features nothing of size (n_features, n_features) is formed. A direction is turned so
    that its largest entry is positive.
    """
    _, singular, rows = np.linalg.svd(_triangle(z) if len(z) > z.shape[1] else z, full_matrices=False)
    noise = max(max(z.shape) * np.finfo(np.float64).eps * singular[0], rounding * np.sqrt(len(z)))
    rank = int((singular > noise).sum())
    directions = np.ascontiguousarray(rows[:rank].T)
    return singular[:rank], turned(directions)


def widest_directions(products: Doubles, most: int) -> tuple[Doubles, Doubles]:
    """Return the largest eigenvalues of a symmetric matrix of products, falling, and their directions as columns.

    Parameters
    ----------
    products : shape (n, n), such as z'z of rows z; half of their digits are lost, so a spread below 1e-8 is rounding.
    most : how many directions; fewer come out where n is smaller.

    Notes
    -----
    A direction is turned so that its largest entry is positive.
    """
    n = len(products)
    if not n:
        return np.empty(0), np.empty((0, 0))
    values, vectors = eigh(products, subset_by_index=(max(0, n - most), n - 1))
    return values[::-1], turned(vectors[:, ::-1])


def widest_of_rows(z: Doubles, most: int) -> tuple[Doubles, Doubles]:
    """Return the largest eigenvalues of z'z, falling, and their directions as columns.

    Parameters
    ----------
    z : shape (n_rows, n_features).
    most : how many directions; fewer come out where there are fewer rows or features, or no spread is left.

    Notes
    -----
    As `widest_directions` of z'z; with fewer rows than features, from zz', so that the cost rises with the number of
    features and not with its cube.
    """
    if len(z) >= z.shape[1]:
        return widest_directions(z.T @ z, most)
    values, vectors = widest_directions(z @ z.T, most)
    kept = values > max(z.shape) * np.finfo(np.float64).eps * values.max(initial=0)
    return values[kept], turned(z.T @ (vectors[:, kept] / np.sqrt(values[kept])))


def turned(directions: Doubles) -> Doubles:
    """Return directions (columns), each with the sign that makes its largest entry positive."""
    return directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])


def _triangle(z: Doubles) -> Doubles:
    """Return the R of the QR decomposition of `z`, which has the same singular values and directions."""
    step = max(4 * z.shape[1], ROWS_AT_ONCE)
    triangle = z[:0]
    for i in range(0, len(z), step):
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, z[i : i + step]]), mode="r"))
    return triangle
