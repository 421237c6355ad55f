"""The statistics that tell a perturbation from controls: one record per method."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.design import Design, Pool
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.retrieval.average_precision import average_precisions
from cellprofiling.kernels.retrieval.control_refit import Blocks
from cellprofiling.kernels.retrieval.energy import Distances, among_controls, energy_distances, observed_energy
from cellprofiling.kernels.retrieval.retrieval import mean_average_precisions, observed_precision
from cellprofiling.kernels.retrieval.separation import (
    mean_distances,
    mean_length,
    median_similarities,
    median_similarity,
)

Statistic = Callable[[Indices, float], Doubles]  # of assignments; below the number given, any value below it does
Observer = Callable[[Doubles, Doubles, Indices], float]

LARGE = 2000  # controls that a median distance is taken over


@dataclass(frozen=True)
class TestStatistic:
    """A statistic of treated wells against the controls of their plates.

    Attributes
    ----------
    prepare : a function of assignments, given inner products of wells, whether to fit the controls of each assignment
        anew, and the bandwidth.
    observe : its value for treated wells, given the inner products of their controls and the bandwidth: a function of
        inner products among treated wells, of these with the controls, and of the block of each treated well.
    fewest : how many wells it needs.
    whitened : whether it is taken in the metric of the covariance of controls, whatever is asked.
    by_direction : whether only directions of profiles count; the score is then that of the profiles as given.
    centered : whether the mean over features is taken out of each profile.
    bandwidth : what the statistic needs to know of the distances between controls.
    """

    prepare: Callable[[Blocks, bool, float], Statistic]
    observe: Callable[[Blocks, float], Observer]
    fewest: int = 2
    whitened: bool = False
    by_direction: bool = False
    centered: bool = False
    bandwidth: Callable[[Doubles], float] = lambda _: 0.0


def retrieval() -> TestStatistic:
    """Return mean average precision: how well the wells find each other among the controls of their plate."""
    return TestStatistic(
        prepare=lambda blocks, refit, _: partial(mean_average_precisions, blocks, refit=refit),
        observe=lambda controls, _: (
            lambda within, across, block: observed_precision(within, across, controls.squares, block, controls.starts)
        ),
        by_direction=True,
    )


def mahalanobis() -> TestStatistic:
    """Return the Mahalanobis distance of the mean difference from the controls of the same plate."""
    return TestStatistic(
        prepare=lambda blocks, refit, _: partial(mean_distances, blocks, refit=refit),
        observe=lambda _controls, _bandwidth: lambda within, _across, _block: mean_length(within),
        fewest=1,
        whitened=True,
    )


def replicate_correlation(*, metric: str = "cosine") -> TestStatistic:
    """Return the median similarity of wells on different plates: metric "cosine" or "pearson"."""
    return TestStatistic(
        prepare=lambda blocks, refit, _: partial(median_similarities, blocks, refit=refit),
        observe=lambda _controls, _bandwidth: lambda within, _across, block: median_similarity(within, block),
        by_direction=True,
        centered=metric == "pearson",
    )


def energy(*, kernel: str = "distance") -> TestStatistic:
    """Return the energy distance of wells from controls, or with kernel="gaussian" the squared MMD."""
    return TestStatistic(
        prepare=lambda blocks, refit, width: partial(energy_distances, Distances.of(blocks, width), refit=refit),
        observe=_observe_energy,
        bandwidth=median_distance if kernel == "gaussian" else lambda _: 0.0,
    )


METHODS = table_of(
    Method(
        "map",
        "Mean average precision: how well the wells of a perturbation find each other among the controls of their "
        "plates, by cosine.",
        retrieval,
        "Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2",
    ),
    Method(
        "mahalanobis",
        "Length of the mean difference from the controls of the same plate, in the metric of their shrunk covariance.",
        mahalanobis,
        "Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4",
    ),
    Method(
        "energy",
        "Energy distance between wells and the controls of the same plate, or with kernel='gaussian' the squared "
        "maximum mean discrepancy.",
        energy,
        "Szekely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013), https://doi.org/10.1016/j.jspi.2013.03.018",
        choices={"kernel": ("distance", "gaussian")},
    ),
    Method(
        "replicate_correlation",
        "Median similarity of wells on different plates.",
        replicate_correlation,
        choices={"metric": ("cosine", "pearson")},
    ),
)


def _observe_energy(controls: Blocks, bandwidth: float) -> Observer:
    distances = Distances.of(controls, bandwidth)
    totals = np.add.reduceat(distances.sums, controls.starts[:-1])
    sizes = np.diff(controls.starts)
    means = np.array([among_controls(total, int(n)) for total, n in zip(totals, sizes, strict=True)])
    return lambda within, across, block: observed_energy(
        within, across, controls.squares, block, controls.starts, means, bandwidth
    )


def median_distance(x: Doubles) -> float:
    """Return the median distance between rows of `x`, or between the first 2000 of them."""
    some = x[:LARGE]
    squares = np.einsum("ij,ij->i", some, some)
    apart = squares[:, None] + squares - 2 * some @ some.T
    found = float(np.sqrt(np.median(np.maximum(apart[np.triu_indices(len(some), 1)], 0))))
    return found if found > 0 else 1.0


def precisions(design: Design, pool: Pool) -> Doubles:
    """Return how well each treated well retrieves the others from among the controls of its plate, by cosine."""
    place = np.arange(len(pool.wells))
    is_treated = np.isin(place, pool.treated)
    others = is_treated & (place != pool.treated[:, None])
    beside = ~is_treated & (pool.block == pool.block[pool.treated][:, None])
    similarity = design.unit[pool.wells[pool.treated]] @ design.unit[pool.wells].T
    return average_precisions(similarity, others, beside)
