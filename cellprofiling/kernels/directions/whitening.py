"""Features made uncorrelated and of variance one, as measured on reference rows.

The four ways of Kessy, Lewin and Strimmer (2018), doi 10.1080/00031305.2016.1277159, with the shrinkage of Ledoit and
Wolf (2004), doi 10.1016/S0047-259X(03)00096-4, computed from thin factorizations.
"""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.directions.shrinkage import ledoit_wolf_share
from cellprofiling.kernels.scale.scale import Scaling, fit_standard

COLUMNS_AT_ONCE = 64


@dataclass(frozen=True)
class Whitening:
    """A linear map after which the reference rows have the covariance I.

    Attributes
    ----------
    location, scale : subtracted from and divided into each feature first, shape (n_features,).
    directions : orthonormal columns in which the scaled reference rows spread, shape (n_features, rank).
    gains : what each direction is multiplied by, shape (rank,).
    rest : what everything across those directions is multiplied by.
    rotate_back : whether the result is features again (ZCA) or one column per direction (PCA).
    shrinkage : how much of the target went into the covariance.
    n_rows : number of reference rows.
    """

    location: Doubles
    scale: Doubles
    directions: Doubles
    gains: Doubles
    rest: float
    rotate_back: bool
    shrinkage: float
    n_rows: int

    @property
    def rank(self) -> int:
        """In how many directions the reference rows spread."""
        return len(self.gains)

    def apply(self, x: Floats) -> Doubles:
        """Return the rows of `x` whitened: shape (n_rows, n_features), or (n_rows, rank) without rotating back."""
        z = (x - self.location) / self.scale
        if not self.rotate_back:
            return z @ (self.directions * self.gains)
        beyond = self.directions * (self.gains - self.rest)
        if 2 * self.rank >= len(self.directions):
            matrix = beyond @ self.directions.T
            matrix[np.diag_indices_from(matrix)] += self.rest
            return z @ matrix
        y = (z @ beyond) @ self.directions.T
        y += self.rest * z
        return y


def fit_whitening(x: Floats, *, correlation: bool, rotate_back: bool, shrinkage: float | None) -> Whitening:
    """Return the map that gives the rows of `x` the covariance I.

    Parameters
    ----------
    x : shape (n_rows, n_features), at least two rows, no missing value, every feature with a spread.
    correlation : whether features are scaled to variance one first (ZCA-cor, PCA-cor).
    rotate_back : whether whitened values are turned back to the features (ZCA), or left on the axes (PCA).
    shrinkage : share of the target, 0 to 1; None takes the share that Ledoit and Wolf estimate.

    Notes
    -----
    With S the covariance (divided by n - 1) of the scaled rows and m the mean of its diagonal, what is whitened is
    (1 - shrinkage) S + shrinkage m I. Eigenvectors of S come from the singular value decomposition of the rows, not
    from S: squaring would lose half of the digits where units of features differ. With fewer rows than features
    nothing of size (n_features, n_features) is formed. A direction is turned so that its largest entry is positive.

    Across the directions in which the rows spread, the shrunk covariance is shrinkage * m; without shrinkage nothing is
    known there: `rest` is 0.
    """
    scaling = spreads(x)
    scale = scaling.scale if correlation else np.ones(x.shape[1])
    z = x - scaling.location
    z /= scale
    singular, directions = principal_directions(z, _rounding(x, scale))
    share = _ledoit_wolf(z, singular) if shrinkage is None else shrinkage
    variance = singular**2 / (len(z) - 1)
    target = share * variance.sum() / x.shape[1]
    return Whitening(
        location=scaling.location,
        scale=scale,
        directions=directions,
        gains=1 / np.sqrt((1 - share) * variance + target),
        rest=0.0 if target == 0 else float(1 / np.sqrt(target)),
        rotate_back=rotate_back,
        shrinkage=float(share),
        n_rows=len(z),
    )


def spreads(x: Floats) -> Scaling:
    """Return mean and standard deviation (n - 1) of each column of `x`, a few columns at a time to save memory."""
    parts = [fit_standard(x[:, i : i + COLUMNS_AT_ONCE], ddof=1) for i in range(0, x.shape[1], COLUMNS_AT_ONCE)]
    return Scaling(np.concatenate([part.location for part in parts]), np.concatenate([part.scale for part in parts]))


def _rounding(x: Floats, scale: Doubles) -> float:
    """Return how far a scaled value may be off because `x` holds only so many digits."""
    largest = np.maximum(x.max(axis=0), -x.min(axis=0))
    return float((np.finfo(x.dtype).eps * largest / scale).max())


def _ledoit_wolf(z: Doubles, singular: Doubles) -> float:
    """Return the share of the target that makes the expected squared error smallest.

    The formula needs only the eigenvalues of z'z and the lengths of the rows. `z` is centered.
    """
    variance = singular**2 / len(z)
    fourth = (np.einsum("ij,ij->i", z, z) ** 2).sum()
    return ledoit_wolf_share(variance.sum(), (variance**2).sum(), fourth, *z.shape)
