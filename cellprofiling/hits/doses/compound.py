"""The wells of one compound and the controls of their plates, in an order that only what they hold decides."""

from dataclasses import dataclass, replace

import numpy as np

from cellprofiling.hits.design import Layout
from cellprofiling.hits.doses.response import DoseSeries
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.doses.projection import project
from cellprofiling.kernels.doses.trend import Trial
from cellprofiling.kernels.scale.order import content_order

BLOCKS = 3  # of wells and controls, at least, for the way of one to be judged by the others
FEWEST_CONTROLS = 4  # in a part of a plate


@dataclass(frozen=True)
class Compound:
    """One compound.

    Attributes
    ----------
    trial : what is permuted.
    gram : inner products of its wells, each in the metric of the second, for a response that is fitted to the compound;
        else None.
    wells : the wells of the trial, as they stand in the series.
    block : number of the plate, or of the part of a plate, of each.
    """

    trial: Trial
    gram: Doubles | None
    wells: Indices
    block: Indices

    @property
    def unfit(self) -> bool:
        """Whether a projection has no second block to judge the first by."""
        return self.gram is not None and len(self.trial.n_treated) < 2


def build_compound(series: DoseSeries, group: int) -> Compound:
    """Return the wells of a compound with the controls of their plates."""
    layout = series.layout
    treated = np.flatnonzero(layout.group == group)
    level = np.zeros(len(layout.group), dtype=np.intp)
    level[treated] = np.unique(series.log_dose[treated], return_inverse=True)[1] + 1
    plates = np.unique(layout.plate[treated])
    blocks = []
    for plate in plates:
        here = np.flatnonzero(((layout.group == group) | layout.is_control) & (layout.plate == plate))
        here = here[_order(series, here, level[here])]
        for wells in _pieces(here, level[here], len(plates)) if series.profiles is not None else [here]:
            wells = np.concatenate([wells[level[wells] > 0], wells[level[wells] == 0]])
            given = level[wells][level[wells] > 0]
            blocks.append((len(wells) - len(given), given.tolist(), _content(series, wells), wells))
    # Plates that differ in size stand in the order of their size, equal ones in the order of what they hold.
    blocks.sort(key=lambda block: block[:3])
    wells = np.concatenate([block[3] for block in blocks])
    n_treated = np.array([len(block[1]) for block in blocks], dtype=np.intp)
    n_control = np.array([block[0] for block in blocks], dtype=np.intp)
    numbers = np.repeat(np.arange(len(blocks)), n_treated + n_control)
    trial = Trial(series.response[wells], n_treated, n_control, level[wells][level[wells] > 0])
    gram = None
    if series.profiles is not None:
        gram = series.profiles.x[wells] @ series.profiles.weighted[wells].T
    return Compound(trial, gram, wells, numbers)


def _order(series: DoseSeries, wells: Indices, level: Indices) -> Indices:
    """Return wells by dose level, and inside it by what they hold."""
    if series.profiles is None:
        return np.lexsort([series.response[wells], level])
    place = np.empty(len(wells), dtype=np.intp)
    place[content_order(series.profiles.x[wells])] = np.arange(len(wells))
    return np.lexsort([place, level])


def _content(series: DoseSeries, wells: Indices) -> list[float]:
    return (series.response[wells] if series.profiles is None else series.profiles.x[wells, 0]).tolist()


def _pieces(wells: Indices, level: Indices, n_plates: int) -> list[Indices]:
    """Return a plate in so many pieces that all plates give three, where treated wells and controls are enough."""
    treated, controls = wells[level > 0], wells[level == 0]
    n = max(1, min(-(-BLOCKS // n_plates), len(controls) // FEWEST_CONTROLS, len(treated)))
    return [np.concatenate([treated[i::n], controls[i::n]]) for i in range(n)]


def fitted_series(series: DoseSeries, compound: Compound) -> DoseSeries:
    """Return the wells of one compound with the response that the compound itself has set."""
    if compound.gram is None:
        raise AssertionError("only a projection is fitted to a compound")
    response = project(compound.gram, compound.trial, compound.trial.own)
    is_control = np.ones(len(compound.wells), dtype=bool)
    is_control[compound.trial.own] = False
    free = np.count_nonzero(is_control) - len(compound.trial.n_control)
    spread = np.sqrt((response[is_control] ** 2).sum() / max(1, free))
    response = response / spread if spread > 0 else response
    layout = Layout(is_control, compound.block, np.where(is_control, -1, 0), series.layout.keys[:0], ())
    return replace(
        series,
        response=response,
        profiles=None,
        log_dose=series.log_dose[compound.wells],
        layout=layout,
        rows=compound.wells,
    )
