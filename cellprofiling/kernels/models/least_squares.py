"""Many columns fitted to the same few terms in one solve, missing values allowed."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import means

NOISE = 1e-10  # a spread, or a singular value, that is smaller in proportion is rounding error


def slopes(terms: Doubles, x: Floats, *, ridge: float = 0.0, codes: Indices | None = None) -> Doubles:
    """Return the slope of each column of `x` on each column of `terms`, with intercept: shape (n_terms, n_features).

    Parameters
    ----------
    terms : shape (n_rows, n_terms), complete.
    x : shape (n_rows, n_features); a missing value leaves its row out for its feature.
    ridge : strength of the penalty, in rows: as if so many rows, on which all terms vary as on the others, said that
        nothing depends on anything. 0 is least squares.
    codes : group number of each row; each group has its own intercept. None for one intercept.

    Notes
    -----
    Terms and values are centered, terms divided by their standard deviation; with Z the terms so prepared and
    U S V' their singular value decomposition, the slopes are V S / (S^2 + ridge) U' x. A term that does not vary, or
    that follows from others, gets what the shortest solution gives it. Features that miss the same rows are solved
    together. A column with fewer than two values has slope 0.
    """
    codes = np.zeros(len(terms), dtype=np.intp) if codes is None else codes
    result = np.zeros((terms.shape[1], x.shape[1]))
    for rows, columns in patterns(x):
        if rows.sum() > 1:
            result[:, columns] = _solved(terms[rows], block(x, rows, columns), ridge, codes[rows])
    return result


def patterns(x: Floats) -> Iterator[tuple[Mask, Indices]]:
    """Give the rows that have a value, and the columns that have a value in just these rows."""
    present = ~np.isnan(x)
    if present.all():
        yield np.ones(len(x), dtype=bool), np.arange(x.shape[1])
        return
    packed = np.ascontiguousarray(np.packbits(present, axis=0).T)
    kinds = np.unique(packed, axis=0, return_inverse=True)[1].ravel()
    for kind in range(kinds.max() + 1):
        columns = np.flatnonzero(kinds == kind)
        yield present[:, columns[0]], columns


def block(x: Floats, rows: Mask, columns: Indices) -> Doubles:
    """Return some rows and columns of `x` in float64, `x` itself where it is all of them."""
    if len(columns) == x.shape[1] and rows.all():
        return np.asarray(x, dtype=np.float64)
    return np.asarray(x[np.ix_(rows, columns)], dtype=np.float64)


def centered(x: Doubles, codes: Indices) -> Doubles:
    """Return complete values less the mean of their group."""
    result = np.empty_like(x)
    for code in np.unique(codes):
        result[codes == code] = x[codes == code] - means(x[codes == code])
    return result


def _solved(terms: Doubles, x: Doubles, ridge: float, codes: Indices) -> Doubles:
    within = centered(terms, codes)
    spread = np.sqrt((within**2).mean(axis=0))
    unit = np.where(spread > NOISE * np.abs(terms).max(axis=0), spread, np.inf)
    u, s, vt = np.linalg.svd(within / unit, full_matrices=False)
    gain = np.divide(s, s**2 + ridge, out=np.zeros_like(s), where=s > NOISE * s.max(initial=0.0))
    return (vt.T * gain) @ (u.T @ centered(x, codes)) / unit[:, None]
