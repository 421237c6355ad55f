"""An equal sample of the cells of each well, in units of the control cells of its plate; files are read by plate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.cells.sampling.plan import SamplePlan, sample_plan
from cellprofiling.cells.sampling.well_labels import describe_wells, well_names
from cellprofiling.cells.source import source_of
from cellprofiling.core.columns import By, Reference, describe_reference, groups, matches
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import KEY, Ledger, Line, lines, merged, written
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.partitions import Partition, apart, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Indices, Mask
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import fit_mad

FARTHEST = 10.0  # robust SDs of control cells; cells farther out (1 in 200 of some features) would decide everything
FEWEST_CELLS = 10  # of a well
FEWEST_CONTROLS = 2  # wells of a plate: one half teaches, the other is compared with


@dataclass(frozen=True)
class Sample:
    """Cells of control and treated wells, an equal number of each well as far as it has them.

    Attributes
    ----------
    z : shape (n_cells, n_features), float32: robust z-scores by the control cells of the plate, within +-10, 0 where
        missing. The cells of a well lie together.
    well : the well of each cell, a row of `wells`.
    cells : what says of each sampled cell which one it is.
    wells : one row per well, sorted by its name inside plates.
    plate, is_control, group, n_cells : of each well; the group is -1 for a control, n_cells counts all of its cells.
    keys : the `by` columns, a row per group.
    new : ledger lines.
    """

    z: NDArray[np.float32]
    well: Indices
    cells: pd.DataFrame
    wells: pd.DataFrame
    plate: Indices
    is_control: Mask
    group: Indices
    n_cells: Indices
    keys: pd.DataFrame
    features: tuple[str, ...]
    new: list[Line]

    @property
    def starts(self) -> Indices:
        """The first cell of each well, and one number more, of all cells."""
        return np.searchsorted(self.well, np.arange(len(self.wells) + 1))

    def wells_of(self, group: int) -> Indices:
        """Return the wells of a group."""
        return np.flatnonzero(self.group == group)


def sample_cells(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    by: By,
    reference: Reference,
    treated: Reference,
    plate: str | None,
    well: str,
    platemap: pd.DataFrame | None,
    features: Sequence[str] | None,
    max_cells: int,
    seed: int,
    identity: bool = False,
    progress: Tell | None = None,
    step: str,
) -> Sample:
    """Return a sample of the cells of all control wells and treated wells, reading a plate at a time."""
    source, reference = source_of(cells).marked(reference)
    plan = sample_plan(
        source.schema, by, reference, treated, plate, well, platemap, features, max_cells, seed, identity
    )
    counter = Counter(len(source.partitions), progress)
    parts, found = [], []
    for together in apart(source.partitions, [plan.plate] if plan.plate else []):
        table = stacked([_read(piece, plan, counter) for piece in together])
        found += table.attrs.get(KEY, [])
        parts += _sample_plates(table, plan, step)
    kept = [part for part in parts if len(part.wells)]
    if not kept:
        raise InputError(f"treated={describe_reference(treated)}: no plate has a treated well beside its controls.")
    sample = _together(kept, plan)
    return replace(sample, new=merged([*found, *(line for part in parts for line in part.new), *sample.new]))


def with_ledger(result: pd.DataFrame, cells: pd.DataFrame | Cells | PathLike, new: Sequence[Line]) -> pd.DataFrame:
    """Return the result with the ledger of the cells and the new lines."""
    if isinstance(cells, pd.DataFrame):
        return written(result, cells, new=new)
    old = cells.lines if isinstance(cells, Cells) else []
    result.attrs[KEY] = Ledger([*old, *new])
    return result


def _read(piece: Partition, plan: SamplePlan, counter: Counter) -> pd.DataFrame:
    table = piece.read(list(dict.fromkeys([*plan.place, *plan.labels, *plan.beside, *plan.features])))
    counter.add(piece.plate, len(table), piece.size)
    return table


def _sample_plates(table: pd.DataFrame, plan: SamplePlan, step: str) -> list[Sample]:
    """Return the sample of each plate of a table."""
    codes, _ = groups(table, plan.plate, "plate")
    if codes.max() == 0:
        return [_sample_plate(table, plan, step)]
    order = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return [_sample_plate(table.iloc[members], plan, step) for members in order]


def _sample_plate(table: pd.DataFrame, plan: SamplePlan, step: str) -> Sample:
    codes, _ = groups(table, plan.place, "well")
    wells, new = describe_wells(table, codes, plan, step)
    count = np.bincount(codes, minlength=len(wells))
    few = wells["_known"] & (count < FEWEST_CELLS)
    new += lines(step, "well", well_names(wells[few], plan), f"left out: fewer than {FEWEST_CELLS} cells")
    usable = (wells["_known"] & ~few).to_numpy()
    is_control = matches(wells, plan.reference) & usable
    wanted = ~is_control & (True if plan.treated is None else matches(wells, plan.treated, "treated"))
    wanted &= usable
    name = "the screen" if plan.plate is None else f"plate {wells[plan.plate].iloc[0]!r}"
    if not wanted.any():
        return _empty(lines(step, "plate", [name], "left out: no treated well"))
    if is_control.sum() < FEWEST_CONTROLS:
        raise ReferenceRowsError(
            f"reference={describe_reference(plan.reference)}: {name} has {int(is_control.sum())} control wells; a well "
            f"is compared with the controls of its own plate, {FEWEST_CONTROLS} at least: widen the reference, or "
            "leave the plate out with treated=."
        )
    z, flat = _scaled(table, is_control[codes], plan)
    new += lines(step, "feature", flat, f"no spread in the control cells of {name}: counts as unchanged")
    numbers = np.cumsum(is_control | wanted) - 1
    chosen = _draw(z, np.where((is_control | wanted)[codes], numbers[codes], -1), plan)
    kept = is_control | wanted
    wells = wells[kept].drop(columns="_known").reset_index(drop=True)
    return Sample(
        z[chosen],
        numbers[codes[chosen]],
        table.iloc[chosen][plan.beside].reset_index(drop=True),
        wells,
        np.zeros(len(wells), np.intp),
        is_control[kept],
        np.full(len(wells), -1, np.intp),
        count[kept],
        pd.DataFrame(),
        tuple(plan.features),
        new,
    )


def _empty(new: list[Line]) -> Sample:
    none = np.zeros(0, np.intp)
    table = pd.DataFrame()
    return Sample(np.zeros((0, 0), np.float32), none, table, table, none, none.astype(bool), none, none, table, (), new)


def _scaled(table: pd.DataFrame, is_control: Mask, plan: SamplePlan) -> tuple[NDArray[np.float32], list[str]]:
    x = split(table[plan.features], plan.features).x
    scaling = fit_mad(x[is_control])
    flat = scaling.flat | np.isnan(scaling.scale)
    z = (x - scaling.location) / np.where(flat, np.inf, scaling.scale)
    clipped: NDArray[np.float32] = np.clip(np.nan_to_num(z, nan=0.0), -FARTHEST, FARTHEST).astype(np.float32)
    return clipped, [name for name, none in zip(plan.features, flat, strict=True) if none]


def _draw(z: NDArray[np.float32], well: Indices, plan: SamplePlan) -> Indices:
    """Return rows of the sample, well after well; which ones depends on what the cells hold, not on their order."""
    order = content_order(z, np.argsort(np.array(plan.features, dtype=object)))
    order = order[np.argsort(well[order], kind="stable")]
    order = order[well[order] >= 0]
    parts = np.split(order, np.flatnonzero(np.diff(well[order])) + 1)
    drawn = []
    for part in parts:
        if len(part) > plan.max_cells:
            rng = np.random.default_rng([plan.seed, len(part)])
            part = part[np.sort(rng.choice(len(part), plan.max_cells, replace=False))]
        drawn.append(part)
    return np.concatenate(drawn)


def _together(parts: list[Sample], plan: SamplePlan) -> Sample:
    """Return the samples of all plates as one; plates are numbered by what they hold, so that names have no say."""
    by_name = np.argsort(np.array(plan.features, dtype=object))
    parts = [
        parts[i] for i in content_order(np.array([part.z.mean(axis=0, dtype=np.float64) for part in parts]), by_name)
    ]
    offset = np.cumsum([0, *(len(part.wells) for part in parts[:-1])])
    wells = stacked([part.wells for part in parts])
    is_control = np.concatenate([part.is_control for part in parts])
    codes, keys = groups(wells[~is_control], plan.by)
    group = np.full(len(wells), -1, np.intp)
    group[~is_control] = codes
    return Sample(
        np.concatenate([part.z for part in parts]),
        np.concatenate([part.well + start for part, start in zip(parts, offset, strict=True)]),
        stacked([part.cells for part in parts]),
        wells,
        np.repeat(np.arange(len(parts)), [len(part.wells) for part in parts]),
        is_control,
        group,
        np.concatenate([part.n_cells for part in parts]),
        keys,
        parts[0].features,
        [],
    )
