"""The signed gap between distributions equals SciPy's Kolmogorov-Smirnov statistic."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cellprofiling.kernels.inference.kolmogorov import signed_gaps


@pytest.mark.parametrize("seed", range(4))
def test_equals_scipy(seed: int) -> None:
    """In size and sign, with ties and missing values."""
    rng = np.random.default_rng(seed)
    values, controls = rng.integers(0, 12, (23, 6)).astype(float), rng.integers(2, 10, (40, 6)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    controls[rng.random(controls.shape) < 0.2] = np.nan
    starts = np.array([0, 1, 4, 4, 23])
    found = signed_gaps(values, starts, controls)
    for g in (0, 1, 3):
        for j in range(6):
            treated = values[starts[g] : starts[g + 1], j]
            treated = treated[~np.isnan(treated)]
            if not len(treated):
                assert np.isnan(found[g, j])
                continue
            scipy = ks_2samp(treated, controls[~np.isnan(controls[:, j]), j], method="asymp")
            assert abs(found[g, j]) == pytest.approx(scipy.statistic, abs=1e-12)
            up = ks_2samp(treated, controls[~np.isnan(controls[:, j]), j], "less", method="asymp").statistic
            down = ks_2samp(treated, controls[~np.isnan(controls[:, j]), j], "greater", method="asymp").statistic
            assert found[g, j] == pytest.approx(up if up >= down else -down, abs=1e-12)
    assert np.isnan(found[2]).all()


def test_sign_says_which_way() -> None:
    """All values above the controls give 1, all below -1; no control gives nothing."""
    controls = np.array([[1.0, 1.0, np.nan], [2.0, 2.0, np.nan]])
    assert signed_gaps(np.array([[5.0, -5.0, 0.0]]), np.array([0, 1]), controls)[0, :2].tolist() == [1.0, -1.0]
    assert np.isnan(signed_gaps(np.array([[5.0, -5.0, 0.0]]), np.array([0, 1]), controls)[0, 2])
