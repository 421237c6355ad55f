"""How many cells lie outside where control cells lie, and whether wells have more of them than controls do."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.inference.permutation import PermutationTest, lay_assignments

LEVELS = np.array([0.9, 0.95, 0.99, 0.995])  # of the cells that defined the space lie within


def tail_shares(y: Floats, starts: Indices, fitted: Indices) -> Doubles:
    """Return for each well the shares of its cells that lie farther out than `LEVELS` of the cells of fitted wells.

    Parameters
    ----------
    y : shape (n_cells, n_features), in a space where the cells of the fitted wells have mean 0 and covariance I: their
        squared length is the Mahalanobis distance.
    starts : the first cell of each well, and of the end.
    fitted : wells that defined the space, and define how far out is far. Their own cells lie nearer than those of
        other wells do, so that all other wells, controls or not, have somewhat larger shares, alike if nothing differs.

    Returns
    -------
    Shape (n_wells, n_levels).
    """
    distance = np.einsum("ij,ij->i", y, y, dtype=np.float64)
    chosen = np.concatenate([distance[starts[well] : starts[well + 1]] for well in fitted])
    beyond = (distance[:, None] > np.quantile(chosen, LEVELS)).astype(np.float64)
    return np.add.reduceat(beyond, starts[:-1]) / np.diff(starts)[:, None]


def largest_excess(
    shares: Doubles, n_treated: Indices, n_control: Indices, permutations: int, seed: int
) -> tuple[int, PermutationTest]:
    """Return at which level treated wells exceed the controls of their plates most, and the test of it.

    Parameters
    ----------
    shares : shape (n_wells, n_levels), plate after plate, in each the treated wells first.
    n_treated, n_control : how many of each, per plate.
    permutations : assignments drawn at most; a design with no more is enumerated.

    Notes
    -----
    Whole wells change labels inside plates. The statistic is the largest over levels of the mean over treated wells of
    share less mean share of the controls of the plate, in SDs of all these wells; a level at which wells do not differ
    says nothing. Taking the largest inside the permutation pays for looking at several levels.
    """
    sizes = n_treated + n_control
    ends = np.cumsum(sizes)
    block = np.repeat(np.arange(len(sizes)), sizes)
    means = np.add.reduceat(shares, ends - sizes) / sizes[:, None]
    centered = shares - means[block]
    spread = np.sqrt((centered**2).mean(axis=0))
    centered = centered / np.where(spread > 0, spread, np.inf) * (1 + n_treated / n_control)[block][:, None]
    treated = np.concatenate([np.arange(e - s, e - s + n) for e, s, n in zip(ends, sizes, n_treated, strict=True)])

    def statistic(chosen: Indices) -> Doubles:
        return centered[chosen].sum(axis=1).max(axis=1) / n_treated.sum()

    level = int(np.argmax(centered[treated].sum(axis=0)))
    observed = float(statistic(treated[None])[0])
    return level, lay_assignments(n_treated, n_control, permutations, seed).test(observed, statistic)
