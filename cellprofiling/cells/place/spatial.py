"""Whether cells that are alike lie together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.cells.place.neighborhood import find_images
from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, groups, require
from cellprofiling.core.errors import InputError, listed
from cellprofiling.core.frame import Table, feature_columns, join
from cellprofiling.kernels.cells.surroundings import moran, neighbor_pairs


def measure_clustering(
    cells: pd.DataFrame,
    by: By = (PLATE, WELL),
    *,
    features: Sequence[str] | None = None,
    radius: float | None = None,
    image: By = None,
    x: str | None = None,
    y: str | None = None,
) -> pd.DataFrame:
    """
    Return Moran's I of each feature in each well: whether neighbors are more alike than cells of the well at large.

    Parameters
    ----------
    cells : pandas.DataFrame
        One row per cell.
    by : str or list of str, default ("Metadata_Plate", "Metadata_Well")
        The columns whose values make a group.
    features : list of str or None, default None
        The features; None takes all.
    radius : float or None, default None
        How far neighbors lie at most, as in `measure_neighborhood`.
    image : str or list of str or None, default None
        The columns whose values make an image, as there.
    x, y : str or None, default None
        The columns with the center of each cell, as there.

    Returns
    -------
    pandas.DataFrame
        One row per group, sorted by key: the `by` columns, ``Metadata_Object_Count``, ``Metadata_Neighbor_Pairs``
        (pairs of cells within the radius) and each feature with ``__moran`` behind its name: 0 for cells in
        any order, 1 where neighbors are the same, negative where they differ. Missing where no cell has a neighbor or
        all have the same value.

    Raises
    ------
    ColumnError
        If a column is missing.
    InputError
        If an image lies in several groups, `radius` is not positive, or no cell has a position.

    See Also
    --------
    measure_neighborhood : How crowded it is around each cell.

    Notes
    -----
    I = (N / W) sum_ij w_ij z_i z_j / sum_i z_i^2, with z the values less the mean of the group, w_ij = 1 for cells of
    one image within the radius and 0 otherwise, W the sum of w. For cells in any order it is -1 / (N - 1) on average.

    References
    ----------
    Moran (1950), Biometrika 37, 17, https://doi.org/10.2307/2332142

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=4, controls=4, cells_per_well=50, features=20)
    >>> clustering = cpf.measure_clustering(screen.cells)
    >>> bool(clustering.filter(like="__moran").abs().median(axis=None) < 0.1)
    True
    """
    checks.arguments(locals(), cells=checks.table)
    keys = require(cells, by, "by")
    names = feature_columns(cells, features)
    images = find_images(cells, radius, image, x, y)
    codes, found = groups(cells, keys)
    image_codes = images.codes(cells)
    pairs = np.unique(np.column_stack([image_codes, codes]), axis=0)
    shared = len(pairs) - len(np.unique(image_codes))
    if shared:
        raise InputError(f"image={listed(images.by)}: {shared} images lie in several groups of {listed(keys)}.")
    first, second = neighbor_pairs(images.places(cells), image_codes, images.radius)
    values = moran(cells[names].to_numpy(dtype=np.float64, na_value=np.nan), codes, len(found), first, second)
    metadata = found.assign(
        **{
            COUNT: np.bincount(codes, minlength=len(found)),
            "Metadata_Neighbor_Pairs": np.bincount(codes[first], minlength=len(found)),
        }
    )
    order = metadata.sort_values(keys, kind="stable").index.to_numpy()
    table = Table(metadata.loc[order].reset_index(drop=True), values[order], tuple(f"{name}__moran" for name in names))
    return join(table, source=cells)
