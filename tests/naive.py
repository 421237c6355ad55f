"""Slow and obvious: what a kernel must equal, written out with loops; none of it calls the package."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rounding(x: ArrayLike) -> float:
    """Return what rounding may cost a result that rests on the singular values of the centered rows of `x`.

    Singular values are exact to a few eps of the largest of them (Golub and Van Loan, 8.6), so the smallest is to eps
    times the condition number; twice that for its square, and one eps for each of the features that are summed.
    """
    x = np.asarray(x, dtype=float)
    return float(2 * x.shape[1] * np.finfo(float).eps * np.linalg.cond(x - x.mean(axis=0)))


def quantile(values: Iterable[float], q: float) -> float:
    """Sort what is not missing and go a share `q` of the way, linearly between two neighbors; NaN of nothing."""
    ranked = sorted(float(value) for value in values if not np.isnan(value))
    if not ranked:
        return np.nan
    position = q * (len(ranked) - 1)
    low = int(np.floor(position))
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (position - low)


def mad(values: Sequence[float]) -> float:
    """Return the median distance from the median, not scaled to a standard deviation."""
    middle = quantile(values, 0.5)
    return quantile([abs(value - middle) for value in values], 0.5)


def average_precision(positive: Iterable[float], negative: Iterable[float]) -> float:
    """Rank everything, negatives first among ties, and average the precision at each positive; NaN without both."""
    ranked = sorted([(-similarity, 1) for similarity in positive] + [(-similarity, 0) for similarity in negative])
    labels = [label for _, label in ranked]
    precision = [sum(labels[: k + 1]) / (k + 1) for k, label in enumerate(labels) if label]
    return float(np.mean(precision)) if precision and 0 in labels else np.nan


def median_polish(
    grid: NDArray, iterations: int = 10, tolerance: float = 0.01
) -> tuple[float, list[float], list[float]]:
    """Write out R's medpolish for one grid, missing values skipped: the overall, row and column effects."""
    rest = [list(line) for line in grid]
    n_rows, n_columns = len(rest), len(rest[0])
    overall, row, column, size = 0.0, [0.0] * n_rows, [0.0] * n_columns, 0.0

    def middle(values: Iterable[float]) -> float:
        median = quantile(values, 0.5)
        return 0.0 if np.isnan(median) else median

    for _ in range(iterations):
        for i in range(n_rows):
            delta = middle(rest[i])
            rest[i] = [value - delta for value in rest[i]]
            row[i] += delta
        delta = middle(column)
        column, overall = [effect - delta for effect in column], overall + delta
        for j in range(n_columns):
            delta = middle([line[j] for line in rest])
            for line in rest:
                line[j] -= delta
            column[j] += delta
        delta = middle(row)
        row, overall = [effect - delta for effect in row], overall + delta
        left = sum(abs(value) for line in rest for value in line if not np.isnan(value))
        if left == 0 or abs(left - size) < tolerance * left:
            break
        size = left
    return overall, row, column
