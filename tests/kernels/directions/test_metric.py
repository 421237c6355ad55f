"""A metric changed by wells that leave and join its controls equals the one that is fitted anew."""

import numpy as np
import pytest

from cellprofiling.kernels.directions.metric import changed_wells, metric_change
from tests.builders import read_only

OMEGA = 0.03
SIZES, N_NEW = np.array([7, 1, 9, 4]), np.array([2, 0, 3, 1])
STARTS = read_only(np.r_[0, np.cumsum(SIZES)])
BLOCK = np.repeat(np.arange(len(SIZES)), SIZES)
IS_NEW = np.arange(SIZES.sum()) < (STARTS[:-1] + N_NEW)[BLOCK]
CHOSEN = ([0, 1, 8, 9, 10, 17], [3, 5, 9, 12, 16, 20], [0, 6, 8, 14, 15, 18])  # 2, 0, 3 and 1 of the blocks


def profiles() -> np.ndarray:
    """Return wells as seen from the mean of the base controls of their block, one feature constant."""
    x = np.random.default_rng(0).normal(size=(SIZES.sum(), 5))
    x[:, 4] = 1e6
    for block in range(len(SIZES)):
        x[block == BLOCK] -= x[(block == BLOCK) & ~IS_NEW].mean(axis=0)
    return read_only(x)


def scatter(x: np.ndarray, is_control: np.ndarray) -> np.ndarray:
    """Return the sum over blocks of the products of controls about their own mean, well by well."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for block in range(len(SIZES)):
        controls = x[is_control & (block == BLOCK)]
        for well in controls:
            total += np.outer(well - controls.mean(axis=0), well - controls.mean(axis=0))
    return total


@pytest.mark.parametrize("chosen", CHOSEN)
def test_equal_to_a_metric_fitted_anew(chosen: list[int]) -> None:
    """The first choice is the observed one, where nothing leaves or joins; a block of one well is among them."""
    x, is_control = profiles(), ~np.isin(np.arange(SIZES.sum()), chosen)
    chosen_starts = np.searchsorted(chosen, STARTS)
    wells, sign, block = changed_wells(STARTS, np.array(chosen), chosen_starts, N_NEW)
    left, joined = np.flatnonzero(~is_control & ~IS_NEW), np.flatnonzero(is_control & IS_NEW)
    assert sorted(wells[sign < 0].tolist()) == left.tolist()
    assert sorted(wells[sign > 0].tolist()) == joined.tolist()
    np.testing.assert_array_equal(block, BLOCK[wells])
    change = metric_change(read_only(x @ x.T), wells, sign, block, STARTS, chosen_starts, OMEGA)
    fresh = np.eye(x.shape[1]) + OMEGA * (scatter(x, is_control) - scatter(x, ~IS_NEW))
    seen = x[wells] @ x.T
    np.testing.assert_allclose(x @ x.T - seen.T @ change @ seen, x @ np.linalg.inv(fresh) @ x.T, rtol=1e-9, atol=1e-9)
