"""Where the controls of each plate lie."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import means, medians


def control_centers(x: Floats, plate: Indices, is_control: Mask, *, median: bool = False) -> Doubles:
    """Return for each row the mean of the controls of its plate, or their median, shape (n_rows, n_features).

    Missing values are skipped. NaN on a plate without controls, and for a feature that none of its controls has: who
    asks decides what such a plate means, `numpy.nan_to_num` where its rows are to stay as they are.
    """
    centers = np.full(x.shape, np.nan)
    for code in np.unique(plate[is_control]):
        rows = plate == code
        centers[rows] = (medians if median else means)(x[rows & is_control])
    return centers
