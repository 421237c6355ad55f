"""What moves the factors of all cells of a well alike: batch, plate, well, position and crowding."""

import numpy as np
import pandas as pd

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.simulate.factors import CROWDING
from cellprofiling.simulate.model import Model


def well_shifts(model: Model, wells: pd.DataFrame, counts: Indices, batch: int, rng: np.random.Generator) -> Doubles:
    """Return the shift of every factor in every well of a plate, shape (n_wells, n_factors)."""
    preset, n_factors = model.preset, len(model.factors.names)
    plate = model.batches[batch] + preset.plate_sd * rng.standard_normal(n_factors)
    shifts = plate + preset.well_sd * rng.standard_normal((len(wells), n_factors))
    shifts += preset.position * np.outer(wells["position"], model.position)
    shifts[:, model.factors.of(CROWDING)] += preset.crowding * np.log(counts / preset.cells_per_well)
    return shifts
