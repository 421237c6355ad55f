"""Where the controls of each plate lie."""

import numpy as np
import pytest

from cellprofiling.kernels.scale.control_centers import control_centers
from tests.builders import read_only

RNG = np.random.default_rng(0)
X = 1e6 + 1e-3 * RNG.normal(size=(12, 3))
X[:, 1] = 7.0
X[0, 2] = np.nan
X = read_only(X)
PLATE = read_only(np.array([3, 0, 3, 0, 3, 0, 3, 5, 5, 3, 0, 5]))
IS_CONTROL = read_only(np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool))


@pytest.mark.parametrize("median", [True, False])
def test_equal_to_a_loop_over_rows(*, median: bool) -> None:
    """Each row has the center of the controls of its own plate, one of which is alone; missing values are skipped."""
    centers = control_centers(X, PLATE, IS_CONTROL, median=median)
    for i in np.flatnonzero(PLATE != 5):
        for j in range(X.shape[1]):
            values = [
                X[k, j] for k in range(len(X)) if IS_CONTROL[k] and PLATE[k] == PLATE[i] and not np.isnan(X[k, j])
            ]
            assert centers[i, j] == pytest.approx(np.median(values) if median else np.mean(values), rel=1e-15)


def test_a_plate_without_controls_has_no_center() -> None:
    """NaN on that plate, not 0 and not the controls of others; the same where a feature is missing in all controls."""
    centers = control_centers(X, PLATE, IS_CONTROL)
    assert np.isnan(centers[PLATE == 5]).all()
    assert not np.isnan(centers[PLATE != 5]).any()
    assert np.isnan(control_centers(X[:, 2:], PLATE, np.arange(12) == 0)).all()
    assert np.isnan(control_centers(X, PLATE, np.zeros(12, dtype=bool))).all()
