"""Two passes over the cells, plate by plate: each feature by itself, and then how the components vary together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cellprofiling.cells.fingerprint.blocks import Batch, Block
from cellprofiling.cells.fingerprint.control_cells import Controls, control_scaling, plates_of, refuse_bare_plates
from cellprofiling.cells.fingerprint.sample import Chosen, Sample, choose
from cellprofiling.cells.summaries import BATCH_BYTES, Groups, SummaryPlan, groups_of, read_values
from cellprofiling.core.progress import Counter
from cellprofiling.core.threads import cores, over, pool
from cellprofiling.io.objects.partitions import Partition
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.directions.within_groups import group_covariances
from cellprofiling.kernels.scale.clipped_scores import add_projections, clipped_scores
from cellprofiling.kernels.scale.groups import Grouping
from cellprofiling.kernels.scale.scale import Scaling

FEWEST, MOST = 4, 32  # features at a time
CELLS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Work:
    """What is to be done to cells.

    Attributes
    ----------
    plan : which groups and features.
    controls : what to compare with.
    blocks : what to compute of each feature.
    most : where z-scores are cut.
    counter : is told of pieces that are done.
    """

    plan: SummaryPlan
    controls: Controls
    blocks: Sequence[Block]
    most: float
    counter: Counter

    def batches(self, n_cells: int) -> list[slice]:
        """Return the features, some at a time, fewer where cells are many; what comes out does not depend on it."""
        n, at_once = len(self.plan.features), max(FEWEST, min(MOST, BATCH_BYTES // (4 * max(1, n_cells))))
        return [slice(i, min(i + at_once, n)) for i in range(0, n, at_once)]

    def done(self, pieces: Sequence[Partition], found: Groups) -> None:
        """Tell that some pieces are done."""
        for piece, size in zip(pieces, found.sizes, strict=True):
            self.counter.add(piece.plate, size, piece.size)


@dataclass(frozen=True)
class Plates:
    """What the first pass found in some plates.

    Attributes
    ----------
    groups : their groups; without the cells.
    plate : the number of the plate of each group.
    scaling : of the control cells, shape (n_plates, n_features); 0 where there is no spread.
    values : shape (n_endings, n_groups, n_features).
    sample : some cells.
    """

    groups: Groups
    plate: Indices
    scaling: Scaling
    values: Doubles
    sample: Sample

    @property
    def flat(self) -> Mask:
        """Which features have no spread among the control cells of some plate that has groups to describe."""
        return np.any(self.scaling.flat[np.unique(self.plate[self.groups.enough])], axis=0)

    @property
    def of_groups(self) -> tuple[Doubles, Doubles]:
        """Center and scale for each group."""
        return _of_groups(self.scaling, self.plate)


def first_pass(pieces: Sequence[Partition], work: Work, n_before: int | None) -> Plates:
    """Return what the blocks say of the groups of some pieces, and cells of each.

    Parameters
    ----------
    n_before : how many groups there were in pieces before; None if no cells are wanted.
    """
    found = groups_of(pieces, work.plan)
    is_control, plate = work.controls.of(found), plates_of(found, work.plan)
    refuse_bare_plates(found, is_control, plate, work.controls)
    chosen = choose(found, work.plan, n_before)
    batch = partial(_describe, found, found.rows, work, is_control, plate, chosen)
    location, scale, values, z = zip(*over(batch, work.batches(len(found.codes))), strict=True)
    work.done(pieces, found)
    return Plates(
        replace(found, pieces=[], cells=found.cells.iloc[:0], codes=found.codes[:0]),
        plate,
        Scaling(np.concatenate(location, axis=1), np.concatenate(scale, axis=1)),
        np.concatenate(values, axis=2),
        Sample(np.concatenate(z, axis=1), chosen.rank, chosen.key),
    )


def second_pass(pieces: Sequence[Partition], work: Work, before: Plates, loadings: Doubles) -> Doubles:
    """Return the covariance of the components in each group of some pieces, shape (n_groups, n_pairs)."""
    found = groups_of(pieces, work.plan)
    scores = np.zeros((loadings.shape[1], len(found.codes)))
    read, of_groups = partial(_read, found, work), before.of_groups
    parts = [slice(i, i + CELLS_AT_ONCE) for i in range(0, len(found.codes), CELLS_AT_ONCE)]
    with pool() as threads:
        batches = work.batches(len(found.codes))
        for i in range(0, len(batches), cores()):  # and no more, for what is read waits in memory
            some = batches[i : i + cores()]
            for batch, columns in zip(some, threads.map(read, some), strict=True):
                add = partial(_project, columns, batch, found.codes, of_groups, work.most, loadings, scores)
                list(threads.map(add, parts))
    work.done(pieces, found)
    return group_covariances(scores, found.rows)


def _describe(
    found: Groups, rows: Grouping, work: Work, is_control: Mask, plate: Indices, chosen: Chosen, some: slice
) -> tuple[Doubles, Doubles, Doubles, NDArray[np.float32]]:
    """Return center and scale of some features, what the blocks say, and the chosen cells."""
    columns = read_values(found.pieces, work.plan.features[some])
    scaling = control_scaling(columns, found.codes, is_control, plate)
    center, scale = _of_groups(scaling, plate)
    batch = Batch(columns, rows, found.codes, is_control, plate, center, scale, work.most)
    none = np.empty((0, len(plate), len(columns)))
    values = np.concatenate([none, *(block.compute(batch) for block in work.blocks)])
    taken = [column[chosen.cells] for column in columns]
    z = clipped_scores(taken, found.codes[chosen.cells], center, scale, work.most)
    return scaling.location, scaling.scale, values, z


def _read(found: Groups, work: Work, some: slice) -> Sequence[Floats]:
    return read_values(found.pieces, work.plan.features[some])


def _project(
    columns: Sequence[Floats],
    batch: slice,
    codes: Indices,
    of_groups: tuple[Doubles, Doubles],
    most: float,
    loadings: Doubles,
    scores: Doubles,
    cells: slice,
) -> None:
    center, scale = (values[:, batch] for values in of_groups)
    some = [column[cells] for column in columns]
    add_projections(some, codes[cells], center, scale, most, loadings[batch], scores[:, cells])


def _of_groups(scaling: Scaling, plate: Indices) -> tuple[Doubles, Doubles]:
    """Return center and scale of the plate of each group; 1 in place of no spread."""
    return scaling.location[plate], np.where(scaling.flat, 1.0, scaling.scale)[plate]
