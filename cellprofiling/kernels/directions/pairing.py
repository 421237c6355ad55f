"""How far two tables of the same rows agree: as clouds of points, and row by row."""

from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.pls import pls_canonical

TINY = float(np.finfo(np.float64).tiny)


class Shared(NamedTuple):
    """How rows that a shared space was not fitted on find their partners in it, for each of several pairings.

    Attributes
    ----------
    correlation : of the two scores of each component, shape (n_pairings, n_components).
    rank : of the partner among all rows of the other table, from 1, ties against it, shape (n_pairings, n_rows).
    """

    correlation: Doubles
    rank: Doubles


def rv_coefficients(x: Doubles, y: Doubles, pairings: Indices) -> Doubles:
    """Return the RV coefficient of x and of y in each order of rows.

    Parameters
    ----------
    x, y : centered, shapes (n_rows, n_x) and (n_rows, n_y).
    pairings : shape (n_pairings, n_rows), the row of y that stands beside each row of x.

    Notes
    -----
    The correlation of the inner products among rows of x with those among rows of y, tr(XX' YY') / sqrt(tr(XX')^2
    tr(YY')^2): 1 if the clouds are the same up to rotation and scale. It is above 0 for unrelated tables, the more so
    the fewer the rows: judge it by other pairings.

    References
    ----------
    Robert and Escoufier, Appl. Stat. 25, 257 (1976), https://doi.org/10.2307/2347233
    """
    first, second = x @ x.T, y @ y.T
    length = max(float(np.linalg.norm(first) * np.linalg.norm(second)), TINY)
    return np.array([np.vdot(first, second[np.ix_(order, order)]) / length for order in pairings])


def procrustes_misfits(x: Doubles, y: Doubles, pairings: Indices) -> Doubles:
    """Return Procrustes m^2 of x and of y in each order of rows: the share that no rotation and scale brings to match.

    Notes
    -----
    1 - (sum of singular values of x'y)^2 / (|x|^2 |y|^2), 0 for the same cloud of points.

    References
    ----------
    Gower, Psychometrika 40, 33 (1975), https://doi.org/10.1007/BF02291478; as a test Jackson, Ecoscience 2, 297 (1995),
    https://doi.org/10.1080/11956860.1995.11682297
    """
    length = max(float((x**2).sum() * (y**2).sum()), TINY)
    singular = np.array([np.linalg.svd(x.T @ y[order], compute_uv=False).sum() for order in pairings])
    return 1 - singular**2 / length


def cross_fitted(x: Doubles, y: Doubles, fold: Indices, pairings: Indices, *, n_components: int) -> Shared:
    """Return how rows find their partners in a space that was fitted on the rows of other folds, for each pairing.

    Parameters
    ----------
    x, y : shapes (n_rows, n_x) and (n_rows, n_y).
    fold : number of the fold of each row of x; a partner goes with it.
    pairings : as in `rv_coefficients`; the space is fitted anew for each.

    Notes
    -----
    Scores are divided by their spread among the rows that the space was fitted on. The correlation is about the mean of
    those rows; a row ranks all rows of the other table by cosine.
    """
    n_pairings, n = pairings.shape
    products, squares = np.zeros((n_pairings, n_components)), np.zeros((2, n_pairings, n_components))
    rank = np.empty((n_pairings, n))
    partners = y[pairings]
    for number in range(int(fold.max()) + 1):
        inside = fold == number
        middle_x, middle_y = x[~inside].mean(axis=0), partners[:, ~inside].mean(axis=1, keepdims=True)
        away_x, away_y = x - middle_x, partners - middle_y
        fitted = np.broadcast_to(away_x[~inside], (n_pairings, *away_x[~inside].shape))
        axes = pls_canonical(fitted, away_y[:, ~inside], n_components)
        first, second = away_x @ axes.x_rotation, away_y @ axes.y_rotation
        first, second = (scores / _spread(scores[:, ~inside]) for scores in (first, second))
        own, others = first[:, inside], second[:, inside]
        products += (own * others).sum(axis=1)
        squares += [(own**2).sum(axis=1), (others**2).sum(axis=1)]
        rank[:, inside] = _ranks(own, second, np.flatnonzero(inside))
    return Shared(products / np.maximum(np.sqrt(squares[0] * squares[1]), TINY), rank)


def _spread(scores: Doubles) -> Doubles:
    spread = np.sqrt((scores**2).mean(axis=1, keepdims=True))
    return np.where(spread > 0, spread, 1.0)


def _ranks(own: Doubles, all_rows: Doubles, place: Indices) -> Doubles:
    """Return the rank of the partner of each row by cosine, for each pairing."""
    ranks = np.empty(own.shape[:2])
    for k, (left, right) in enumerate(zip(own, all_rows, strict=True)):
        right = right / np.maximum(np.linalg.norm(right, axis=1, keepdims=True), TINY)
        alike = left @ right.T
        partner = alike[np.arange(len(place)), place]
        tolerance = 1e-9 * np.linalg.norm(left, axis=1)
        ranks[k] = (alike >= (partner - tolerance)[:, None]).sum(axis=1)
    return ranks
