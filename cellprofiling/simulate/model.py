"""All that the plates of a screen have in common."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles
from cellprofiling.simulate.blemishes import Blemishes, draw_blemishes
from cellprofiling.simulate.compounds import Library, draw_library
from cellprofiling.simulate.factors import CROWDING, EVERYTHING, Factors, draw_factors
from cellprofiling.simulate.panel import Panel, panel
from cellprofiling.simulate.presets import Preset
from cellprofiling.simulate.streams import Streams


@dataclass(frozen=True)
class Model:
    """What is measured, and what moves it.

    Attributes
    ----------
    position : where a bad position moves the factors, by 1 SD of a cell in the root mean square of features.
    batches : where each batch moves them, shape (n_batches, n_factors).
    """

    preset: Preset
    panel: Panel
    factors: Factors
    library: Library
    position: Doubles
    batches: Doubles
    blemishes: Blemishes


def draw_model(preset: Preset, random: Streams) -> Model:
    """Return the model of a screen."""
    columns = panel(preset.features)
    factors = draw_factors(len(columns.families), random.factors)
    batches = [preset.batch_sd * rng.standard_normal(len(factors.names)) for rng in random.batches]
    return Model(
        preset,
        columns,
        factors,
        draw_library(preset, columns, factors, random.library),
        _position(factors, columns, random.factors),
        np.array(batches),
        draw_blemishes(preset, preset.features, random.blemishes),
    )


def _position(factors: Factors, columns: Panel, rng: np.random.Generator) -> Doubles:
    of_position = [factors.of(name) for name in EVERYTHING if name != CROWDING]  # the count itself changes crowding
    direction = np.zeros(len(factors.names))
    direction[of_position] = rng.standard_normal(len(of_position))
    moved = factors.weights @ direction
    return direction / np.sqrt(columns.sizes @ moved**2 / columns.sizes.sum())
