"""The blocks of a fingerprint that have columns for each feature: one record per block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.inference.kolmogorov import signed_gap
from cellprofiling.kernels.inference.quantile_distances import quantile_distances, without
from cellprofiling.kernels.scale.clipped_scores import clipped_means
from cellprofiling.kernels.scale.groups import Grouping, group_statistics

LEAST = 0.05  # added to a spread before its logarithm, so that wells whose cells are all alike stay finite
# By how much the logarithm is too low on average in samples of n cells, times n: 1.4 for normal values (n from 8 up),
# 1.1 for a t-distribution of 4 degrees, 1.7 for exponential ones. Else few cells would look like little spread.
TOO_LOW = 1.4
QUANTILES = ("q05", "q25", "q50", "q75", "q95")


@dataclass(frozen=True)
class Batch:
    """Some features of all cells of some plates.

    Attributes
    ----------
    columns : for each feature the values of all cells.
    rows : which cell belongs to which group, and `codes` the same as a number for each cell, -1 for none.
    is_control : of each group; `plate`, the number of its plate.
    center, scale : median and MAD (in standard deviations) of the control cells of the plate of each group, shape
        (n_groups, n_features).
    most : where z-scores are cut.
    """

    columns: Sequence[Floats]
    rows: Grouping
    codes: Indices
    is_control: Mask
    plate: Indices
    center: Doubles
    scale: Doubles
    most: float

    def scored(self, statistics: Doubles) -> Doubles:
        """Return values of features, shape (..., n_groups, n_features), as z-scores within bounds."""
        return np.clip((statistics - self.center) / self.scale, -self.most, self.most)


@dataclass(frozen=True)
class Block:
    """A block: what follows the name of a feature, and how it is computed, shape (n_endings, n_groups, n_features)."""

    endings: tuple[str, ...]
    compute: Callable[[Batch], Doubles]


def mean_level(batch: Batch) -> Doubles:
    """Return the mean z-score."""
    return clipped_means(batch.columns, batch.codes, batch.center, batch.scale, batch.most)[None]


def median_level(batch: Batch) -> Doubles:
    """Return the median z-score."""
    return batch.scored(group_statistics(batch.columns, batch.rows, ["median"]))


def spread(batch: Batch) -> Doubles:
    """Return log(MAD + 0.05) of the z-scores, corrected for the number of cells; one cell has no spread."""
    mad, count = group_statistics(batch.columns, batch.rows, ["mad", "count"])
    return np.where(count > 1, np.log(mad / batch.scale + LEAST) + TOO_LOW / np.maximum(count, 1), np.nan)[None]


def quantiles(batch: Batch) -> Doubles:
    """Return quantiles of the z-scores."""
    return batch.scored(group_statistics(batch.columns, batch.rows, QUANTILES))


def gaps(batch: Batch) -> Doubles:
    """Return the signed statistic of Kolmogorov and Smirnov against the control cells of the plate."""
    return _against_controls(batch, lambda treated, controls: (signed_gap(treated, controls),), 1)


def earth_movers(batch: Batch) -> Doubles:
    """Return the signed Wasserstein distance from the control cells of the plate."""
    return _against_controls(batch, lambda treated, controls: quantile_distances(treated, controls)[:1], 1)


def squared_parts(batch: Batch) -> Doubles:
    """Return location, size and shape of the squared second Wasserstein distance from the control cells."""
    return _against_controls(batch, lambda treated, controls: quantile_distances(treated, controls)[1:], 3)


def _against_controls(
    batch: Batch, compare: Callable[[Doubles, Doubles], tuple[float, ...]], n_results: int
) -> Doubles:
    """Return a comparison of each group with the control cells of its plate; of a control group, with the others."""
    n_groups, n_features = batch.center.shape
    result = np.full((n_results, n_groups, n_features), np.nan)
    ordered = np.empty(len(batch.codes))
    for j, column in enumerate(batch.columns):
        ordered[batch.rows.places] = column
        cells = [_ranked(batch, ordered, g, j) for g in range(n_groups)]
        for plate in np.unique(batch.plate):
            members = np.flatnonzero(batch.plate == plate)
            pool = np.sort(np.concatenate([np.empty(0), *(cells[g] for g in members if batch.is_control[g])]))
            for g in members:
                controls = without(pool, cells[g]) if batch.is_control[g] else pool
                if len(cells[g]) and len(controls):
                    result[:, g, j] = compare(cells[g], controls)
    return result


def _ranked(batch: Batch, ordered: Doubles, g: int, j: int) -> Doubles:
    """Return the z-scores of a feature in a group, sorted, without missing ones."""
    values = ordered[batch.rows.starts[g] : batch.rows.starts[g + 1]]
    z = np.clip((values - batch.center[g, j]) / batch.scale[g, j], -batch.most, batch.most)
    return np.sort(z[~np.isnan(z)])


LEVELS = {"mean": mean_level, "median": median_level}
BLOCKS = {
    "level": Block(("level",), mean_level),
    "spread": Block(("spread",), spread),
    "quantiles": Block(QUANTILES, quantiles),
    "ks": Block(("ks",), gaps),
    "w1": Block(("w1",), earth_movers),
    "w2": Block(("w2_location", "w2_size", "w2_shape"), squared_parts),
}
DEPENDENCE = "dependence"
