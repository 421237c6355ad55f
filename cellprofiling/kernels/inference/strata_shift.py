"""Whether units of several strata that share blocks differ: a permutation test of all features at once."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.permutation import TIE
from cellprofiling.kernels.scale.order import content_order


def strata_shift(x: Doubles, strata: Indices, blocks: Indices, permutations: int, seed: int) -> float:
    """Return the p-value of the hypothesis that units of different strata in one block are exchangeable.

    Parameters
    ----------
    x : shape (n_units, n_features); missing and infinite values count as the mean of their block.
    strata, blocks : the codes of each unit.
    permutations : random ones of the strata inside blocks.

    Notes
    -----
    Features are centered in each block and divided by their spread about it. The statistic is the sum over strata of
    the squared sum of their units, divided by their number: the sum of squares between strata of MANOVA, in the metric
    of PERMANOVA. With m permutations of which b score at least as high, p = (b + 1) / (m + 1). Units are sorted by what
    they hold first, blocks by their first unit, so that neither row order nor names matter. Features without spread
    say nothing; without any the p-value is 1.

    References
    ----------
    Anderson, Austral Ecology 26, 32 (2001), https://doi.org/10.1111/j.1442-9993.2001.01070.pp.x
    """
    order = content_order(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0))
    first = {block: place for place, block in reversed(list(enumerate(blocks[order].tolist())))}
    rank = np.array([first[block] for block in blocks[order].tolist()])
    order = order[np.argsort(rank, kind="stable")]
    x, strata = x[order], strata[order]
    _, block = np.unique(np.sort(rank), return_inverse=True)
    z = _standard(x, block)
    if not z.shape[1]:
        return 1.0
    member = (strata[:, None] == np.unique(strata)).astype(np.float64)
    gram = z @ z.T
    sizes = member.sum(axis=0)
    observed = _between(gram, member, sizes)
    keys = np.random.default_rng(seed).random((permutations, len(z)))
    drawn = [_between(gram, member[np.lexsort((key, block))], sizes) for key in keys]
    at_least = np.count_nonzero(np.array(drawn) >= observed * (1 - TIE))
    return (at_least + 1) / (permutations + 1)


def _between(gram: Doubles, member: Doubles, sizes: Doubles) -> float:
    return float((np.einsum("is,is->s", member, gram @ member) / sizes).sum())


def _standard(x: Doubles, block: Indices) -> Doubles:
    """Return features about the mean of their block, in units of their spread about it; those without are left out."""
    finite = np.isfinite(x)
    n = np.zeros((block.max() + 1, x.shape[1]))
    total = np.zeros_like(n)
    np.add.at(n, block, finite)
    # About one unit first, so that large values lose no digits
    values = np.where(finite, x - _first_finite(x, finite), 0.0)
    np.add.at(total, block, values)
    centered = np.where(finite, values - (total / np.maximum(n, 1))[block], 0.0)
    spread = np.sqrt((centered**2).mean(axis=0))
    size = np.abs(np.where(finite, x, 0.0)).max(axis=0, initial=0.0)
    return np.ascontiguousarray(centered[:, spread > 1e-12 * size] / spread[spread > 1e-12 * size])


def _first_finite(x: Doubles, finite: np.ndarray) -> Doubles:
    rows = finite.argmax(axis=0)
    values = x[rows, np.arange(x.shape[1])]
    return np.where(np.isfinite(values), values, 0.0)
