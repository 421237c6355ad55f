"""Randomness, split so that one thing can change without changing the rest.

More cells leave the compounds as they are, more plates leave the first plates as they are.
"""

from typing import NamedTuple

import numpy as np

Generator = np.random.Generator


class PlateStreams(NamedTuple):
    """The random numbers of one plate."""

    layout: Generator
    swaps: Generator
    position: Generator
    counts: Generator
    wells: Generator
    cells: Generator


class Streams(NamedTuple):
    """The random numbers of a screen; `library` is split further by what is drawn."""

    factors: Generator
    library: np.random.SeedSequence
    position: Generator
    layout: np.random.SeedSequence
    blemishes: Generator
    batches: list[Generator]
    plates: list[PlateStreams]


def streams(seed: int, n_batches: int, n_plates: int) -> Streams:
    """Return independent streams; those of a plate do not depend on how many plates there are."""
    factors, library, position, layout, blemishes, batches, plates = np.random.SeedSequence(seed).spawn(7)
    return Streams(
        np.random.default_rng(factors),
        library,
        np.random.default_rng(position),
        layout,
        np.random.default_rng(blemishes),
        [np.random.default_rng(child) for child in batches.spawn(n_batches)],
        [PlateStreams(*map(np.random.default_rng, child.spawn(6))) for child in plates.spawn(n_plates)],
    )
