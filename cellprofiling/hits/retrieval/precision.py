"""Average precision of single wells, for any grouping of wells into positives and negatives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.design import Features
from cellprofiling.hits.retrieval.label_precision import label_precisions
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.retrieval.average_precision import list_precisions

BLOCK = 8_000_000  # similarities held at a time

Grouping = Mapping[str, str | Sequence[str]]


def average_precision(
    profiles: pd.DataFrame,
    *,
    positives: Grouping,
    negatives: Grouping,
    metric: str = "cosine",
    label: str | None = None,
    separator: str | None = "|",
    features: Features = None,
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
    label : str or None, default None
        A column whose entries may hold several labels. In a "same" list it is then met by pairs that share the label
        asked for, in a "different" list by pairs that share no label at all.
    separator : str or None, default "|"
        What stands between the labels of one entry; entries may also be lists.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        The metadata of `profiles`, row for row, or with `label` one row for each label of each profile (that label in
        the column, profiles without label left out), with ``average_precision`` (0 to 1), ``n_positives`` and
        ``n_total`` (positives and negatives). Profiles without positives or without negatives have a missing value.

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
    checks.arguments(
        locals(),
        positives=checks.mapping,
        negatives=checks.mapping,
        label=checks.optional(checks.column),
        separator=checks.optional(checks.text),
    )
    prepare = METRICS[one_of("metric", metric, METRICS)]
    require(profiles, label, "label")
    table = complete(split(profiles, features))
    vectors = prepare(table.x.astype(np.float64))
    valid = np.any(vectors != 0, axis=1)
    dead = lines("average_precision", "profile", profiles.index[~valid], f"no direction under {metric}")
    if label is not None:
        found = label_precisions(profiles, vectors, valid, (positives, negatives), label=label, separator=separator)
        metadata = table.metadata.iloc[found.rows].reset_index(drop=True).assign(**{label: found.labels})
        return written(metadata.assign(**found.columns), profiles, new=dead)
    positive, negative = (
        _find_pairs(profiles, *given, valid) for given in ((positives, "positives"), (negatives, "negatives"))
    )
    scores = np.full(len(profiles), np.nan)
    n_positives, n_total = np.zeros(len(profiles), dtype=int), np.zeros(len(profiles), dtype=int)
    n_both = 0
    for queries, columns in negative.blocks():
        similarity = vectors[queries] @ vectors[columns].T
        mask = negative.among(queries, columns)
        scores[queries], n_positives[queries], both = list_precisions(
            vectors,
            queries,
            positive.same,
            positive.members,
            positive.starts,
            positive.different,
            columns,
            similarity,
            mask,
        )
        n_total[queries] = n_positives[queries] + mask.sum(axis=1)
        n_both += both
    _refuse_overlap(n_both)
    if np.isnan(scores).all():
        dead += _why_none(profiles, positives, negatives)
    result = table.metadata.assign(average_precision=scores, n_positives=n_positives, n_total=n_total)
    return written(result, profiles, new=dead)


def _why_none(profiles: pd.DataFrame, positives: Grouping, negatives: Grouping) -> list[Line]:
    """Return a ledger line for each column whose missing labels, which match nothing, leave profiles without pairs."""
    names = dict.fromkeys(
        name
        for argument, grouping in (("positives", positives), ("negatives", negatives))
        for kind in ("same", "different")
        for name in require(profiles, grouping.get(kind), argument)
    )
    missing = {name: int(profiles[name].isna().sum()) for name in names}
    why = "no value, and a missing one agrees and differs with nothing: no profile has a pair; fill it in"
    return [line for name, n in missing.items() if n for line in lines("average_precision", "label", [name], why, n=n)]


@dataclass(frozen=True)
class _Pairs:
    """Which pairs of profiles a grouping joins.

    Attributes
    ----------
    same : number of the group of each profile, -1 where it belongs to none.
    members, starts : the profiles of group g are `members[starts[g]:starts[g + 1]]`.
    different : numbers that must differ within a pair, -1 where unknown; shape (n_columns, n_profiles).
    """

    same: NDArray[np.intp]
    members: NDArray[np.intp]
    starts: NDArray[np.intp]
    different: NDArray[np.intp]

    def blocks(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Give blocks of profiles, and with each the profiles they can be paired with."""
        yield from _portions(np.flatnonzero(self.same < 0), self.members[:0])
        for start, stop in pairwise(self.starts):
            yield from _portions(self.members[start:stop], self.members[start:stop])

    def among(self, queries: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the mask of pairs between profiles of one group; nobody is paired with itself."""
        pairs = queries[:, None] != columns
        for codes in self.different:
            pairs &= (codes[queries, None] != codes[columns]) & (codes[columns] >= 0) & (codes[queries, None] >= 0)
        return pairs


def _portions(
    queries: NDArray[np.intp], columns: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Give queries a few at a time, so that a block of similarities stays small."""
    step = max(1, BLOCK // max(1, len(columns)))
    for start in range(0, len(queries), step):
        yield queries[start : start + step], columns


def _find_pairs(profiles: pd.DataFrame, grouping: Grouping, argument: str, valid: NDArray[np.bool_]) -> _Pairs:
    """Return which pairs a grouping joins; profiles without direction belong to no group."""
    unknown = set(grouping) - {"same", "different"}
    if unknown or not grouping:
        raise InputError(f"{argument}={dict(grouping)!r}: write {{'same': [columns], 'different': [columns]}}.")
    same = np.where(valid, 0, -1)
    for name in require(profiles, grouping.get("same"), argument):
        codes = pd.factorize(profiles[name])[0]
        combined = pd.factorize(same * (codes.max(initial=0) + 1) + codes)[0]
        same = np.where((same >= 0) & (codes >= 0), combined, -1)
    different = [pd.factorize(profiles[name])[0] for name in require(profiles, grouping.get("different"), argument)]
    members = np.argsort(same, kind="stable")[np.count_nonzero(same < 0) :]
    starts = np.searchsorted(same[members], np.arange(same.max(initial=-1) + 2))
    return _Pairs(same, members, starts, np.array(different, dtype=np.intp).reshape(len(different), len(profiles)))


def _centered_direction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = x - x.mean(axis=1, keepdims=True)
    centered[np.ptp(x, axis=1) == 0] = 0.0
    return direction(centered)


METRICS = table_of(
    Method("cosine", "The cosine of the angle between two profiles.", direction),
    Method("pearson", "The correlation of two profiles across features.", _centered_direction),
)


def _refuse_overlap(n_both: int) -> None:
    if n_both:
        raise InputError(
            f"positives and negatives: {n_both} pairs are both; add a column to 'different' so that no pair "
            "satisfies both groupings."
        )
