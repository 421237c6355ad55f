"""Wells of a clean screen, without their cells, in which faults can be planted."""

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE, WELL
from cellprofiling.core.plates import plate_shape, well_names
from cellprofiling.kernels.arrays import Doubles

CONTROL, POSITIVE = "DMSO", "Staurosporine"
MAPS = 2  # the plates take turns with so many platemaps
CELLS, COUNT_SD, PLATE_SD = 400, 0.08, 0.08  # cells of a usual well; SDs of logarithms: wells, plates
SURVIVORS = 0.1  # of the cells, in positive controls
PLATE_SHIFT = 0.2  # of plates in each feature, in SDs of a well
OWN_NOISE = 0.6  # of each feature, beside what all follow
UNITS = 20.0  # features lie so many SDs from 0, as areas and intensities do


def simulate_wells(
    *,
    plates: int = 8,
    batches: int = 1,
    wells_per_plate: int = 384,
    controls: int = 32,
    positives: int = 16,
    features: int = 60,
    factors: int = 25,
    active: float = 0.25,
    effect: float = 1.5,
    strength: float = 5.0,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Return the wells of a screen without any fault: cell counts, and features that follow some hidden factors.

    Parameters
    ----------
    plates, batches : number of plates, in order of acquisition, and of the batches they are split into.
    wells_per_plate : format of the plates, all wells in use.
    controls, positives : negative and positive controls on each plate, at random places; a fourth of the negative ones
        fill every other well of the second and of the last column but one.
    features, factors : number of features, and of hidden factors that they follow.
    active, effect : share of compounds that are active, and their effect in SDs of a well (root mean square).
    strength : effect of the positive control, likewise.
    seed : seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(factors, features)) / np.sqrt(factors)
    maps = [_platemap(wells_per_plate, controls, positives, m, rng) for m in range(min(MAPS, plates))]
    names = sorted({name for one in maps for name in one} - {CONTROL, POSITIVE})
    moved = {name: _effect(rng, factors, effect) * (rng.random() < active) for name in names}
    moved |= {CONTROL: np.zeros(factors), POSITIVE: _effect(rng, factors, strength)}
    frames = [
        _plate(i, maps[i % len(maps)], moved, loadings, plates, batches, wells_per_plate, rng) for i in range(plates)
    ]
    return pd.concat(frames, ignore_index=True)


def _platemap(n_wells: int, controls: int, positives: int, number: int, rng: np.random.Generator) -> list[str]:
    n_rows, n_columns = plate_shape(n_wells)
    holds = np.full(n_wells, "", dtype=object)
    column = [row * n_columns + c for c in (1, n_columns - 2) for row in range(number % 2, n_rows, 2)]
    fixed = np.array(column)[: max(controls // 4, 1)] if controls < 2 * n_rows else np.array(column)
    holds[fixed] = CONTROL
    free = rng.permutation(np.flatnonzero(holds == ""))
    holds[free[: controls - len(fixed)]] = CONTROL
    holds[free[controls - len(fixed) : controls - len(fixed) + positives]] = POSITIVE
    rest = np.flatnonzero(holds == "")
    holds[rest] = [f"C{number}{i:03d}" for i in rng.permutation(len(rest))]
    return list(holds)


def _effect(rng: np.random.Generator, factors: int, size: float) -> Doubles:
    direction = rng.normal(size=factors)
    return size * np.sqrt(factors) * direction / np.linalg.norm(direction)


def _plate(
    number: int,
    holds: list[str],
    moved: dict[str, Doubles],
    loadings: Doubles,
    plates: int,
    batches: int,
    n_wells: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    factors, features = loadings.shape
    latent = np.array([moved[name] for name in holds]) + rng.normal(size=(n_wells, factors))
    x = latent @ loadings + OWN_NOISE * rng.normal(size=(n_wells, features)) + PLATE_SHIFT * rng.normal(size=features)
    alive = np.where(np.array(holds) == POSITIVE, SURVIVORS, 1.0)
    counts = CELLS * alive * np.exp(COUNT_SD * rng.normal(size=n_wells) + PLATE_SD * rng.normal())
    role = {CONTROL: "negcon", POSITIVE: "poscon"}
    metadata = pd.DataFrame(
        {
            PLATE: f"Plate{number + 1:03d}",
            WELL: well_names(n_wells),
            "Metadata_Batch": f"Batch{number * batches // plates + 1:02d}",
            "Metadata_Map": f"Map{number % MAPS + 1}",
            "Metadata_Compound": holds,
            "Metadata_Role": [role.get(name, "treatment") for name in holds],
            COUNT: np.round(counts),
        }
    )
    names = [f"Cells_Texture_Variance_{i:03d}" for i in range(features)]
    return pd.concat([metadata, pd.DataFrame(x + UNITS, columns=names)], axis=1)
