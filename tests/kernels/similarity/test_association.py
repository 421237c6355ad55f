"""Cramer's V: a naive table, the two ends, and what chance gives."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from cellprofiling.kernels.similarity.association import cramers_v


@pytest.mark.parametrize("seed", range(4))
def test_it_is_chi_squared_beyond_chance(seed) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 5, 200)
    b = (a + rng.integers(0, 3, 200)) % 4
    table = pd.crosstab(a, b)
    chi = chi2_contingency(table, correction=False)[0] / 200
    chance = (table.shape[0] - 1) * (table.shape[1] - 1) / 199
    assert cramers_v(a, b) == pytest.approx(np.sqrt((chi - chance) / (min(table.shape) - 1 - chance)))
    assert cramers_v(b, a) == pytest.approx(cramers_v(a, b))


def test_the_two_ends() -> None:
    """One tells the other: 1, with many small groups too; spread evenly: 0."""
    a = np.repeat(np.arange(40), 2)
    assert cramers_v(a, a // 20) == pytest.approx(1)
    assert cramers_v(a, np.tile([0, 1], 40)) == 0


def test_many_small_groups_are_not_related_by_chance() -> None:
    """Uncorrected, labels of two wells dealt out at random have a V near 0.7; corrected, V^2 is 0 on average."""
    a = np.repeat(np.arange(100), 2)
    b = [np.random.default_rng(seed).permutation(np.tile([0, 1], 100)) for seed in range(40)]
    assert np.median([cramers_v(a, each) for each in b]) < 0.35


@pytest.mark.parametrize(("a", "b"), [([0, 0, 0], [0, 1, 2]), ([0, 1, 2], [0, 0, 1]), ([], [])])
def test_nothing_to_tell(a, b) -> None:
    assert np.isnan(cramers_v(np.array(a, dtype=np.intp), np.array(b, dtype=np.intp)))
