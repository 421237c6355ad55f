"""Mean average precision of sets of profiles among all others, for many sets."""

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.retrieval.average_precision import TIE


@nb.njit(cache=True, nogil=True, error_model="numpy")
def set_precisions(similarity: Doubles, rows: Indices, sets: Indices) -> Doubles:
    """Return the mean average precision of each set: its members find each other among all profiles outside of it.

    Parameters
    ----------
    similarity : of some profiles (rows) to all profiles, shape (n_rows, n_profiles).
    rows : in which row each profile stands, shape (n_profiles,).
    sets : profiles that have a row, shape (n_sets, n_members), at least two members and one profile outside.

    Notes
    -----
    AP as in `kernels.precision.precision_of`; a profile outside that ties stands first.
    """
    result = np.empty(len(sets))
    n = sets.shape[1]
    positive = np.empty(n - 1)
    for draw in range(len(sets)):
        members, total = sets[draw], 0.0
        for q in members:
            line, k = similarity[rows[q]], 0
            for r in members:
                if r != q:
                    positive[k] = line[r]
                    k += 1
            positive.sort()
            for rank in range(1, n):
                threshold = positive[n - 1 - rank] - TIE
                ahead = 0
                for i in range(len(line)):  # written so that the compiler compares several at a time
                    ahead += 1 if line[i] >= threshold else 0
                for r in members:
                    ahead -= 1 if line[r] >= threshold else 0
                total += rank / (rank + ahead)
        result[draw] = total / (n * (n - 1))
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def at_least_as_similar(similarity: Doubles) -> Indices:
    """Return for each pair (i, k) how many profiles are at least as similar to i as k is; shape of `similarity`."""
    counts = np.empty(similarity.shape, dtype=np.intp)
    for i in range(len(similarity)):
        ranked = np.sort(similarity[i])
        for k in range(similarity.shape[1]):
            counts[i, k] = len(ranked) - np.searchsorted(ranked, similarity[i, k] - TIE)
    return counts


@nb.njit(cache=True, nogil=True, error_model="numpy")
def slot_precisions(similarity: Doubles, counts: Indices, who: Indices, n_members: int, apart: Mask) -> Doubles:
    """Return the mean average precision of members of a label that some profiles are in no list with.

    Parameters
    ----------
    similarity : of all profiles, shape (n_profiles, n_profiles).
    counts : of `at_least_as_similar`.
    who : the profile in each slot, one row per assignment, shape (n_assignments, n_slots); the members come first.
    n_members : how many slots are members, at least two.
    apart : which slots are in no list of a member, for they share another label; shape (n_members, n_slots).

    Notes
    -----
    The query is a member, its positives are the other members, its negatives all profiles but these and those apart.
    NaN if a member is left without any negative.
    """
    result = np.empty(len(who))
    n_slots = who.shape[1]
    for draw in range(len(who)):
        slots, total = who[draw], 0.0
        for q in range(n_members):
            line, behind = similarity[slots[q]], counts[slots[q]]
            n_apart = 0
            for s in range(n_members, n_slots):
                n_apart += apart[q, s]
            if n_members + n_apart == len(line):
                total = np.nan
            for r in range(n_members):
                if r == q:
                    continue
                threshold = line[slots[r]] - TIE
                rank, ahead = 0, behind[slots[r]]
                for s in range(n_members):
                    if line[slots[s]] >= threshold:
                        ahead -= 1
                        rank += 1 if s != q and _before(line, slots, s, r) else 0
                for s in range(n_members, n_slots):
                    if apart[q, s] and line[slots[s]] >= threshold:
                        ahead -= 1
                total += (rank + 1) / (rank + 1 + ahead)
        result[draw] = total / (n_members * (n_members - 1))
    return result


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _before(line: Doubles, slots: Indices, s: int, r: int) -> bool:
    """Return whether positive s stands before positive r: more similar, or in an earlier slot."""
    return s != r and (line[slots[s]] > line[slots[r]] or (line[slots[s]] == line[slots[r]] and s < r))
