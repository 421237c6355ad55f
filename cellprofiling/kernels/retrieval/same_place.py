"""Whether wells resemble those of the same position on other plates more than those of other positions."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.unit_vectors import direction

MOST_WELLS = 1_500
DRAWS = 999


class Alike(NamedTuple):
    """Share of pairs at one position that are very alike, its p-value, and the number of pairs."""

    share: float
    p_value: float
    n_pairs: int


def share_alike(x: Doubles, plate: Indices, place: Indices, quantile: float = 0.95, seed: int = 0) -> Alike:
    """Return which share of pairs at one position on two plates exceeds a quantile of pairs at other positions.

    Parameters
    ----------
    x : control wells, each feature about the mean of its plate, shape (n_wells, n_features).
    plate, place : of each well, as numbers.
    quantile : of the cosines between wells of different plates and positions; 1 - quantile is expected by chance.

    Notes
    -----
    The p-value comes of dealing the positions anew among the wells of each plate, 999 times: (b + 1) / (m + 1). Of more
    than 1,500 wells, those of the first plates are compared. NaN without a pair of either kind.
    """
    kept = plate <= plate[min(MOST_WELLS, len(plate)) - 1] if len(plate) else np.zeros(0, dtype=bool)
    x, plate, place = x[kept], plate[kept], place[kept]
    unit = direction(x)
    cosine = unit @ unit.T
    apart = plate[:, None] < plate
    same = apart & (place[:, None] == place)
    others = cosine[apart & (place[:, None] != place)]
    n_pairs = int(same.sum())
    if not n_pairs or not len(others):
        return Alike(np.nan, np.nan, n_pairs)
    alike = cosine > np.quantile(others, quantile)
    observed = float(alike[same].mean())
    first, second = np.nonzero(same)
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(np.r_[True, np.diff(plate) > 0, True])
    null = np.empty(DRAWS)
    for i in range(DRAWS):
        dealt = np.concatenate([rng.permutation(np.arange(a, b)) for a, b in pairwise(starts)])
        null[i] = alike[dealt[first], dealt[second]].mean()
    return Alike(observed, (int((null >= observed - 1e-12).sum()) + 1) / (DRAWS + 1), n_pairs)
