"""The position-matched p-value: counted against controls of as many wells, ties against the perturbation."""

import numpy as np

from cellprofiling.hits.calling.position_matched import position_p_values


def test_counts() -> None:
    """Two of four pseudo-compounds of three wells score as high, one of them by a tie: p = 3 / 5."""
    control = [{"n_wells": 3, "statistic": value} for value in (0.1, 0.5, 0.9, 0.2)] + [
        {"n_wells": 2, "statistic": 1.0}
    ]
    statistic = np.array([0.5, 0.95, 0.5, 0.5, np.nan])
    n_wells = np.array([3, 3, 3, 4, 3])
    same = np.array([True, True, False, True, True])
    p, floor = position_p_values(statistic, n_wells, same, control)
    np.testing.assert_allclose(p, [3 / 5, 1 / 5, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(floor, [1 / 5, 1 / 5, np.nan, np.nan, np.nan])


def test_no_controls_at_one_position() -> None:
    """Without pseudo-compounds every value is missing."""
    p, floor = position_p_values(np.array([0.5]), np.array([3]), np.array([True]), [])
    assert np.isnan([p, floor]).all()
