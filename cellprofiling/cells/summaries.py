"""Statistics of the cells of each group, from pieces that are read some features at a time by several threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.account.spelling import canonical, spelled_once
from cellprofiling.core.columns import COUNT, PLATE, WELL, Reference, groups, hashable, matches
from cellprofiling.core.ledgers import KEY, Line, lines
from cellprofiling.core.progress import Counter
from cellprofiling.core.threads import cores, over
from cellprofiling.io.objects.partitions import Partition, in_memory, stacked
from cellprofiling.kernels.scale.groups import Grouping, group_statistics, grouping

BATCH_BYTES = 1 << 24  # features that a thread reads at a time
STEP = "aggregate"
EXCLUDED = "Metadata_Excluded_Count"


@dataclass(frozen=True)
class SummaryPlan:
    """What is asked for, checked.

    Attributes
    ----------
    labels : metadata columns to carry along where they can be.
    flags : columns that say of each cell whether a rule of quality marks it.
    exclude : which cells to leave out, and `asked`, the columns that tell.
    unused : columns that are neither metadata nor features.
    names : of the features that come out.
    """

    by: list[str]
    labels: list[str]
    flags: list[str]
    exclude: Reference
    asked: list[str]
    features: list[str]
    unused: list[str]
    statistics: list[str]
    names: tuple[str, ...]
    min_cells: int

    @property
    def labels_read(self) -> list[str]:
        """The columns that say what a cell is, and which to leave out."""
        return list(dict.fromkeys([*self.by, *self.labels, *self.flags, *self.asked]))


@dataclass(frozen=True)
class Summary:
    """The groups of some pieces.

    Attributes
    ----------
    metadata : one row per group with enough cells.
    values : shape (n_statistics, n_groups, n_features).
    varying : metadata columns with more than one value in some group.
    written : the plates and wells, each as it is written.
    left_out : ledger lines of what was left out on reading, and of the groups with too few cells.
    most : cells in the largest group.
    """

    metadata: pd.DataFrame
    values: NDArray[np.float64]
    varying: frozenset[str]
    written: dict[str, list[Any]]
    left_out: list[Line]
    most: int


@dataclass(frozen=True)
class Groups:
    """Which cells of some pieces belong together.

    Attributes
    ----------
    pieces : to be read by columns.
    sizes : cells in each piece.
    cells : the columns that say what a cell is.
    codes : the number of the group of each cell, -1 for an excluded one.
    metadata : one row per group.
    enough : which groups have enough cells.
    varying : metadata columns with more than one value in some group.
    written : the plates and wells, each as it is written.
    left_out : ledger lines of what was left out on reading, and of the groups with too few cells.
    """

    pieces: list[Partition]
    sizes: list[int]
    cells: pd.DataFrame
    codes: NDArray[np.intp]
    metadata: pd.DataFrame
    enough: NDArray[np.bool_]
    varying: frozenset[str]
    written: dict[str, list[Any]]
    left_out: list[Line]

    @property
    def most(self) -> int:
        """Cells in the largest group."""
        return int(self.metadata[COUNT].max()) if len(self.metadata) else 0

    @property
    def rows(self) -> Grouping:
        """The groups as the kernels want them."""
        return grouping(self.codes, len(self.metadata))


def groups_of(pieces: Sequence[Partition], plan: SummaryPlan) -> Groups:
    """Return which cells of some pieces belong together; of the features nothing is read, if pieces allow."""
    by_columns = [_by_columns(piece, plan) for piece in pieces]
    tables = [piece.read(plan.labels_read) for piece in by_columns]
    cells = stacked(tables)
    excluded = np.zeros(len(cells), bool) if plan.exclude is None else matches(cells, plan.exclude, "exclude")
    places = [name for name in (PLATE, WELL) if name in plan.by]
    written = {name: cells[name].dropna().astype(object).unique().tolist() for name in places}
    cells, _ = spelled_once(
        cells, plate=PLATE if PLATE in places else None, well=WELL if WELL in places else None, step=STEP
    )
    codes, keys = groups(cells, plan.by)
    first = _first(codes, len(keys))
    counts = _counts(cells, codes, excluded, plan)
    metadata = cells[[*plan.by, *plan.labels]].iloc[first].assign(**counts).reset_index(drop=True)
    enough = counts[COUNT] >= plan.min_cells
    return Groups(
        by_columns,
        [len(table) for table in tables],
        cells,
        np.where(excluded, -1, codes),
        metadata,
        enough,
        frozenset(name for name in plan.labels if not _constant(cells[name], first[codes])),
        written,
        [*cells.attrs.get(KEY, []), *_too_few(metadata[~enough], plan)],
    )


def summarize(pieces: Sequence[Partition], plan: SummaryPlan, counter: Counter) -> Summary:
    """Return the summary of all cells in some pieces."""
    found = groups_of(pieces, plan)
    values = _values(found.pieces, found.rows, plan)
    for piece, size in zip(pieces, found.sizes, strict=True):
        counter.add(piece.plate, size, piece.size)
    return Summary(
        found.metadata[found.enough],
        values[:, found.enough],
        found.varying,
        found.written,
        found.left_out,
        found.most,
    )


def one_spelling(metadata: pd.DataFrame, written: Sequence[dict[str, list[Any]]]) -> tuple[pd.DataFrame, list[Line]]:
    """Return the groups of all pieces with each plate and well in one spelling, whichever pieces held the others."""
    said: list[Line] = []
    for name in written[0]:
        every = pd.Series([way for each in written for way in each[name]], dtype=object)
        ways = every.to_frame(name)
        _, new = spelled_once(
            ways, plate=None if name == WELL else name, well=name if name == WELL else None, step=STEP
        )
        if new:
            metadata = metadata.assign(**{name: canonical(metadata[name], well=name == WELL)})
        said += new
    return metadata, said


def _by_columns(partition: Partition, plan: SummaryPlan) -> Partition:
    """Return a partition that can be read by columns: in files as it is, else read now and kept."""
    if partition.columnar:
        return partition
    return in_memory(partition.read(list(dict.fromkeys([*plan.labels_read, *plan.features]))))


def _counts(
    cells: pd.DataFrame, codes: NDArray[np.intp], excluded: NDArray[np.bool_], plan: SummaryPlan
) -> dict[str, NDArray[np.intp]]:
    n_groups = codes.max(initial=-1) + 1
    masks = {COUNT: ~excluded} | ({} if plan.exclude is None else {EXCLUDED: excluded})
    masks |= {f"{flag}_Count": cells[flag].eq(True).to_numpy(bool, na_value=False) for flag in plan.flags}
    return {name: np.bincount(codes[mask], minlength=n_groups) for name, mask in masks.items()}


def _first(codes: NDArray[np.intp], n_groups: int) -> NDArray[np.intp]:
    """Return the first row of each group."""
    first = np.empty(n_groups, np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


def _values(pieces: Sequence[Partition], rows: Grouping, plan: SummaryPlan) -> NDArray[np.float64]:
    """Return the statistics, shape (n_statistics, n_groups, n_features); each thread takes some columns at a time."""
    n_features, n_threads = len(plan.features), cores()
    at_once = max(1, min(BATCH_BYTES // (4 * max(1, len(rows.places))), -(-n_features // n_threads)))
    batches = [plan.features[i : i + at_once] for i in range(0, n_features, at_once)]
    return np.concatenate(over(partial(_batch, pieces, rows, plan.statistics), batches), axis=2)


def _batch(
    pieces: Sequence[Partition], rows: Grouping, statistics: Sequence[str], features: Sequence[str]
) -> NDArray[np.float64]:
    return group_statistics(read_values(pieces, features), rows, statistics)


def read_values(pieces: Sequence[Partition], features: Sequence[str]) -> Sequence[NDArray[np.floating]]:
    """Return for each feature the values of all cells in some pieces."""
    blocks = [piece.values(features) for piece in pieces]
    return blocks[0] if len(blocks) == 1 else [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _constant(labels: pd.Series, first: NDArray[np.intp]) -> bool:
    """Return whether each cell has the label of the first cell of its group (no label is a label, too)."""
    codes = pd.factorize(hashable(labels), use_na_sentinel=False)[0]
    return bool((codes == codes[first]).all())


def _too_few(metadata: pd.DataFrame, plan: SummaryPlan) -> list[Line]:
    item, few = "well" if WELL in plan.by else "group", f"fewer than {plan.min_cells} cells"
    found = []
    for _, group in metadata.iterrows():
        name = " ".join(map(str, group[plan.by]))
        reason = "all of its cells are excluded" if group[COUNT] == 0 else few
        found += lines(STEP, item, [name], reason, n=group[COUNT] or group[EXCLUDED])
    return found
