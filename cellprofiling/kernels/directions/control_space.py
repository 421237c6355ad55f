"""A space in which the cells of some control wells have covariance one, for scoring cells of all other wells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.directions.shrinkage import ledoit_wolf_share

LEAST_SHRUNK = 0.1  # share of the target; the formula takes cells for independent, but cells of a well are alike
CELLS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class ControlSpace:
    """A whitening of cells by the cells of control wells of the same plates.

    Attributes
    ----------
    centers, spreads : mean and SD of the control cells of each plate, shape (n_plates, n_features); NaN for a plate
        without. A feature without spread has an infinite one, so that it says nothing.
    map : shape (n_features, n_features).
    """

    centers: Doubles
    spreads: Doubles
    map: Doubles

    def apply(self, z: Floats, plate: Indices) -> NDArray[np.float32]:
        """Return the cells in this space: shape (n_cells, n_features)."""
        y = np.empty(z.shape, np.float32)
        for start in range(0, len(z), CELLS_AT_ONCE):
            part = slice(start, start + CELLS_AT_ONCE)
            y[part] = ((z[part] - self.centers[plate[part]]) / self.spreads[plate[part]]) @ self.map
        return y


def fit_control_space(z: Floats, plate: Indices, n_plates: int) -> ControlSpace:
    """Return the space of control cells `z` of the numbered plates.

    Notes
    -----
    Cells are standardized by those of their plate alone, so that nothing learned from other wells before, such as a
    scale from all controls, is left but where extreme values were cut. Their correlations over all plates are shrunk
    toward I by the share that Ledoit and Wolf estimate for independent cells, a tenth at least.

    References
    ----------
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    n_features = z.shape[1]
    centers, spreads = np.full((n_plates, n_features), np.nan), np.full((n_plates, n_features), np.nan)
    scatter, lengths = np.zeros((n_features, n_features)), 0.0
    for number in np.unique(plate):
        x = z[plate == number].astype(np.float64)
        centers[number] = x.mean(axis=0)
        x -= centers[number]
        spread = np.sqrt((x**2).mean(axis=0))
        spreads[number] = np.where(spread > 0, spread, np.inf)
        x /= spreads[number]
        scatter += x.T @ x
        lengths += float((np.einsum("ij,ij->i", x, x) ** 2).sum())
    correlation = scatter / len(z)
    target = np.trace(correlation) / n_features
    if target == 0:
        return ControlSpace(centers, spreads, np.eye(n_features))
    share = ledoit_wolf_share(np.trace(correlation), (correlation**2).sum(), lengths, len(z), n_features)
    share = max(share, LEAST_SHRUNK)
    variance, directions = np.linalg.eigh(correlation)
    gains = 1 / np.sqrt((1 - share) * np.maximum(variance, 0) + share * target)
    return ControlSpace(centers, spreads, (directions * gains) @ directions.T)


def halves(plate: Indices, seed: int) -> Mask:
    """Return which of some control wells are of the first half, at random inside plates.

    Parameters
    ----------
    plate : of each well; wells come in an order that their content decides.
    """
    first = np.zeros(len(plate), bool)
    for number in np.unique(plate):
        members = np.flatnonzero(plate == number)
        rng = np.random.default_rng([seed, len(members)])
        first[rng.permutation(members)[: len(members) // 2]] = True
    return first
