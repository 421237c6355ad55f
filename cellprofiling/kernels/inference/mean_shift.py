"""How far the mean of labeled units lies from that of the others of their blocks: a permutation test of one value."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import PermutationTest, lay_assignments


def mean_shift(
    values: Doubles, n_treated: Indices, n_control: Indices, permutations: int, seed: int
) -> tuple[float, PermutationTest]:
    """Return the mean difference of treated units from the controls of their block, and its two-sided test.

    Parameters
    ----------
    values : one per unit, block after block, in each block the treated ones first.
    n_treated, n_control : how many of each, per block; one control at least in each.
    permutations : assignments drawn at most; a design with no more is enumerated.
    seed : of the draws, as in `lay_assignments`.

    Notes
    -----
    With S the sum over the n treated units of a block and T over all, the sum over blocks of S - n (T - S) / m is the
    sum of S (1 + n / m) minus a constant, so that an assignment costs no more than its treated units.
    """
    sizes = n_treated + n_control
    ends = np.cumsum(sizes)
    block = np.repeat(np.arange(len(sizes)), sizes)
    # Centered first: the constant is then 0, and large values lose no digits
    means = np.add.reduceat(values, ends - sizes) / sizes
    centered = (values - means[block]) * (1 + n_treated / n_control)[block]
    treated = np.concatenate(
        [np.arange(end - size, end - size + n) for end, size, n in zip(ends, sizes, n_treated, strict=True)]
    )
    shift = float(centered[treated].sum() / n_treated.sum())

    def statistic(chosen: Indices) -> Doubles:
        return np.abs(centered[chosen].sum(axis=1) / n_treated.sum())

    return shift, lay_assignments(n_treated, n_control, permutations, seed).test(abs(shift), statistic)
