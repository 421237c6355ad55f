"""Wells in units of the spread of their plate, which no label can change."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import MAD_SCALE, fit_standard, means, median_and_deviation, without_noise


def scale_plate(
    x: Floats,
    *,
    about: Mask | None = None,
    usual: Mask | None = None,
    fallback: bool = True,
    rescale: bool = True,
) -> Doubles:
    """Return the wells of one plate in units of the spread of each feature, shape (n_wells, n_features).

    Parameters
    ----------
    x : shape (n_wells, n_features); missing values stay missing and say nothing.
    about : wells whose mean becomes 0; if None, or none of them is marked, the median of the usual wells does.
    usual : wells whose median and spread are taken; all if None, or if none is marked.
    fallback : whether the standard deviation stands in for the spread where more than half of the usual wells tie.
    rescale : False leaves the units as they are.

    Notes
    -----
    The spread is 1.4826 times the median absolute deviation, which is the standard deviation of normal values: a
    feature with ties weighs as much as one without. A feature without spread says nothing: it is missing in all wells,
    rescaled or not. Spreads that are rounding noise count as none.
    """
    judges = x if usual is None or not usual.any() else x[usual]
    features = np.ascontiguousarray(np.transpose(judges), dtype=np.float64)
    middle, deviation = median_and_deviation(features)
    n = features.shape[1] - np.isnan(features).sum(axis=1)
    spread = without_noise(middle, MAD_SCALE * deviation, n, x.dtype).scale
    tied = np.flatnonzero(spread == 0)
    if fallback and len(tied):
        spread[tied] = fit_standard(judges[:, tied]).scale
    origin = middle if about is None or not about.any() else means(x[about])
    return (x - origin) / np.where(spread > 0, spread if rescale else 1.0, np.nan)


def scale_by_plate(x: Floats, plate: Indices, *, rescale: bool = True) -> Doubles:
    """Return the wells of each plate as `scale_plate` does, about the median of all wells of the plate.

    Parameters
    ----------
    x : shape (n_wells, n_features).
    plate : number of the plate of each well.
    """
    scaled = np.empty(x.shape)
    for code in np.unique(plate):
        scaled[plate == code] = scale_plate(x[plate == code], rescale=rescale)
    return scaled
