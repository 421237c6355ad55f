"""Average precision from similarities, ties counted against the query."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

FEW = 8  # positives for which counting beats sorting
TIE = 1e-12  # similarities closer than this are one value: a dot product is exact to some 1e-15


@nb.njit(cache=True, nogil=True, error_model="numpy")
def precision_of(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Return the average precision of one ranked list; NaN without positives or without negatives.

    Parameters
    ----------
    positive, negative : similarities of the query to its positives and to its negatives; may be sorted in place.

    Notes
    -----
    AP = 1/M sum_r r / (r + number of negatives at least as similar as the r-th positive): a negative that ties
    with a positive stands before it.
    """
    n_positive, n_negative = len(positive), len(negative)
    if n_positive == 0 or n_negative == 0:
        return np.nan
    if n_positive <= FEW:
        return _count_each(positive, negative)
    positive.sort()
    negative.sort()
    total, ahead = 0.0, 0
    for rank in range(1, n_positive + 1):
        threshold = positive[n_positive - rank] - TIE
        while ahead < n_negative and negative[n_negative - 1 - ahead] >= threshold:
            ahead += 1
        total += rank / (rank + ahead)
    return total / n_positive


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _count_each(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Return the average precision by counting: for a few positives faster than sorting the negatives."""
    _sort_few(positive)
    total = 0.0
    for rank in range(1, len(positive) + 1):
        threshold = positive[len(positive) - rank] - TIE
        ahead = 0
        for i in range(len(negative)):  # written so that the compiler compares several at a time
            ahead += 1 if negative[i] >= threshold else 0
        total += rank / (rank + ahead)
    return total / len(positive)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _sort_few(values: NDArray[np.float64]) -> None:
    """Sort a handful of values in place by insertion; a general sort takes longer to start than this to end."""
    for i in range(1, len(values)):
        value, place = values[i], i
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@nb.njit(cache=True, nogil=True, error_model="numpy")
def average_precisions(
    similarity: NDArray[np.float64], positive: NDArray[np.bool_], negative: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the average precision of each row of a block.

    Parameters
    ----------
    similarity : shape (n_queries, n_profiles).
    positive, negative : masks of the same shape; which profiles are in the list of each query, and as what.
    """
    n_columns = similarity.shape[1]
    result, found, others = np.empty(len(similarity)), np.empty(n_columns), np.empty(n_columns)
    for i in range(len(similarity)):
        n_found = n_others = 0
        for j in range(n_columns):
            if positive[i, j]:
                found[n_found] = similarity[i, j]
                n_found += 1
            if negative[i, j]:
                others[n_others] = similarity[i, j]
                n_others += 1
        result[i] = precision_of(found[:n_found], others[:n_others])
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def list_precisions(
    vectors: NDArray[np.float64],
    queries: NDArray[np.intp],
    same: NDArray[np.intp],
    members: NDArray[np.intp],
    starts: NDArray[np.intp],
    different: NDArray[np.intp],
    columns: NDArray[np.intp],
    similarity: NDArray[np.float64],
    negative: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.intp], int]:
    """Return average precision and number of positives of some profiles, and how many pairs are positive and negative.

    Positives are few and are looked up one by one; negatives are many and come as a block.

    Parameters
    ----------
    vectors : unit vectors of all profiles, shape (n_profiles, n_features).
    queries : the profiles asked for.
    same : number of the group that the positives of a profile come from, -1 for none; shape (n_profiles,).
    members, starts : the profiles of group g are `members[starts[g]:starts[g + 1]]`.
    different : numbers, shape (n_columns, n_profiles), that must differ between a profile and its positives, and be
        known (not -1) in both.
    columns : the profile of each column of the block; profiles that can be negatives.
    similarity, negative : shape (n_queries, n_columns); which of the columns are negatives.
    """
    place = np.full(len(vectors), -1)
    for column, profile in enumerate(columns):
        place[profile] = column
    precision = np.empty(len(queries))
    n_positives = np.zeros(len(queries), dtype=np.intp)
    n_both = 0
    for q, i in enumerate(queries):
        group = members[starts[same[i]] : starts[same[i] + 1]] if same[i] >= 0 else members[:0]
        positive = np.empty(len(group))
        n = 0
        for j in group:
            if j != i and _all_differ(different[:, i], different[:, j]):
                positive[n] = np.dot(vectors[i], vectors[j])
                n += 1
                n_both += place[j] >= 0 and negative[q, place[j]]
        n_positives[q] = n
        precision[q] = precision_of(positive[:n], similarity[q][negative[q]])
    return precision, n_positives, n_both


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _all_differ(a: NDArray[np.intp], b: NDArray[np.intp]) -> bool:
    return bool(np.all((a != b) & (a >= 0) & (b >= 0)))
