"""How much wells resemble each other because of where they lie, and what chance would give.

Wells carry one number for their position. Permuting positions inside plates leaves profiles, plates and layout as they
are, and breaks what ties one to the other.
"""

from collections.abc import Callable, Iterator
from itertools import permutations, product
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Indices

ABSENT = -1
TIE = 1e-9  # statistics are means of fractions: equal ones may differ by rounding


def ranks_elsewhere(unit: Doubles, plate: Indices) -> NDArray[np.float32]:
    """Return the rank of each well (column) for each query (row) by cosine, among the wells of other plates.

    Parameters
    ----------
    unit : profiles of length 1, shape (n_wells, n_features).
    plate : number of the plate of each well.

    Notes
    -----
    The most similar well has rank 1; ties all get the last of their ranks, so that they count against the query. Wells
    of the query's own plate have an infinite rank.
    """
    ranks = np.full((len(unit), len(unit)), np.inf, dtype=np.float32)
    for code in np.unique(plate):
        own, others = np.flatnonzero(plate == code), np.flatnonzero(plate != code)
        distance = -(unit[own] @ unit[others].T)
        for query, values in zip(own, distance, strict=True):
            ranks[query, others] = np.searchsorted(np.sort(values), values, side="right")
    return ranks


def members_by_position(position: Indices, plate: Indices) -> Indices:
    """Return the wells of each position that is on several plates, shape (n_positions, most wells), padded with -1."""
    order = np.lexsort((plate, position))
    groups = np.split(order, np.flatnonzero(np.diff(position[order])) + 1)
    several = [wells for wells in groups if len(np.unique(plate[wells])) > 1]
    members = np.full((len(several), max(map(len, several), default=0)), ABSENT)
    for i, wells in enumerate(several):
        members[i, : len(wells)] = wells
    return members


def same_position_precision(ranks: NDArray[np.float32], members: Indices) -> float:
    """Return the mean average precision with which wells find those of their position on other plates.

    Parameters
    ----------
    ranks : of `ranks_elsewhere`.
    members : of `members_by_position`.

    Notes
    -----
    Positives are the wells of the same position on other plates, negatives all other wells of other plates; AP is the
    mean of k / (k + negatives at least as similar as the k-th positive). A query without positives is left out.
    """
    there = members != ABSENT
    found = ranks[members[:, :, None], members[:, None, :]]
    found = np.sort(np.where(there[:, :, None] & there[:, None, :], found, np.inf), axis=2)
    n_positives = np.isfinite(found).sum(axis=2)
    place = np.arange(1, found.shape[2] + 1)
    precision = (place / (found + place - _last_place(found))).sum(axis=2)
    return float((precision[n_positives > 0] / n_positives[n_positives > 0]).mean())


def _last_place(found: NDArray[np.float32]) -> Indices:
    """Return the place, from 1, of the last of equal ranks: positives that tie do not stand before each other."""
    n = found.shape[2]
    last = np.ones(found.shape, dtype=bool)
    last[:, :, :-1] = found[:, :, 1:] != found[:, :, :-1]
    place = np.where(last, np.arange(1, n + 1), n)
    return np.minimum.accumulate(place[:, :, ::-1], axis=2)[:, :, ::-1] if not last.all() else place


def share_of_positives(members: Indices, plate: Indices) -> float:
    """Return n_positives / (n_positives + n_negatives), averaged over the queries of `same_position_precision`."""
    sizes = np.bincount(plate)
    shares = []
    for row in members:
        wells = row[row != ABSENT]
        positives = len(wells) - np.bincount(plate[wells], minlength=len(sizes))[plate[wells]]
        shares.append(positives / (len(plate) - sizes[plate[wells]]))
    return float(np.concatenate(shares).mean())


def hat_matrix(terms: Doubles) -> tuple[Doubles, int]:
    """Return the matrix that projects centered values onto centered terms, and its rank."""
    centered = terms - terms.mean(axis=0)
    u, s, _ = np.linalg.svd(centered, full_matrices=False)
    rank = int((s > 1e-9 * s.max(initial=0.0)).sum()) if s.max(initial=0.0) > 0 else 0
    return u[:, :rank] @ u[:, :rank].T, rank


def explained(hats: list[Doubles], grams: list[Doubles], orders: list[Indices]) -> float:
    """Return the share of the variance within plates that lies in the terms, wells standing in the given orders.

    Parameters
    ----------
    hats : of `hat_matrix`, one for each plate.
    grams : inner products of the wells of each plate, profiles centered within the plate.
    orders : the position, as a row of the hat matrix, that each well is given.
    """
    inside = sum(float((hat[np.ix_(o, o)] * gram).sum()) for hat, gram, o in zip(hats, grams, orders, strict=True))
    return inside / sum(float(np.trace(gram)) for gram in grams)


def orders_within(sizes: list[int], n_draws: int, rng: np.random.Generator) -> tuple[Iterator[list[Indices]], bool]:
    """Give orders of the wells inside each plate: all of them if they are at most `n_draws`, else random ones.

    Returns the orders, and whether they are all there are.
    """
    if prod(factorial(n) for n in sizes) <= n_draws:
        every = product(*[list(permutations(range(n))) for n in sizes])
        return ([np.array(order, dtype=np.intp) for order in one] for one in every), True
    return ([rng.permutation(n) for n in sizes] for _ in range(n_draws)), False


def permutation_test(
    statistic: Callable[[list[Indices]], float], sizes: list[int], n_draws: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return the statistic of the wells as they are, its mean under permutation, and its p-value.

    Notes
    -----
    p = (b + 1) / (m + 1) for m random orders of which b score at least as high; the share of all orders if they are few
    enough to be tried (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585).
    """
    observed = statistic([np.arange(n) for n in sizes])
    orders, complete = orders_within(sizes, n_draws, rng)
    null = np.array([statistic(order) for order in orders])
    as_high = int((null >= observed - TIE).sum())
    return observed, float(null.mean()), as_high / len(null) if complete else (as_high + 1) / (len(null) + 1)
