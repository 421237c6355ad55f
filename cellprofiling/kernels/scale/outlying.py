"""How far each well lies from others of its kind on its plate, none of which had a say in what is usual."""

import numpy as np
from scipy.stats import chi2

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.scale.scale import MAD_TO_SD

CLIP = 3.0  # MADs beyond which a residual counts as this far in the covariance, so that strays do not hide each other
RIDGE = 0.05  # share of the mean variance added to every direction


def distances(x: Doubles, plate: Indices) -> Doubles:
    """Return the Mahalanobis distance of each well from the median of the others on its plate, shape (n_wells,).

    Parameters
    ----------
    x : wells of one kind, few features (about ten), shape (n_wells, n_features).
    plate : of each well.

    Notes
    -----
    The covariance is that of the residuals of all other plates, or of the plate itself if there are too few, each
    clipped at 3 MADs. Distances are divided by what makes their median that of a normal cloud, that of the plate where
    its wells lie wider than those of others (uneven controls are not stray ones), and then by the 99.9 % point of one:
    beyond 1, a well is farther than 999 of 1,000 normal wells. NaN for a plate with fewer than four wells.
    """
    residuals = np.full(x.shape, np.nan)
    for code in np.unique(plate):
        here = np.flatnonzero(plate == code)
        if len(here) >= 4:
            for i in here:
                residuals[i] = x[i] - np.median(x[here[here != i]], axis=0)
    known = np.isfinite(residuals).all(axis=1)
    k, squared = x.shape[1], np.full(len(x), np.nan)
    for code in np.unique(plate[known]):
        here = known & (plate == code)
        others = known & (plate != code)
        judges = residuals[others if others.sum() >= 3 * k else here]
        r = residuals[here]
        squared[here] = np.einsum("ij,jk,ik->i", r, np.linalg.pinv(_covariance(judges)), r)
    if not known.any():
        return squared
    usual, normal = float(np.median(squared[known])), chi2.ppf(0.5, k)
    for code in np.unique(plate[known]):
        here = known & (plate == code)
        widest = max(usual, float(np.median(squared[here])))
        squared[here] /= widest / normal if widest > 0 else 1.0
    return np.sqrt(squared / chi2.ppf(0.999, k))


def _covariance(residuals: Doubles) -> Doubles:
    spread = MAD_TO_SD * np.median(np.abs(residuals), axis=0)
    clipped = np.clip(residuals, -CLIP * spread, CLIP * spread)
    covariance = clipped.T @ clipped / len(clipped)
    return covariance + RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
