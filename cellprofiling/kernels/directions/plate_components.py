"""The directions in which wells differ most within their plates."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.principal import widest_directions, widest_of_rows
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.plate_scale import scale_plate

FAR = 10.0  # spreads beyond which a value counts as this far: one dead well is no component


def plate_components(x: Doubles, plate: Indices, n_components: int = 3) -> Doubles:
    """Return the first principal components of wells, each feature scaled on its own plate.

    Parameters
    ----------
    x : shape (n_wells, n_features), without missing values.
    plate : number of the plate of each well, from 0.

    Returns
    -------
    Shape (n_wells, n_components), or as many as there are features, or directions in which wells differ.
    """
    plates = [np.flatnonzero(plate == number) for number in range(plate.max(initial=-1) + 1)]
    plates = [rows[content_order(x[rows])] for rows in plates]
    # In an order that neither names of plates nor rows change: sums of floats depend on it
    ordered = [plates[number] for number in content_order(np.array([x[rows[0]] for rows in plates]))]
    if len(x) < x.shape[1]:
        axes = widest_of_rows(np.concatenate([_scaled(x[rows]) for rows in ordered]), n_components)[1]
    else:
        product = np.zeros((x.shape[1], x.shape[1]))
        for rows in ordered:
            scaled = _scaled(x[rows])
            product += scaled.T @ scaled
        axes = widest_directions(product, n_components)[1]
    found = np.empty((len(x), axes.shape[1]))
    for rows in plates:
        found[rows] = _scaled(x[rows]) @ axes
    return found


def _scaled(x: Doubles) -> Doubles:
    """Return the wells of a plate in units of its spread, 10 at most; a feature without any is 0."""
    return np.clip(np.nan_to_num(scale_plate(x)), -FAR, FAR)
