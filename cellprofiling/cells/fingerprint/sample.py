"""An equal sample of the cells of all wells, and the components that it spreads along.

Whether a well is a control has no say in it. So the components are the same whichever wells carry the label, and a test
that permutes labels needs not fit them anew; components of control wells alone would fit these better than the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprofiling.cells.summaries import Groups, SummaryPlan, read_values
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.within_groups import principal_loadings
from cellprofiling.kernels.scale.order import content_keys

Keys = NDArray[np.uint64]

SAMPLE = 10_000  # cells
TOLD_BY = 16  # features whose values decide which cells of a well are taken


@dataclass(frozen=True)
class Chosen:
    """Cells of each group, as good as drawn by lot, but by what they hold: the order of rows has no say.

    Attributes
    ----------
    cells : row numbers.
    rank : which of its group each is, from 0.
    key : the number that decided.
    """

    cells: Indices
    rank: Indices
    key: Keys


@dataclass(frozen=True)
class Sample:
    """Cells of some plates: z-scores, shape (n_cells, n_features), and what is known of each from `Chosen`."""

    z: NDArray[np.float32]
    rank: Indices
    key: Keys


def choose(found: Groups, plan: SummaryPlan, n_before: int | None) -> Chosen:
    """Return cells of each group that has enough, as many as are taken of so many groups and those before; or none."""
    if n_before is None:
        none = np.zeros(0, np.intp)
        return Chosen(none, none, none.astype(np.uint64))
    at_most = _per_group(n_before + int(found.enough.sum()))
    step = max(1, len(plan.features) // TOLD_BY)
    columns = read_values(found.pieces, plan.features[::step][:TOLD_BY])
    key = content_keys(np.nan_to_num(np.stack(columns, axis=1).astype(np.float64)))
    order = np.lexsort([key, found.codes])
    order = order[found.codes[order] >= 0]
    codes = found.codes[order]
    rank = np.arange(len(codes)) - np.searchsorted(codes, codes)
    taken = (rank < at_most) & found.enough[codes]
    return Chosen(order[taken], rank[taken], key[order[taken]])


def _per_group(n_groups: int) -> int:
    """Return how many cells to take of each of so many groups."""
    return max(1, SAMPLE // max(1, n_groups))


def components(samples: Sequence[Sample], n_groups: int, kept: Mask, most: int) -> Doubles:
    """Return loadings of all features on the components of the samples together; features not kept weigh 0."""
    parts = [np.concatenate([getattr(part, name) for part in samples]) for name in ("z", "rank", "key")]
    z, rank, key = parts
    taken = np.flatnonzero(rank < _per_group(n_groups))
    taken = taken[np.argsort(key[taken], kind="stable")][:SAMPLE]  # where groups are more than that, of some of them
    z = z[taken]
    loadings = principal_loadings(z if kept.all() else z[:, kept], most)
    result = np.zeros((len(kept), loadings.shape[1]))
    result[kept] = loadings
    return result
