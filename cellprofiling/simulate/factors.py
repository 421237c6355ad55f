"""What makes the features of a cell move together: a factor model fitted by eye to real cells of two sites.

A cell has some two hundred hidden numbers: where it is in the cell cycle, how crowded it is, a few that move
everything, one for each compartment x group x channel, and a tail of small ones. A family of features is a weighted
sum of them plus noise of its own, with variance 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.simulate.catalog import Family, catalog

# Shares of variance; together they give the spectrum of two JUMP sites (tests/simulate/test_realism.py has the bands).
EVERYTHING = {"stain": 0.45, "size": 0.22, "focus": 0.10, "crowding": 0.06}
BLOCKS = 0.25
TAIL = 0.07
OWN = 0.04
UNEVENNESS = 0.9  # SD of the logarithm of how strongly a family follows the factors that move everything
N_TAIL = 40
CYCLE, CROWDING, SMALL = "cycle", "crowding", "small"

# Weights that biology fixes: factor, beginning of the block, part of the name, weight.
KNOWN = (
    (CYCLE, "Nuclei/Intensity/DNA", "_IntegratedIntensity_", 0.97),
    (CYCLE, "Nuclei/Intensity/DNA", "_MeanIntensity_", 0.4),
    (CYCLE, "Nuclei/AreaShape", "_Area", 0.5),
    (CROWDING, "Cells/Neighbors", "ClosestDistance", -0.6),
    (CROWDING, "Cells/Neighbors", "PercentTouching", 0.6),
    (CROWDING, "Cells/AreaShape", "_Area", -0.3),
)


@dataclass(frozen=True)
class Factors:
    """Weights of hidden factors in families of features.

    Attributes
    ----------
    weights : shape (n_families, n_factors).
    own : SD of each family's own noise, shape (n_families,).
    names : of the factors; a block factor is called like its block.
    """

    weights: Doubles
    own: Doubles
    names: tuple[str, ...]

    def of(self, name: str) -> int:
        """Return the column of a factor."""
        return self.names.index(name)

    @property
    def movable(self) -> Mask:
        """Which factors compounds move: not the cycle, nor crowding, nor the small ones."""
        return np.array([name not in (CYCLE, CROWDING) and not name.startswith(SMALL) for name in self.names])


def draw_factors(n_families: int, rng: np.random.Generator) -> Factors:
    """Return weights for the first families of the catalog; the same ones however many are asked for."""
    families = catalog()
    columns = {CYCLE: np.zeros(len(families)), **_everything(len(families), rng)}
    columns |= dict(_blocks(families, rng)) | dict(_tail(len(families), rng))
    weights = np.stack(list(columns.values()), axis=1)
    scale = np.sqrt((weights**2).sum(axis=1, keepdims=True) + OWN)
    weights, own = _with_known(weights / scale, np.sqrt(OWN) / scale[:, 0], list(columns), families)
    used = np.flatnonzero(weights[:n_families].any(axis=0))
    return Factors(weights[:n_families, used], own[:n_families], tuple(np.array(list(columns))[used]))


def _everything(n: int, rng: np.random.Generator) -> dict[str, Doubles]:
    follows = np.exp(UNEVENNESS * rng.standard_normal(n))
    return {
        name: follows * _of_share(_signs(n, 0.5, rng) * 0.8 + 0.6 * rng.standard_normal(n), share)
        for name, share in EVERYTHING.items()
    }


def _blocks(families: Sequence[Family], rng: np.random.Generator) -> Iterator[tuple[str, Doubles]]:
    """Yield one factor per compartment x group, per group x channel, and per block."""
    by_part = [
        [f"{family.compartment}/{family.group}/*" for family in families],
        [f"*/{family.group}/{family.channel}" for family in families],
        [family.block for family in families],
    ]
    for labels in by_part:
        for label in dict.fromkeys(labels):
            inside = np.array([other == label for other in labels])
            column = _signs(len(families), 0.75, rng) + 0.5 * rng.standard_normal(len(families))
            yield label, _of_share(np.where(inside, column, 0.0), BLOCKS / len(by_part))


def _tail(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Doubles]]:
    shares = np.arange(1, N_TAIL + 1) ** -0.9
    for i, share in enumerate(TAIL * shares / shares.sum()):
        yield f"{SMALL} {i}", np.sqrt(share) * rng.standard_normal(n)


def _with_known(
    weights: Doubles, own: Doubles, names: list[str], families: Sequence[Family]
) -> tuple[Doubles, Doubles]:
    """Return the weights with the known ones set, the others of that family made smaller to keep variance 1."""
    weights, own = weights.copy(), own.copy()
    for factor, block, part, weight in KNOWN:
        column = names.index(factor)
        for i, family in enumerate(families):
            if family.block.startswith(block) and any(part in name for name in family.measures):
                others = np.sqrt((1 - weight**2) / (1 - weights[i, column] ** 2))
                weights[i] *= others
                own[i] *= others
                weights[i, column] = weight
    return weights, own


def _signs(n: int, plus: float, rng: np.random.Generator) -> Doubles:
    return np.where(rng.random(n) < plus, 1.0, -1.0)


def _of_share(column: Doubles, share: float) -> Doubles:
    """Return the column scaled to explain that share of the variance where it is not 0."""
    return column * np.sqrt(share / np.mean(column[column != 0] ** 2))
