"""What the neighbors of a row are called, when not every row may be its neighbor."""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.retrieval.average_precision import TIE

BLOCK = 4_000_000  # similarities held at a time


class Found(NamedTuple):
    """The neighbors of each row, shape (n_rows,).

    Attributes
    ----------
    nearest : the most similar row it may be compared with, -1 if there is none.
    similarity : how similar; NaN if there is none.
    rank : place of the first neighbor with the label of the row, from 1; 0 if there is none.
    n_candidates, n_right : rows it may be compared with, and those of them with its label.
    """

    nearest: Indices
    similarity: Doubles
    rank: Indices
    n_candidates: Indices
    n_right: Indices


def find_labels(unit: Doubles, label: Indices, apart: list[Mask]) -> Found:
    """Return the neighbors of each row among labelled rows that share nothing they must not share.

    Parameters
    ----------
    unit : unit vectors, shape (n_rows, n_features); a row of zeros has no direction and is nobody's neighbor.
    label : number of the label of each row, -1 where unknown: such a row looks for neighbors and is none.
    apart : memberships, shape (n_rows, n_values) each: rows with a value in common are not compared.

    Notes
    -----
    Ties count against: of equally similar neighbors one with another label is the nearest, and of those the first.
    """
    n = len(unit)
    nearest, rank, n_candidates, n_right = (np.zeros(n, dtype=np.intp) for _ in range(4))
    found = Found(nearest, np.zeros(n), rank, n_candidates, n_right)
    alive = np.any(unit != 0, axis=1)
    for start in range(0, n, step := max(1, BLOCK // max(n, 1))):
        rows = np.arange(start, min(start + step, n))
        allowed = candidates(rows, apart, alive & (label >= 0))
        allowed[~alive[rows]] = False
        part = Found(*(values[rows[0] : rows[-1] + 1] for values in found))  # type: ignore[arg-type]
        _find(unit[rows] @ unit.T, allowed, label[rows], label, *part)
    return found


def candidates(rows: Indices, apart: list[Mask], usable: Mask) -> Mask:
    """Return which usable rows each of `rows` may be compared with; nobody is compared with itself."""
    allowed = np.tile(usable, (len(rows), 1))
    allowed[np.arange(len(rows)), rows] = False
    for membership in apart:
        if (membership.sum(axis=1) == 1).all():  # one value each: comparing numbers is much faster than a product
            value = membership.argmax(axis=1)
            allowed &= value[rows, None] != value
        else:
            allowed &= membership[rows].astype(np.float32) @ membership.T.astype(np.float32) == 0
    return allowed


def reachable_units(rows: Indices, apart: list[Mask], usable: Mask, unit_of: Indices) -> Mask:
    """Return the units among the rows that each of `rows` may be compared with, shape (n_rows, n_units).

    Parameters
    ----------
    unit_of : number of the unit of each row; each number occurs.
    """
    order = np.argsort(unit_of, kind="stable")
    starts = np.searchsorted(unit_of[order], np.arange(int(unit_of.max()) + 1))
    result = np.empty((len(rows), len(starts)), dtype=bool)
    for start in range(0, len(rows), step := max(1, BLOCK // len(usable))):
        block = candidates(rows[start : start + step], apart, usable)
        result[start : start + step] = np.logical_or.reduceat(block[:, order], starts, axis=1)
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _find(
    similarity: Doubles,
    allowed: Mask,
    own: Indices,
    label: Indices,
    nearest: Indices,
    best: Doubles,
    rank: Indices,
    n_candidates: Indices,
    n_right: Indices,
) -> None:
    for q in range(len(similarity)):
        top, top_right = -np.inf, -np.inf
        for j in range(similarity.shape[1]):
            if allowed[q, j]:
                n_candidates[q] += 1
                top = max(top, similarity[q, j])
                if label[j] == own[q]:
                    n_right[q] += 1
                    top_right = max(top_right, similarity[q, j])
        nearest[q], best[q] = -1, top if n_candidates[q] else np.nan
        ahead = 0
        for j in range(similarity.shape[1]):
            if not allowed[q, j]:
                continue
            wrong = label[j] != own[q]
            if wrong and similarity[q, j] >= top_right - TIE:
                ahead += 1
            if similarity[q, j] >= top - TIE and (nearest[q] < 0 or (wrong and label[nearest[q]] == own[q])):
                nearest[q] = j
        rank[q] = ahead + 1 if n_right[q] else 0


@nb.njit(cache=True, nogil=True, error_model="numpy")
def permuted_accuracies(labels: Indices, unit_of: Indices, neighbor_unit: Indices, reachable: Mask) -> Doubles:
    """Return the share of right answers under each permutation of the labels of units.

    Parameters
    ----------
    labels : label of each unit, shape (n_draws, n_units).
    unit_of, neighbor_unit : unit of each query and of its nearest neighbor.
    reachable : units among the candidates of each query, shape (n_queries, n_units).

    Notes
    -----
    A query counts only if one of its candidates has its label, under each permutation anew; without any that does the
    share is 0.
    """
    result = np.zeros(len(labels))
    for draw in range(len(labels)):
        right = answerable = 0
        for q in range(len(unit_of)):
            own = labels[draw, unit_of[q]]
            if labels[draw, neighbor_unit[q]] == own:
                right += 1
                answerable += 1
                continue
            for unit in range(reachable.shape[1]):
                if reachable[q, unit] and labels[draw, unit] == own:
                    answerable += 1
                    break
        result[draw] = right / max(answerable, 1)
    return result


def clustered_interval(right: Mask, cluster: Indices, level: float) -> tuple[float, float]:
    """Return the confidence interval of a share whose rows come in clusters.

    Notes
    -----
    The variance of the share p is that of the sums of clusters, C / (C - 1) sum_c (sum_c (right - p))^2 / n^2. The
    interval is Clopper and Pearson's at the number of independent rows with that variance, p (1 - p) / variance, from
    the number of clusters (which holds where p is 0 or 1) to the number of rows.

    References
    ----------
    Korn and Graubard, Survey Methodology 24, 193 (1998); Clopper and Pearson, Biometrika 26, 404 (1934),
    https://doi.org/10.1093/biomet/26.4.404
    """
    from scipy.special import betaincinv

    n, p = len(right), right.mean()
    sums = np.bincount(np.unique(cluster, return_inverse=True)[1].ravel(), weights=right - p)
    variance = len(sums) / max(len(sums) - 1, 1) * (sums**2).sum() / n**2
    effective = p * (1 - p) / variance if variance > 0 else 0.0
    effective = min(max(effective, len(sums)), n)
    hits, tail = p * effective, (1 - level) / 2
    low = betaincinv(hits, effective - hits + 1, tail) if hits > 0 else 0.0
    high = betaincinv(hits + 1, effective - hits, 1 - tail) if hits < effective else 1.0
    return float(low), float(high)
