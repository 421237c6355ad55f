"""Plates smoothed by polynomials fitted near each well."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Mask
from cellprofiling.kernels.models.least_squares import patterns
from cellprofiling.kernels.scale.scale import MAD_SCALE, medians

FAR = 3.0  # in MADs: values further off are moved there before the next fit, for hits must not bend the surface
AT_ONCE = 64  # wells whose local fits are solved together


def loess(places: Doubles, x: Floats, fit: Mask, *, degree: int = 2, span: float = 0.5, rounds: int = 3) -> Doubles:
    """Return the locally fitted value of each column of `x` at each well.

    Parameters
    ----------
    places : row and column of each well, shape (n_wells, 2).
    x : values, shape (n_wells, n_features); missing ones are left out.
    fit : which wells the fit is made on.
    degree : 1 for planes, 2 for quadratic surfaces.
    span : the share of the wells that each local fit sees.
    rounds : how often values further than three MADs from the fit so far (at first from the median) are moved there,
        and the fit is made again; 0 takes all values as they are.

    Notes
    -----
    Tricube weights of the distance in wells, (1 - (d / d_max)^3)^3. The fit is linear in the values with weights that
    only positions decide, so one matrix serves all features that miss the same wells.

    References
    ----------
    Cleveland, W. S. and Devlin, S. J. (1988), J. Am. Stat. Assoc. 83, 596,
    https://doi.org/10.1080/01621459.1988.10478639
    """
    fitted = np.full(x.shape, np.nan)
    inside = np.flatnonzero(fit)
    for present, columns in patterns(x[inside]):
        rows = inside[present]
        if len(rows):
            values = np.asarray(x[rows][:, columns], dtype=np.float64)
            weights = smoother(places, places[rows], degree, span)
            near = values
            for i in range(int(rounds)):
                near = _drawn_in(values, weights[rows] @ near if i else medians(values))
            fitted[:, columns] = weights @ near
    return fitted


def smoother(at: Doubles, places: Doubles, degree: int, span: float) -> Doubles:
    """Return the matrix that turns values at `places` into fitted values at `at`."""
    n_near = min(len(places), max(int(np.ceil(span * len(places))), n_terms(degree) + 1))
    parts = [_weights(at[i : i + AT_ONCE], places, degree, n_near) for i in range(0, len(at), AT_ONCE)]
    return np.concatenate(parts)


def n_terms(degree: int) -> int:
    """Return how many coefficients a local polynomial in row and column has."""
    return 3 if degree == 1 else 6


def _weights(at: Doubles, places: Doubles, degree: int, n_near: int) -> Doubles:
    offsets = places[None] - at[:, None]
    distance = np.sqrt((offsets**2).sum(axis=2))
    reach = np.partition(distance, n_near - 1, axis=1)[:, [n_near - 1]] * (1 + 1e-6) + 1e-9
    root = np.sqrt(np.clip(1 - (distance / reach) ** 3, 0, None) ** 3)
    r, c = offsets[:, :, 0] / reach, offsets[:, :, 1] / reach
    terms = [np.ones_like(r), r, c] if degree == 1 else [np.ones_like(r), r, c, r * c, r**2, c**2]
    design = np.stack(terms, axis=2) * root[:, :, None]
    inverse = np.linalg.pinv(design.transpose(0, 2, 1) @ design, rcond=1e-10, hermitian=True)
    return (design @ inverse[:, :, 0, None])[:, :, 0] * root  # the value at the place itself is the constant term


def _drawn_in(values: Doubles, fitted: Doubles) -> Doubles:
    residuals = values - fitted
    middle = medians(residuals)
    reach = FAR * MAD_SCALE * medians(np.abs(residuals - middle))
    return fitted + np.clip(residuals, middle - reach, middle + reach)
