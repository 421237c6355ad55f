"""The nearest neighbors of each row, exactly: a block of distances at a time from one matrix product."""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.scale import means

BLOCK = 4_000_000  # distances held at a time


class Neighbors(NamedTuple):
    """The neighbors of each row, the nearest first: row numbers and distances, shape (n_rows, k)."""

    rows: Indices
    distance: Doubles


def nearest(x: Floats, k: int) -> Neighbors:
    """Return the `k` nearest other rows of each row by Euclidean distance, or all others if there are fewer.

    Parameters
    ----------
    x : shape (n_rows, n_columns), without missing values.

    Notes
    -----
    Candidates are found by |a|^2 + |b|^2 - 2 a b on centered rows, which is off by some 1e-16 of the squared length of
    a row; the distances of those found are then summed up anew, so that near copies keep their order. Rows at the same
    distance come in the order of the table.
    """
    centered = np.ascontiguousarray(x - means(np.asarray(x, dtype=np.float64)))
    n, k = len(centered), min(k, len(centered) - 1)
    squares = np.einsum("ij,ij->i", centered, centered)
    index, distance = np.empty((n, max(k, 0)), dtype=np.intp), np.empty((n, max(k, 0)))
    if k < 1:
        return Neighbors(index, distance)
    for start in range(0, n, step := max(1, BLOCK // n)):
        stop = min(start + step, n)
        inner = centered[start:stop] @ centered.T
        _keep_nearest(inner, squares, start, centered, index[start:stop], distance[start:stop])
    return Neighbors(index, distance)


def most_alike(unit: Floats, apart: Indices) -> tuple[Indices, Indices]:
    """Return for each row the row most like it by cosine, among all others and among those of other groups.

    Parameters
    ----------
    unit : rows of length 1, shape (n_rows, n_columns); single precision is enough, and twice as fast.
    apart : number of the group of each row.

    Notes
    -----
    Of equally similar rows the first is taken; a row without any in another group gets -1.
    """
    n = len(unit)
    anywhere, elsewhere = np.full(n, -1), np.full(n, -1)
    for start in range(0, n, step := max(1, BLOCK // max(n, 1))):
        block = slice(start, min(start + step, n))
        _keep_most_alike(unit[block] @ unit.T, start, apart, anywhere[block], elsewhere[block])
    return anywhere, elsewhere


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _keep_nearest(inner: Doubles, squares: Doubles, start: int, x: Doubles, index: Indices, distance: Doubles) -> None:
    """Fill in the neighbors of a block of rows; a heap holds the nearest so far, the farthest of them on top."""
    k = index.shape[1]
    for q in range(len(inner)):
        i, n = start + q, 0
        heap, which = distance[q], index[q]
        for j in range(inner.shape[1]):
            if j == i:
                continue
            value = squares[j] - 2 * inner[q, j]
            if n < k:
                heap[n], which[n] = value, j
                n += 1
                if n == k:
                    for root in range(k // 2 - 1, -1, -1):
                        _sink(heap, which, root)
            elif value < heap[0]:
                heap[0], which[0] = value, j
                _sink(heap, which, 0)
        which.sort()
        for place in range(k):
            total = 0.0
            for column in range(x.shape[1]):
                total += (x[i, column] - x[which[place], column]) ** 2
            heap[place] = np.sqrt(total)
        order = np.argsort(heap, kind="mergesort")
        index[q], distance[q] = which[order], heap[order]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _sink(heap: Doubles, which: Indices, root: int) -> None:
    """Move the value at `root` down until none below it is larger."""
    while 2 * root + 1 < len(heap):
        child = 2 * root + 1
        if child + 1 < len(heap) and heap[child + 1] > heap[child]:
            child += 1
        if heap[root] >= heap[child]:
            return
        heap[root], heap[child] = heap[child], heap[root]
        which[root], which[child] = which[child], which[root]
        root = child


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _keep_most_alike(cosine: Floats, start: int, apart: Indices, anywhere: Indices, elsewhere: Indices) -> None:
    for q in range(len(cosine)):
        i = start + q
        best, best_apart = -np.inf, -np.inf
        for j in range(cosine.shape[1]):
            value = cosine[q, j]
            if j != i and value > best:
                best = value
                anywhere[q] = j
            if apart[j] != apart[i] and value > best_apart:
                best_apart = value
                elsewhere[q] = j
