"""The excess over thresholds claims no more responders than there are, and its null pays for the chosen direction."""

import numpy as np
import pytest

from cellprofiling.kernels.cells.responders import LEVELS, Cells, directions, excess, fraction, null_statistics


def cells(seed: int, share: float = 0.0, shift: float = 4.0, n: int = 200, edge: float = 0.0) -> Cells:
    """Two plates of twelve wells, the first three of each treated; responders move along the first axis.

    Wells differ by 0.1 in all directions, and by `edge` in one.
    """
    rng = np.random.default_rng(seed)
    of_well = 0.1 * rng.standard_normal((24, 6))
    of_well[:, 1] += edge * rng.standard_normal(24)
    y = rng.standard_normal((24 * n, 6)) + np.repeat(of_well, n, axis=0)
    treated = np.isin(np.repeat(np.arange(24) % 12, n), [0, 1, 2])
    y[treated & (rng.random(24 * n) < share), 0] += shift
    return Cells(y.astype(np.float32), np.arange(25) * n, np.repeat([0, 1], 12))


TREATED = np.array([0, 1, 2, 12, 13, 14])
CONTROLS = np.setdiff1d(np.arange(24), TREATED)


def test_direction_is_found_without_the_well_it_is_for():
    means = np.random.default_rng(0).normal(size=(4, 3)) + 1e6
    found = directions(means)
    for i in range(4):
        others = np.delete(means, i, axis=0).mean(axis=0)
        assert np.allclose(found[i], others / np.linalg.norm(others))
    assert np.allclose(directions(means[:1]), means[:1] / np.linalg.norm(means[:1]))
    assert (directions(np.zeros((2, 3))) == 0).all()


def test_excess_equals_a_naive_count():
    some = cells(0, share=0.3)
    found = excess(some, TREATED, CONTROLS)
    y = some.y.reshape(24, -1, 6).astype(float)
    shares = []
    for well, direction in zip(TREATED, directions(y[TREATED].mean(axis=1)), strict=True):
        beside = [c for c in CONTROLS if c // 12 == well // 12]
        threshold = np.quantile((y[beside] @ direction).ravel(), LEVELS)
        of_control = np.mean([[(y[c] @ direction > t).mean() for t in threshold] for c in beside], axis=0)
        of_treated = np.array([(y[well] @ direction > t).mean() for t in threshold])
        shares.append((of_treated - of_control) / (1 - of_control))
    assert np.allclose(found.share, np.mean(shares, axis=0), atol=0.003)  # scores are kept in float32


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_fraction_is_near_and_its_bound_below_the_truth(share):
    found = []
    for seed in range(8):
        some = cells(seed, share)
        null = null_statistics(some, CONTROLS, np.array([3, 3]), 20, seed)
        found.append(fraction([excess(some, TREATED, CONTROLS)], null))
    estimate, low = np.array(found).T
    assert np.abs(estimate - share).mean() < 0.06
    assert (low <= share + 1e-9).mean() >= 0.9
    assert (low > 0).all()


def test_wells_that_share_a_direction_by_chance_are_no_responders_only_by_the_null():
    """Errors of independent wells, 1.645 of them, call many times the nominal 5 %; the null does not."""
    naive, paid = [], []
    for seed in range(60):
        some = cells(seed, n=40, edge=0.5)
        found = excess(some, TREATED, CONTROLS)
        naive.append(found.statistic > 1.645)
        paid.append(fraction([found], null_statistics(some, CONTROLS, np.array([3, 3]), 20, seed))[1] > 0)
    assert np.mean(paid) <= 0.1
    assert np.mean(naive) >= 0.15


def test_too_few_controls_give_no_null_and_no_fraction():
    some = cells(0)
    assert len(null_statistics(some, np.array([3, 15]), np.array([3, 3]), 40, 0)) == 0
    assert np.isnan(fraction([excess(some, TREATED, CONTROLS)], np.zeros(0))).all()
    assert len(null_statistics(some, np.array([3, 4, 15]), np.array([3, 0]), 40, 0)) == 0  # one well cannot choose


def test_fraction_is_zero_where_no_bound_is_above_and_never_above_one():
    some = cells(3)
    found = excess(some, TREATED, CONTROLS)
    assert fraction([found], np.full(99, 1e9)) == (0.0, 0.0)
    everywhere = excess(cells(1, share=1.0, shift=50.0), TREATED, CONTROLS)
    assert fraction([everywhere], np.zeros(99))[0] == 1.0
