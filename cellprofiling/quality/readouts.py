"""The few numbers per well that checks follow over a plate: cells, and the main directions in which wells differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.directions.principal import widest_directions
from cellprofiling.kernels.scale.plate_scale import scale_plate

COUNTS, COMPONENTS = "cell count", ("component 1", "component 2", "component 3")
MOST_FEATURES = 600  # more are thinned out evenly: neighbors are near copies of each other
DIMENSIONS = 40  # of the space in which kinds of controls are told apart
BULK, FAR = 3.0, 10.0  # MADs beyond which a value counts as this far: for what most wells do, and for what any does


@dataclass(frozen=True)
class Readouts:
    """What each well shows, rows as in the screen.

    Attributes
    ----------
    counts : logarithm (base 2) of 1 + cells; NaN where unknown.
    bulk : the first components of what most wells do, on the scale of their own plate, shape (n_wells, 0 to 3).
    space : components of what any well does, on the same scale, shape (n_wells, 0 to 40); NaN without any feature.
    """

    counts: Doubles
    bulk: Doubles
    space: Doubles

    def named(self) -> Iterator[tuple[str, Doubles]]:
        """Yield the readouts that position is looked for in, those that are known."""
        if not np.isnan(self.counts).all():
            yield COUNTS, self.counts
        yield from zip(COMPONENTS, self.bulk.T, strict=False)


def find_readouts(x: Floats, count: Doubles, plate: Indices, positives: Mask) -> Readouts:
    """Return the readouts of all wells.

    Parameters
    ----------
    x : features, shape (n_wells, n_features), NaN where missing.
    count : cells per well, NaN where unknown.
    plate : number of the plate of each well.
    positives : wells that say nothing about the spread of a plate.
    """
    counts = np.log2(1 + np.maximum(count, 0))
    n = len(x)
    if np.isnan(x).all():
        return Readouts(counts, np.empty((n, 0)), np.full((n, 1), np.nan))
    z = _scaled(x[:, thinned(x.shape[1])], plate, positives)
    nothing = ~np.isfinite(z).any(axis=1)
    kept = np.isfinite(z[~nothing]).mean(axis=0) > 0.5
    z = np.nan_to_num(z[:, kept])
    bulk, space = np.full((n, len(COMPONENTS)), np.nan), np.full((n, min(DIMENSIONS, z.shape[1])), np.nan)
    for limit, out in ((BULK, bulk), (FAR, space)):
        clipped = np.clip(z, -limit, limit)
        axes = widest_directions(clipped.T @ clipped, out.shape[1])[1]
        out[:, : axes.shape[1]] = clipped @ axes
        out[nothing] = np.nan
    return Readouts(counts, bulk[:, : min(len(COMPONENTS), z.shape[1])], space)


def thinned(n_features: int) -> Indices:
    """Return the features that are looked at."""
    step = max(1, -(-n_features // MOST_FEATURES))
    return np.arange(0, n_features, step)


def _scaled(x: Floats, plate: Indices, positives: Mask) -> Doubles:
    """Return features on the scale of the wells of their plate, positive controls apart; NaN without spread."""
    z = np.full(x.shape, np.nan)
    for code in np.unique(plate):
        here = plate == code
        z[here] = scale_plate(x[here].astype(np.float64), usual=~positives[here], fallback=False)
    return z
