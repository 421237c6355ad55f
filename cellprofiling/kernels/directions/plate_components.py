"""The directions in which wells differ most within their plates."""

import numpy as np
from scipy.linalg import eigh

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.scale.order import content_order

FAR = 10.0  # spreads beyond which a value counts as this far: one dead well is no component


def plate_components(x: Doubles, plate: Indices, n_components: int = 3) -> Doubles:
    """Return the first principal components of wells, each feature scaled on its own plate.

    Parameters
    ----------
    x : shape (n_wells, n_features), without missing values.
    plate : number of the plate of each well, from 0.

    Returns
    -------
    Shape (n_wells, n_components), or as many as there are features.
    """
    plates = [np.flatnonzero(plate == number) for number in range(plate.max(initial=-1) + 1)]
    plates = [rows[content_order(x[rows])] for rows in plates]
    # In an order that neither names of plates nor rows change: sums of floats depend on it
    product = np.zeros((x.shape[1], x.shape[1]))
    for number in content_order(np.array([x[rows[0]] for rows in plates])):
        scaled = plate_scaled(x[plates[number]])
        product += scaled.T @ scaled
    n = x.shape[1]
    axes = eigh(product, subset_by_index=[max(0, n - n_components), n - 1])[1][:, ::-1]
    found = np.empty((len(x), axes.shape[1]))
    for rows in plates:
        found[rows] = plate_scaled(x[rows]) @ axes
    return found


def plate_scaled(x: Doubles) -> Doubles:
    """Return the wells of a plate in units of the spread of each feature, about its median, 10 at most.

    The spread is the MAD, the standard deviation where that is 0; a feature without any is 0.
    """
    centered = x - np.median(x, axis=0)
    spread = np.median(np.abs(centered), axis=0)
    spread = np.where(spread > 0, spread, centered.std(axis=0))
    return np.clip(np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0), -FAR, FAR)
