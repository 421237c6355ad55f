"""Missing values filled by what the group says."""

import numpy as np
from numpy.typing import NDArray


def fill_with_median(x: NDArray[np.floating], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return `x` with each missing value set to the median of its feature in its group.

    Parameters
    ----------
    x : shape (n_rows, n_features).
    codes : group number of each row.

    Notes
    -----
    A feature without any value in a group is set to 0 there, in all of its rows: it tells its rows apart no more.
    """
    filled = np.array(x, dtype=np.float64)
    for group in np.unique(codes[np.isnan(x).any(axis=1)]):
        rows = codes == group
        block = filled[rows]
        empty = np.isnan(block).all(axis=0)
        block[:, empty] = 0.0
        filled[rows] = np.where(np.isnan(block), np.nanmedian(block, axis=0), block)
    return filled
