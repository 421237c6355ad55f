"""Additive effects of batches, told apart from those of treatments by least squares."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import means

NEGLIGIBLE = 1e-9  # of the largest eigenvalue; entries are shares of rows, so nothing real is that small
DIGITS = 6  # of coordinates that are 0 or a share of rows, rounding taken off


@dataclass(frozen=True)
class Additive:
    """Effects of the places that rows can have (a batch, or a batch and a plate in it).

    Attributes
    ----------
    shift : how far the rows of each place lie off, shape (n_places, n_features).
    linked : number of the set of each place; places of one set can be compared, others cannot.
    """

    shift: Doubles
    linked: Indices


def fit_additive(x: Floats, places: Indices, levels: Indices, treatment: Indices) -> Additive:
    """Return the effects of places in y = treatment + sum of the effects of levels + noise.

    Parameters
    ----------
    x : shape (n_rows, n_features), no missing value.
    places : place of each row; each place has rows.
    levels : shape (n_places, n_columns), the number of the level of each place in each column, numbered through over
        columns. A plate within a batch is two columns, a batch alone is one.
    treatment : treatment of each row.

    Notes
    -----
    Least squares with the treatments swept out of both sides first (Frisch and Waugh), so that a treatment seen in one
    place only says nothing about places. The rows of indicators of two places differ by a combination of the rows seen
    within treatments if and only if their difference is estimable; places that cannot be compared fall into different
    sets. In each set the effects have the mean 0 over the rows given.
    """
    indicators = np.zeros((len(levels), int(levels.max()) + 1))
    np.put_along_axis(indicators, levels, 1.0, axis=1)
    z = indicators[places]
    within = z - _group_means(z, treatment)
    eigenvalues, vectors = np.linalg.eigh(within.T @ within)
    seen = eigenvalues > NEGLIGIBLE * max(eigenvalues[-1], 1.0)
    basis = vectors[:, seen]
    effects = basis @ ((basis.T @ (within.T @ (x - means(x)))) / eigenvalues[seen][:, None])
    hidden = np.round(indicators - indicators @ basis @ basis.T, DIGITS) + 0.0
    linked = np.unique(hidden, axis=0, return_inverse=True)[1].ravel()
    shift = indicators @ effects
    return Additive(shift - _group_means(shift[places], linked[places], linked), linked)


def _group_means(values: Doubles, codes: Indices, of: Indices | None = None) -> Doubles:
    """Return for each row (or each entry of `of`) the mean of its group."""
    n = int(codes.max()) + 1
    sums = np.zeros((n, values.shape[1]))
    np.add.at(sums, codes, values)
    counts = np.maximum(np.bincount(codes, minlength=n), 1)
    return (sums / counts[:, None])[codes if of is None else of]
