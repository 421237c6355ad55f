"""Average precision from similarities, ties counted against the query."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

TIE = 1e-12  # similarities closer than this are one value: a dot product is exact to some 1e-15


@nb.njit(cache=True, nogil=True)
def precision_of(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Return the average precision of one ranked list; NaN without positives or without negatives.

    Parameters
    ----------
    positive, negative : similarities of the query to its positives and to its negatives; both are sorted in place.

    Notes
    -----
    AP = 1/M sum_r r / (r + number of negatives at least as similar as the r-th positive): a negative that ties
    with a positive stands before it.
    """
    n_positive, n_negative = len(positive), len(negative)
    if n_positive == 0 or n_negative == 0:
        return np.nan
    positive.sort()
    negative.sort()
    total, ahead = 0.0, 0
    for rank in range(1, n_positive + 1):
        threshold = positive[n_positive - rank] - TIE
        while ahead < n_negative and negative[n_negative - 1 - ahead] >= threshold:
            ahead += 1
        total += rank / (rank + ahead)
    return total / n_positive


@nb.njit(cache=True, nogil=True)
def average_precisions(
    similarity: NDArray[np.float64], positive: NDArray[np.bool_], negative: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the average precision of each row of a block.

    Parameters
    ----------
    similarity : shape (n_queries, n_profiles).
    positive, negative : masks of the same shape; which profiles are in the list of each query, and as what.
    """
    result = np.empty(len(similarity))
    for i in range(len(similarity)):
        result[i] = precision_of(similarity[i][positive[i]], similarity[i][negative[i]])
    return result
