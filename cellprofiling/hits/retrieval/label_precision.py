"""Average precision where a profile may bear several labels: one list for each label of each profile."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.hits.retrieval.labels import split_labels
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.retrieval.average_precision import average_precisions

Grouping = Mapping[str, str | Sequence[str]]

BLOCK = 8_000_000  # similarities held at a time


class LabelPrecisions(NamedTuple):
    """One entry per profile and label: the row of the profile, the label, and the columns of the result."""

    rows: Indices
    labels: list[Any]
    columns: dict[str, NDArray]


def label_precisions(
    profiles: pd.DataFrame,
    vectors: Doubles,
    valid: Mask,
    groupings: tuple[Grouping, Grouping],
    *,
    label: str,
    separator: str | None,
) -> LabelPrecisions:
    """Return how well each profile retrieves, label by label, the profiles that share the label."""
    bears, names = split_labels(profiles[label], separator)
    sides = [
        _Side.of(profiles, grouping, argument, label)
        for grouping, argument in zip(groupings, ("positives", "negatives"), strict=True)
    ]
    parts = [
        (queries, column)
        for column in range(len(names))
        for queries in _portions(np.flatnonzero(bears[:, column]), len(profiles))
    ]
    scores, counts, totals, n_both = [], [], [], 0
    for queries, column in parts:
        positive, negative = (side.joins(queries, bears, column) & valid & valid[queries, None] for side in sides)
        n_both += int((positive & negative).sum())
        scores.append(average_precisions(vectors[queries] @ vectors.T, positive, negative))
        counts.append(positive.sum(axis=1))
        totals.append(counts[-1] + negative.sum(axis=1))
    if n_both:
        raise InputError(
            f"positives and negatives: {n_both} pairs are both; add {label!r} to 'same' of the positives and to "
            "'different' of the negatives."
        )
    rows = np.concatenate([queries for queries, _ in parts]) if parts else np.zeros(0, dtype=np.intp)
    order = np.argsort(rows, kind="stable")
    columns = {"average_precision": scores, "n_positives": counts, "n_total": totals}
    of_rows = [names[column] for queries, column in parts for _ in queries]
    return LabelPrecisions(
        rows[order],
        [of_rows[i] for i in order],
        {name: (np.concatenate(values) if values else np.zeros(0))[order] for name, values in columns.items()},
    )


class _Side(NamedTuple):
    """One grouping: numbers that must agree, numbers that must differ (-1 unknown), and what labels must do."""

    same: Indices
    different: Indices
    shares: bool
    shares_none: bool

    @classmethod
    def of(cls, profiles: pd.DataFrame, grouping: Grouping, argument: str, label: str) -> "_Side":
        """Return the numbers of a grouping."""
        if set(grouping) - {"same", "different"} or not grouping:
            raise InputError(f"{argument}={dict(grouping)!r}: write {{'same': [columns], 'different': [columns]}}.")
        lists = [require(profiles, grouping.get(key), argument) for key in ("same", "different")]
        codes = [
            np.array([pd.factorize(profiles[name])[0] for name in names if name != label], dtype=np.intp)
            for names in lists
        ]
        return cls(codes[0], codes[1], label in lists[0], label in lists[1])

    def joins(self, queries: Indices, bears: Mask, column: int) -> Mask:
        """Return the mask of pairs of some queries, of one label, with all profiles."""
        pairs = queries[:, None] != np.arange(len(bears))
        for codes in self.same:
            pairs &= (codes[queries, None] == codes) & (codes >= 0)
        for codes in self.different:
            pairs &= (codes[queries, None] != codes) & (codes >= 0) & (codes[queries, None] >= 0)
        if self.shares:
            pairs &= bears[:, column]
        if self.shares_none:
            common = bears[queries].astype(np.float32) @ bears.T.astype(np.float32)
            pairs &= (common == 0) & bears.any(axis=1)
        return pairs


def _portions(queries: Indices, n: int) -> list[Indices]:
    step = max(1, BLOCK // max(1, n))
    return [queries[start : start + step] for start in range(0, len(queries), step)]
