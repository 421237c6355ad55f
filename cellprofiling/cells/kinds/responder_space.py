"""Control wells in two halves, and the cells of all wells in the space of each half."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellprofiling.cells.sampling.sampling import Sample
from cellprofiling.kernels.arrays import Indices
from cellprofiling.kernels.cells.responders import Cells
from cellprofiling.kernels.directions.control_space import fit_control_space, halves
from cellprofiling.kernels.scale.order import content_order


@dataclass(frozen=True)
class Half:
    """All cells in the space that half of the control wells (`fitted`) defined, and the other half to compare with."""

    cells: Cells
    fitted: Indices
    controls: Indices


def two_halves(sample: Sample, seed: int) -> Iterator[Half]:
    """Yield both ways of fitting on half of the control wells of each plate and comparing with the other half.

    One at a time, because each holds all cells once. Names and order of wells have no say in the halves.
    """
    starts, cell_plate = sample.starts, sample.plate[sample.well]
    means = np.add.reduceat(sample.z, starts[:-1], axis=0, dtype=np.float64) / np.diff(starts)[:, None]
    order = content_order(means, np.argsort(np.array(sample.features, dtype=object)))
    controls = order[sample.is_control[order]]
    first = halves(sample.plate[controls], seed)
    for fitted in (first, ~first):
        chosen = np.isin(sample.well, controls[fitted])
        space = fit_control_space(sample.z[chosen], cell_plate[chosen], int(sample.plate.max()) + 1)
        yield Half(Cells(space.apply(sample.z, cell_plate), starts, sample.plate), controls[fitted], controls[~fitted])
