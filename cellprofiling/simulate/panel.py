"""The features of one screen: which columns, from which families, in which units."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.simulate.catalog import Family, catalog
from cellprofiling.simulate.marginals import FARTHEST, MARGINALS


@dataclass(frozen=True)
class Panel:
    """The columns of a screen, sorted by name as CellProfiler writes them.

    Attributes
    ----------
    names : of the features.
    families : the families they come from.
    family : number of the family of each feature.
    median, sd : over cells, in the units of the feature.
    """

    names: tuple[str, ...]
    families: tuple[Family, ...]
    family: Indices
    median: Doubles
    sd: Doubles

    @property
    def sizes(self) -> Indices:
        """How many features each family has here."""
        return np.bincount(self.family, minlength=len(self.families))

    @property
    def blocks(self) -> list[str]:
        """The compartment/group/channel of the families, each once."""
        return list(dict.fromkeys(family.block for family in self.families))

    @property
    def inside(self) -> Mask:
        """Which families are in which of the blocks, shape (n_families, n_blocks)."""
        return np.array([[family.block == block for block in self.blocks] for family in self.families])

    def in_units(self, z: Doubles) -> Doubles:
        """Return values on the normal scale, shape (n_cells, n_features), in the units of the features."""
        z = FARTHEST * np.tanh(z / FARTHEST)
        shapes = np.array([self.families[i].marginal for i in self.family])
        for name in dict.fromkeys(shapes):
            those = np.flatnonzero(shapes == name)
            z[:, those] = MARGINALS[name](z[:, those], self.median[those], self.sd[those])
        return z


def panel(n_features: int) -> Panel:
    """Return the first features of the catalog."""
    every = [(name, units, i) for i, family in enumerate(catalog()) for name, units in family.measures.items()]
    chosen = sorted(every[:n_features])
    family = np.array([i for _, _, i in chosen])
    median, sd = np.array([units for _, units, _ in chosen]).T
    return Panel(tuple(name for name, _, _ in chosen), catalog()[: family.max() + 1], family, median, sd)
