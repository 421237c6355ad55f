"""Planted phases come back, whatever the units, and what has no two peaks has no phases."""

import numpy as np
import pytest

from cellprofiling.kernels.cells.cell_cycle import PHASES, fit_cycle

MIXES = [(0.6, 0.15, 0.25, 0.06), (0.4, 0.3, 0.3, 0.08), (0.2, 0.1, 0.7, 0.06), (0.85, 0.1, 0.05, 0.1)]


def planted(g1: float, s: float, g2: float, cv: float, n: int = 3000, seed: int = 0) -> np.ndarray:
    """DNA content of cells: 2 in G1, 4 in G2, evenly between in S, blurred; 1 % debris and 1 % with far more."""
    rng = np.random.default_rng(seed)
    phase = rng.choice(3, n, p=[g1, s, g2])
    dna = np.select([phase == 0, phase == 2], [2.0, 4.0], 2 + 2 * rng.random(n)) * np.exp(cv * rng.normal(size=n))
    dna[: n // 100], dna[n // 100 : n // 50] = 0.5, 12.0
    return dna


@pytest.mark.parametrize(("g1", "s", "g2", "cv"), MIXES)
@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_planted_shares_come_back_within_five_points(g1, s, g2, cv, unit):
    v = np.log2(planted(g1, s, g2, cv) * unit)
    fit = fit_cycle(v)
    shares = fit.shares(v)
    assert shares.sum() == pytest.approx(1)
    assert np.abs(shares[1:4] - 0.98 * np.array([g1, s, g2])).max() < 0.05
    assert shares[[0, 4]] == pytest.approx([0.01, 0.01], abs=0.006)
    assert 2.0**fit.two_n == pytest.approx(2 * unit, rel=0.02)


def test_wells_that_differ_from_the_plate_have_their_own_shares():
    fit = fit_cycle(np.log2(planted(0.6, 0.15, 0.25, 0.07)))
    arrested = np.log2(planted(0.1, 0.1, 0.8, 0.07, n=200, seed=1))
    assert fit.shares(arrested)[3] == pytest.approx(0.78, abs=0.07)
    assert np.isnan(fit.shares(np.array([np.nan]))).all()


def test_labels_follow_the_order_of_dna_and_missing_has_none():
    fit = fit_cycle(np.log2(planted(0.5, 0.2, 0.3, 0.06)))
    labels = fit.phases(np.log2([0.5, 2.0, 3.0, 4.0, 12.0, np.nan]))
    assert labels.tolist() == [0, 1, 2, 3, 4, -1]
    assert len(PHASES) == 5
    assert (np.diff(fit.gates) >= 0).all()


def test_one_peak_is_g1():
    v = np.log2(2 * np.exp(0.08 * np.random.default_rng(0).normal(size=1000)))
    fit = fit_cycle(v)
    assert fit.shares(v)[1] > 0.9


def test_nothing_to_see_is_no_cycle():
    rng = np.random.default_rng(0)
    assert fit_cycle(rng.normal(size=40)) is None
    assert fit_cycle(np.ones(100)) is None
    assert fit_cycle(rng.normal(scale=1.5, size=2000)) is None  # as wide as debris
    assert fit_cycle(np.full(100, np.nan)) is None


def test_order_has_no_say():
    v = np.log2(planted(0.5, 0.2, 0.3, 0.06))
    assert fit_cycle(v) == fit_cycle(np.random.default_rng(1).permutation(v))
