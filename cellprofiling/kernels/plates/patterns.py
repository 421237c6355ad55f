"""How alike the patterns of plates are: grids of values compared well by well, as they are or moved."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.plates.polish import median_polish

FEWEST_IN_LINE = 4  # wells of a row or column whose median may be taken out: a lone well would be its own median


def turned(grids: Doubles, rows: bool, columns: bool) -> Doubles:
    """Return plates with the order of rows reversed, or of columns, or of both (a turn by 180 degrees).

    Parameters
    ----------
    grids : shape (..., n_rows, n_columns).
    """
    return grids[..., :: -1 if rows else 1, :: -1 if columns else 1]


def shifted(grids: Doubles, rows: int, columns: int) -> Doubles:
    """Return plates moved by some rows and columns; wells that nothing moves to are NaN."""
    n_rows, n_columns = grids.shape[-2:]
    moved = np.full_like(grids, np.nan)
    moved[..., max(rows, 0) : n_rows + min(rows, 0), max(columns, 0) : n_columns + min(columns, 0)] = grids[
        ..., max(-rows, 0) : n_rows + min(-rows, 0), max(-columns, 0) : n_columns + min(-columns, 0)
    ]
    return moved


def polished(grids: Doubles) -> Doubles:
    """Return the residuals of each plate from its row and column effects, so that gradients and edges count less.

    Parameters
    ----------
    grids : shape (n_plates, n_rows, n_columns); wells without a value are NaN.

    Notes
    -----
    Median polish (Tukey 1977). Where wells are so few that rows or columns would be fitted away, only the median of the
    plate is taken out.
    """
    residuals = np.array(grids, dtype=np.float64)
    known = ~np.isnan(residuals)
    for plate, there in zip(residuals, known, strict=True):
        if not there.any():
            continue
        per_row, per_column = there.sum(axis=1), there.sum(axis=0)
        if min(np.median(per_row[per_row > 0]), np.median(per_column[per_column > 0])) < FEWEST_IN_LINE:
            plate -= np.nanmedian(plate)
            continue
        fit = median_polish(plate[:, :, None])
        plate -= fit.overall[0] + fit.row[:, 0][:, None] + fit.column[:, 0]
    return residuals


def shared_correlations(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """Return the Pearson correlation of each pattern of `a` with each of `b`, and the wells each pair shares.

    Parameters
    ----------
    a, b : shapes (n_a, n_wells) and (n_b, n_wells); a well counts where both have a value. Fewer than three shared
        wells, or a pattern without spread on them, give NaN.
    """
    here, there = ~np.isnan(a), ~np.isnan(b)
    n = here.astype(np.float64) @ there.T.astype(np.float64)
    # Centered first: sums of squares of large values would lose the digits that matter
    x = np.where(here, a - _means(a), 0.0)
    y = np.where(there, b - _means(b), 0.0)
    x_sum, y_sum = x @ there.T, here @ y.T
    with np.errstate(divide="ignore", invalid="ignore"):
        x_spread = (x**2) @ there.T - x_sum**2 / n
        y_spread = here @ (y**2).T - y_sum**2 / n
        spread = np.sqrt(np.maximum(x_spread, 0) * np.maximum(y_spread, 0))
        size = np.sqrt((x**2).sum(axis=1)[:, None] * (y**2).sum(axis=1))
        r = (x @ y.T - x_sum * y_sum / n) / spread
    return np.where((n >= 3) & (spread > 1e-12 * size), np.clip(r, -1, 1), np.nan), n


def _means(values: Doubles) -> Doubles:
    """Return the mean of each row, 0 where it has no value."""
    known = ~np.isnan(values)
    n = known.sum(axis=1, keepdims=True)
    return np.divide(np.where(known, values, 0.0).sum(axis=1, keepdims=True), n, out=np.zeros((len(n), 1)), where=n > 0)
