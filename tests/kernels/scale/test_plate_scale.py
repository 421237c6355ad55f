"""Wells in units of the spread of their plate: equal to a slow twin, and one unit whether or not values tie."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cellprofiling.kernels.directions.plate_components import plate_components
from cellprofiling.kernels.scale.plate_scale import scale_by_plate, scale_plate
from cellprofiling.quality.readouts import find_readouts
from tests import naive
from tests.builders import read_only

RNG = np.random.default_rng(0)
N = 384
TIED = np.where(np.arange(N) % 20 < 11, 0.0, RNG.normal(0, 3, N))
TWO = read_only(np.column_stack([RNG.normal(5, 2, N), TIED]))


def slow(x: NDArray, about: list[int], usual: list[int], *, fallback: bool, rescale: bool) -> NDArray:
    """Scale feature by feature and well by well."""
    result = np.full(x.shape, np.nan)
    for j in range(x.shape[1]):
        values = [value for value in x[usual, j] if not np.isnan(value)]
        if not values:
            continue
        spread = 1.4826 * naive.mad(values)
        if spread == 0 and fallback:
            spread = float(np.std(values))
        if spread <= 1e-13 * abs(naive.quantile(values, 0.5)):
            continue
        origin = float(np.nanmean(x[about, j])) if about else naive.quantile(values, 0.5)
        for i in range(len(x)):
            result[i, j] = (x[i, j] - origin) / (spread if rescale else 1.0)
    return result


def plate(n: int = 40) -> NDArray[np.float64]:
    """Return far origins with small spreads, ties, a constant, a constant but for rounding, and missing values."""
    x = 1e6 + 1e-3 * np.random.default_rng(1).normal(size=(n, 6))
    x[:, 1] = np.where(np.arange(n) % 3, 2.0, np.arange(n))
    x[:, 2] = 1e6
    x[:, 3] = 1e6 * (1 + 1e-16 * np.arange(n))
    x[::7, 4] = np.nan
    x[:, 5] = np.nan
    return read_only(x)


@pytest.mark.parametrize("fallback", [True, False])
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("about", [[], [3, 4, 11]])
@pytest.mark.parametrize("usual", [[], list(range(5, 40))])
def test_equal_to_a_slow_twin(about: list[int], usual: list[int], *, fallback: bool, rescale: bool) -> None:
    """None marked as usual are all; none marked as origin is the median."""
    x = plate()
    marks = {name: np.isin(np.arange(len(x)), rows) for name, rows in (("about", about), ("usual", usual))}
    expected = slow(x, about, usual or list(range(len(x))), fallback=fallback, rescale=rescale)
    scaled = scale_plate(x, **marks, fallback=fallback, rescale=rescale)
    # A value of 1e6 is known to 1e-10, a ten millionth of a spread of 1e-3
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6)
    assert np.isnan(scaled[:, 5]).all()


def test_features_without_spread_say_nothing() -> None:
    """Constant, constant but for rounding, and one well alone: missing, whether rescaled or not."""
    assert np.isnan(scale_plate(plate()[:, [2, 3]])).all()
    assert np.isnan(scale_plate(plate()[:, [2, 3]], rescale=False)).all()
    assert np.isnan(scale_plate(plate()[:1])).all()


def test_each_plate_has_its_own_scale() -> None:
    """Plates in any order of rows, one of them a single well."""
    x, code = plate(), np.r_[np.tile([4, 0, 4], 13), 7]
    scaled = scale_by_plate(x, code)
    for number in (0, 4, 7):
        np.testing.assert_array_equal(scaled[code == number], scale_plate(x[code == number]))


def test_ties_change_no_unit() -> None:
    """A normal feature and one of which 55 % tie have SD 1, wherever wells are scaled on their plate."""
    one_plate = np.zeros(N, dtype=np.intp)
    components = plate_components(TWO, one_plate, 2)  # a rotation: the sum of variances stays
    assert np.trace(np.cov(components.T)) == pytest.approx(2, rel=0.1)
    for scaled in (scale_plate(TWO), scale_by_plate(TWO, one_plate), scale_plate(TWO, about=np.arange(N) < 20)):
        np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=0.1)


def test_readouts_are_in_the_same_units_and_leave_ties_out() -> None:
    """Position is looked for in features that most wells have: the spread of the others says nothing there."""
    found = find_readouts(TWO, np.full(N, np.nan), np.zeros(N, dtype=np.intp), np.zeros(N, dtype=bool))
    assert found.space.shape == (N, 1)
    np.testing.assert_allclose(np.abs(found.space[:, 0]), np.abs(scale_plate(TWO)[:, 0]))
