"""What is wrong with some features of real tables: missing values, no spread, a floor."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.simulate.presets import Preset

FLOOR = 0.5  # SDs of a cell: seven of ten cells then have the lowest value
LOST = (0.001, 0.05)  # share of cells without a value, in features that have missing values


@dataclass(frozen=True)
class Blemishes:
    """Which features have something wrong with them.

    Attributes
    ----------
    constant, floored, missing : numbers of the features.
    lost : share of cells whose value is missing, one for each of `missing`.
    """

    constant: Indices
    floored: Indices
    missing: Indices
    lost: Doubles

    def flatten(self, z: Doubles) -> Doubles:
        """Return z, shape (n_cells, n_features), with the spread of some features taken away; z is used up."""
        z[:, self.constant] = 0.0
        z[:, self.floored] = np.maximum(z[:, self.floored], FLOOR)
        return z

    def lose(self, x: Doubles, rng: np.random.Generator) -> Doubles:
        """Return x with missing values; x is used up."""
        lost = rng.random((len(x), len(self.missing))) < self.lost
        x[:, self.missing] = np.where(lost, np.nan, x[:, self.missing])
        return x


def draw_blemishes(preset: Preset, n_features: int, rng: np.random.Generator) -> Blemishes:
    """Return blemishes on different features."""
    shares = (preset.constant_features, preset.floored_features, preset.missing_features)
    ends = np.cumsum([int(np.ceil(share * n_features)) for share in shares])
    constant, floored, missing, _ = np.split(rng.permutation(n_features), ends)
    return Blemishes(constant, floored, missing, rng.uniform(*LOST, len(missing)))
