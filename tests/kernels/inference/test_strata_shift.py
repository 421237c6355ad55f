"""Strata that share blocks: a permutation test of all features at once."""

import itertools

import numpy as np

from cellprofiling.kernels.inference.strata_shift import strata_shift
from tests.builders import read_only

RNG = np.random.default_rng(0)
X = read_only(1e6 + 1e-3 * RNG.normal(size=(12, 4)))
STRATA, BLOCKS = read_only(np.tile([0, 1], 6)), read_only(np.repeat([0, 1, 2], 4))


def naive(x: np.ndarray, strata: np.ndarray, blocks: np.ndarray) -> float:
    """Return the share of all arrangements inside blocks whose sum of squares between strata is as large."""
    z = x - np.array([x[blocks == b].mean(axis=0) for b in blocks])
    z /= z.std(axis=0)

    def between(labels: np.ndarray) -> float:
        return sum((z[labels == s].sum(axis=0) ** 2).sum() / (labels == s).sum() for s in np.unique(labels))

    choices = [set(itertools.permutations(strata[blocks == b])) for b in np.unique(blocks)]
    every = [between(np.array(sum(parts, ()))) for parts in itertools.product(*choices)]
    return float(np.mean(np.array(every) >= between(strata) - 1e-9))


def test_it_draws_from_the_arrangements_that_there_are():
    exact = naive(X, STRATA, BLOCKS)
    drawn = strata_shift(X, STRATA, BLOCKS, 4000, 0)
    assert abs(drawn - exact) <= 5 * np.sqrt(exact * (1 - exact) / 4000) + 1e-3


def test_a_shift_of_one_stratum_is_seen_and_one_of_a_block_is_not():
    x = RNG.normal(size=(48, 5))
    strata, blocks = np.tile([0, 1], 24), np.repeat([0, 1, 2], 16)
    assert strata_shift(x + 2.0 * strata[:, None], strata, blocks, 999, 0) == 0.001
    same = strata_shift(x, strata, blocks, 999, 0)
    assert strata_shift(x + 1024.0 * blocks[:, None], strata, blocks, 999, 0) == same or same > 0.001


def test_order_of_units_and_names_of_strata_and_blocks_do_not_matter():
    p = strata_shift(X, STRATA, BLOCKS, 199, 0)
    order = RNG.permutation(12)
    assert strata_shift(X[order], 1 - STRATA[order], 7 - BLOCKS[order], 199, 0) == p


def test_missing_values_and_constant_features_say_nothing():
    with_gaps = np.column_stack([X, np.full(12, np.nan), np.full(12, 3.7)])
    assert strata_shift(with_gaps[:, 4:], STRATA, BLOCKS, 99, 0) == 1.0
    assert np.isfinite(strata_shift(with_gaps, STRATA, BLOCKS, 99, 0))
