"""Average precision of single wells, for any grouping of wells into positives and negatives."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import complete, require, split
from cellprofiling.core.ledger import lines, written
from cellprofiling.kernels.precision import average_precisions

BLOCK = 8_000_000  # similarities held at a time

Grouping = Mapping[str, str | Sequence[str]]


def average_precision(
    profiles: pd.DataFrame, *, positives: Grouping, negatives: Grouping, metric: str = "cosine"
) -> pd.DataFrame:
    """
    Return how well each profile retrieves its positives from among its negatives.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per profile: metadata and features without missing values.
    positives, negatives : dict
        Which profiles each profile is compared with: ``{"same": [columns], "different": [columns]}``. A pair belongs
        to the group if all "same" columns agree and all "different" columns disagree. A missing value agrees and
        disagrees with nothing.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity that ranks.

    Returns
    -------
    pandas.DataFrame
        The metadata of `profiles`, row for row, with ``average_precision`` (0 to 1), ``n_positives`` and ``n_total``
        (positives and negatives). Profiles without positives or without negatives have a missing value.

    Raises
    ------
    InputError
        If a column is missing, a key is unknown, a pair is both positive and negative, or features have missing values.

    See Also
    --------
    activity : The test of perturbations against controls that is built on this score.

    Notes
    -----
    AP = 1/M sum_r r / (r + number of negatives at least as similar as the r-th positive). Ties count against the
    profile. A profile without direction (all zero for cosine, constant for Pearson) has no similarity to anything: its
    own value is missing, it stands in no other list, and the ledger names its row.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Compound": ["a", "a", "DMSO", "DMSO"], "Cells_x": [3.0, 4, 0.1, -1],
    ...                       "Cells_y": [1.0, 1, 1, 1]})
    >>> cpf.average_precision(wells, positives={"same": ["Metadata_Compound"]},
    ...                       negatives={"different": ["Metadata_Compound"]})
      Metadata_Compound  average_precision  n_positives  n_total
    0                 a                1.0            1        3
    1                 a                1.0            1        3
    2              DMSO                1.0            1        3
    3              DMSO                1.0            1        3
    """
    prepare = METRICS[one_of("metric", metric, METRICS)]
    table = complete(split(profiles))
    vectors = prepare(table.x.astype(np.float64))
    valid = np.any(vectors != 0, axis=1)
    is_positive = _Pairs(profiles, positives, "positives")
    is_negative = _Pairs(profiles, negatives, "negatives")
    scores = np.full(len(profiles), np.nan)
    n_positives, n_total = np.zeros(len(profiles), dtype=int), np.zeros(len(profiles), dtype=int)
    step = max(1, BLOCK // max(1, len(profiles)))
    for start in range(0, len(profiles), step):
        block = slice(start, start + step)
        positive, negative = (pairs.of(block) & valid & valid[block, None] for pairs in (is_positive, is_negative))
        _refuse_overlap(positive & negative)
        scores[block] = average_precisions(vectors[block] @ vectors.T, positive, negative)
        n_positives[block] = positive.sum(axis=1)
        n_total[block] = n_positives[block] + negative.sum(axis=1)
    result = table.metadata.assign(average_precision=scores, n_positives=n_positives, n_total=n_total)
    dead = lines("average_precision", "profile", profiles.index[~valid], f"no direction under {metric}")
    return written(result, profiles, new=dead)


class _Pairs:
    """Which pairs of profiles a grouping joins, asked block by block."""

    def __init__(self, profiles: pd.DataFrame, grouping: Grouping, argument: str) -> None:
        unknown = set(grouping) - {"same", "different"}
        if unknown or not grouping:
            raise InputError(f"{argument}={dict(grouping)!r}: write {{'same': [columns], 'different': [columns]}}.")
        self.same = [_codes(profiles[name]) for name in require(profiles, grouping.get("same"), argument)]
        self.different = [_codes(profiles[name]) for name in require(profiles, grouping.get("different"), argument)]
        self.n = len(profiles)

    def of(self, block: slice) -> NDArray[np.bool_]:
        """Return the mask of pairs of a block of profiles with all profiles; nobody is paired with itself."""
        rows = np.arange(self.n)[block]
        pairs = rows[:, None] != np.arange(self.n)
        for codes in self.same:
            pairs &= (codes[block, None] == codes) & (codes >= 0)
        for codes in self.different:
            pairs &= (codes[block, None] != codes) & (codes >= 0) & (codes[block, None] >= 0)
        return pairs


def _codes(column: pd.Series) -> NDArray[np.intp]:
    """Return a number for each value, -1 where missing."""
    return pd.factorize(column)[0]


def _direction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors; a vector of length zero stays zero."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def _centered_direction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = x - x.mean(axis=1, keepdims=True)
    centered[np.ptp(x, axis=1) == 0] = 0.0
    return _direction(centered)


METRICS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "cosine": _direction,
    "pearson": _centered_direction,
}


def _refuse_overlap(both: NDArray[np.bool_]) -> None:
    if both.any():
        raise InputError(
            f"positives and negatives: {int(both.sum())} pairs are both; add a column to 'different' so that no pair "
            "satisfies both groupings."
        )
