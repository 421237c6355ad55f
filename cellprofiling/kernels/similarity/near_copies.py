"""Profiles that are nearly the same although they should not be."""

import numpy as np
from scipy.spatial import cKDTree

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.principal import widest_directions

AXES = 8  # directions in which candidates are looked for
BLOCK = 512  # rows that are compared with all others at a time


def near_copies(unit: Doubles, kind: Indices, cosine: float) -> Indices:
    """Return for each row its most similar row of another kind if their cosine exceeds `cosine`, else -1.

    Parameters
    ----------
    unit : rows of length 1, shape (n_rows, n_features).
    kind : rows of the same kind may be alike and are not compared.

    Notes
    -----
    Exact. Rows at a cosine c lie sqrt(2 - 2 c) apart, and no farther in a projection; so only rows that have a neighbor
    that near in the first 8 principal directions are compared with all others. Ties go to the first row.
    """
    partner = np.full(len(unit), -1, dtype=np.intp)
    if len(unit) < 2:
        return partner
    places = unit @ widest_directions(unit.T @ unit, AXES)[1]
    nearest = np.asarray(cKDTree(places).query(places, k=2)[0])[:, 1]
    candidates = np.flatnonzero(nearest <= np.sqrt(2 - 2 * cosine) * (1 + 1e-9) + 1e-9)
    for start in range(0, len(candidates), BLOCK):
        rows = candidates[start : start + BLOCK]
        alike = unit[rows] @ unit[candidates].T
        alike[kind[rows][:, None] == kind[candidates]] = -np.inf
        best = alike.argmax(axis=1)
        beyond = alike[np.arange(len(rows)), best] > cosine
        partner[rows[beyond]] = candidates[best[beyond]]
    return partner
