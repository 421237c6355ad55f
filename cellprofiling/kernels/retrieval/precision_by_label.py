"""Average precision of many wells that all look for their like in one set of others."""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.retrieval.average_precision import TIE


def listed_precisions(unit: Doubles, queries: Indices, others: Indices, label: Indices, apart: Indices) -> Doubles:
    """Return the average precision with which each query finds rows of its label that lie apart from it.

    Parameters
    ----------
    unit : rows of length 1 (or 0), shape (n_rows, n_features).
    queries : rows that look; all of them among the same others.
    others : rows that can be negatives; those with the label of the query are not.
    label : number of the label of each row; -1 for none, which nobody looks for but which may be a negative.
    apart : number, for each row, that must differ between a query and its positives.

    Notes
    -----
    AP = 1/M sum_r r / (r + number of negatives at least as similar as the r-th positive), as in `precision_of`. NaN
    without positives or negatives. A row of length zero has cosine 0 with everything.
    """
    order = np.argsort(label, kind="stable")
    members = order[np.count_nonzero(label < 0) :]
    starts = np.searchsorted(label[members], np.arange(int(label.max(initial=-1)) + 2))
    similarity = unit[queries] @ unit[others].T
    return _precisions(unit, queries, label[others], label, apart, members, starts, similarity)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _precisions(
    unit: Doubles,
    queries: Indices,
    among: Indices,
    label: Indices,
    apart: Indices,
    members: Indices,
    starts: Indices,
    similarity: Doubles,
) -> Doubles:
    result = np.full(len(queries), np.nan)
    for q in range(len(queries)):
        i = queries[q]
        if label[i] < 0:
            continue
        group = members[starts[label[i]] : starts[label[i] + 1]]
        positive, n = np.empty(len(group)), 0
        for j in group:
            if apart[j] != apart[i]:
                positive[n] = np.dot(unit[i], unit[j])
                n += 1
        if n > 0:
            result[q] = _precision(np.sort(positive[:n]), similarity[q], among, label[i])
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _precision(positive: Doubles, similarity: Doubles, among: Indices, own: int) -> float:
    """Return the average precision from sorted positives; a negative is counted at the positives it stands before.

    Parameters
    ----------
    among : label of each row that can be a negative; those with the label `own` are not.
    """
    n, negatives = len(positive), 0
    before = np.zeros(n + 1, dtype=np.intp)  # negatives that stand before exactly so many positives, from below
    lowest = positive[0] - TIE
    for c in range(len(similarity)):
        value = similarity[c]
        if among[c] == own:
            continue
        negatives += 1
        if value >= lowest:
            low, high = 1, n
            while low < high:
                middle = (low + high + 1) // 2
                if value >= positive[middle - 1] - TIE:
                    low = middle
                else:
                    high = middle - 1
            before[low] += 1
    total, ahead = 0.0, 0
    for rank in range(1, n + 1):
        ahead += before[n - rank + 1]
        total += rank / (rank + ahead)
    return total / n if negatives > 0 else np.nan


def reciprocal_ranks(unit: Doubles, label: Indices, block: Indices) -> tuple[Doubles, Indices]:
    """Return how well rows of one block find their like in another: sums and numbers, shape (n_blocks, n_blocks).

    Parameters
    ----------
    label : number of the label of each row, shared by those that are alike.
    block : number of the block of each row.

    Notes
    -----
    A row of block a looks for one row of its label in block b among the rows of other labels in a; the value is
    1 / (1 + number of these at least as similar). Whatever the number of like rows, chance gives the same.
    """
    n = int(block.max()) + 1
    sums, counts = np.zeros((n, n)), np.zeros((n, n), dtype=np.intp)
    members = {code: np.flatnonzero(label == code) for code in np.unique(label)}
    for code in range(n):
        inside = np.flatnonzero(block == code)
        similarity = unit[inside] @ unit[inside].T
        for row, i in enumerate(inside):
            like = members[label[i]]
            like = like[block[like] != code]
            others = np.sort(similarity[row, label[inside] != label[i]])
            ahead = len(others) - np.searchsorted(others, unit[like] @ unit[i] - TIE)
            np.add.at(sums[code], block[like], 1 / (1 + ahead))
            np.add.at(counts[code], block[like], 1)
    return sums, counts
