"""What each compound does: its kind, its potency, and where it moves the hidden factors of a cell."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.kernels.arrays import Doubles
from cellprofiling.simulate.factors import Factors
from cellprofiling.simulate.panel import Panel
from cellprofiling.simulate.presets import Cohort, Preset, Range

INERT = Cohort("inert", 0.0)
UNEVEN = 0.3  # SD of how far a mechanism moves each of its factors, mean 1
OWN_WAY = 0.35  # SD of how far a compound departs from its mechanism in each, likewise
COMMON = "size"  # the factor that every active compound moves, which makes even unlike mechanisms a little alike
AFFECTED = 0.5  # a group counts as affected if it moves at least half as far as the one that moves most


@dataclass(frozen=True)
class Library:
    """The compounds of a screen.

    Attributes
    ----------
    table : the truth, one row per compound.
    moves : shift of the factors of a responding cell at a saturating dose, shape (n_compounds, n_factors).
    """

    table: pd.DataFrame
    moves: Doubles


def draw_library(preset: Preset, panel: Panel, factors: Factors, seed: np.random.SeedSequence) -> Library:
    """Return the compounds; who is active does not depend on what is measured."""
    who, where = (np.random.default_rng(child) for child in seed.spawn(2))
    table = _characters(preset, who)
    directions = _directions(table["mechanism"], preset, factors, where)
    moved = _moved(directions, panel, factors)
    affected = (moved >= AFFECTED * moved.max(axis=1, keepdims=True)) & (moved > 0)
    n_features = affected * (panel.sizes @ panel.inside)
    unit = np.sqrt((moved**2 * n_features).sum(axis=1) / np.maximum(n_features.sum(axis=1), 1))
    scale = table["effect"].to_numpy() / np.where(unit, unit, 1.0)
    groups = [";".join(panel.blocks[i] for i in np.argsort(-row) if row[i]) for row in moved * affected]
    return Library(table.assign(groups=groups), directions * scale[:, None])


def hill(dose: Doubles, ec50: Doubles, slope: Doubles) -> Doubles:
    """Return the share of the full effect: 0.5 at the EC50, 0 where there is no EC50 or no dose."""
    with np.errstate(divide="ignore"):
        return np.nan_to_num(1 / (1 + (ec50 / dose) ** slope))


def _characters(preset: Preset, rng: np.random.Generator) -> pd.DataFrame:
    """Return everything about the compounds but the features they move."""
    n = preset.compounds
    cohorts = _cohorts(preset, rng)
    ec50, lethal_ec50 = _log_uniform(preset.ec50, n, rng), _log_uniform(preset.lethal_ec50, n, rng)
    effect = np.array([cohort.effect for cohort in cohorts])
    toxic = np.array([cohort.type.startswith("toxic") for cohort in cohorts])
    return pd.DataFrame(
        {
            "Metadata_Compound": [f"CPD-{i + 1:03d}" for i in range(n)],
            "type": [cohort.type for cohort in cohorts],
            "mechanism": _mechanisms(cohorts, preset.mechanism_size),
            "active": effect > 0,
            "toxic": toxic,
            "effect": effect,
            "fraction": np.where(effect > 0, [cohort.fraction for cohort in cohorts], 0.0),
            "ec50": np.where(effect > 0, ec50, np.nan),
            "lethal_ec50": np.where(toxic, lethal_ec50, np.nan),
            "slope": rng.uniform(*preset.slope, n),
        }
    )


def _cohorts(preset: Preset, rng: np.random.Generator) -> list[Cohort]:
    """Return the cohort of each compound, in random order."""
    ends = np.round(np.cumsum([cohort.share for cohort in preset.cohorts]) * preset.compounds)
    place = np.searchsorted(ends, rng.permutation(preset.compounds), side="right")
    return [(*preset.cohorts, INERT)[i] for i in place]


def _mechanisms(cohorts: list[Cohort], size: int) -> list[str | None]:
    """Return a mechanism for each compound that moves features; those who share one are of one cohort."""
    names: list[str | None] = [None] * len(cohorts)
    found = 0
    for cohort in dict.fromkeys(cohorts):
        members = [i for i, other in enumerate(cohorts) if other == cohort and cohort.effect]
        for i, member in enumerate(members):
            found += i % size == 0
            names[member] = f"Mechanism {found:02d}"
    return names


def _log_uniform(between: Range, n: int, rng: np.random.Generator) -> Doubles:
    low, high = between
    return low * (high / low) ** rng.random(n)


def _moved(directions: Doubles, panel: Panel, factors: Factors) -> Doubles:
    """Return how far each direction moves the features of each block, in the root mean square."""
    squares = (directions @ factors.weights.T) ** 2 * panel.sizes
    return np.sqrt(squares @ panel.inside / (panel.sizes @ panel.inside))


def _directions(mechanism: pd.Series, preset: Preset, factors: Factors, rng: np.random.Generator) -> Doubles:
    """Return where each compound moves the factors, shape (n_compounds, n_factors); 0 for those without a mechanism."""
    number, mechanisms = pd.factorize(mechanism)
    usual = np.sign(rng.standard_normal(len(factors.names)))
    directions = [_direction(usual, preset, factors, rng) for _ in mechanisms]
    own = 1 + OWN_WAY * rng.standard_normal((len(number), len(usual)))
    return np.array([*directions, 0 * usual])[number] * own


def _direction(usual: Doubles, preset: Preset, factors: Factors, rng: np.random.Generator) -> Doubles:
    """Return where one mechanism moves the factors: most not at all, the others mostly in the usual direction."""
    n = len(usual)
    moved = factors.movable & (rng.random(n) < rng.uniform(*preset.breadth))
    moved[factors.of(COMMON)] = True
    sign = np.where(rng.random(n) < preset.likeness, usual, -usual)
    return np.where(moved, sign * np.abs(1 + UNEVEN * rng.standard_normal(n)), 0.0)
