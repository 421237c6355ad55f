"""Values of each plate about the plate, and over its spread: scales that no label can change."""

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.scale.scale import Scaling, fit_mad, fit_standard


def scale_by_plate(x: NDArray[np.floating], plate: NDArray[np.intp], *, rescale: bool) -> NDArray[np.float64]:
    """Return values less the median of all rows of their plate, and over their spread if asked for.

    Parameters
    ----------
    x : shape (n_rows, n_features); missing values stay missing.
    plate : number of the plate of each row.

    Notes
    -----
    The spread is the median absolute deviation of all rows, controls or not, or the standard deviation where more than
    half of the rows tie. A feature without spread on a plate says nothing there: missing.
    """
    result = np.empty(x.shape)
    for code in np.unique(plate):
        rows = plate == code
        robust, plain = fit_mad(x[rows]), fit_standard(x[rows])
        spread = np.where(robust.scale > 0, robust.scale, plain.scale)
        usable = np.where(spread > 0, spread if rescale else 1.0, np.nan)
        result[rows] = Scaling(robust.location, usable).apply(x[rows])
    return result
