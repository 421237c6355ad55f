"""Every shape is a monotone map from the normal scale, with the median at 0."""

import numpy as np
import pytest

from cellprofiling.simulate.marginals import MARGINALS
from cellprofiling.simulate.panel import panel

Z = np.linspace(-9.9, 9.9, 4001)[:, None]
UNITS = {"fraction": (0.83, 0.07), "percent": (51.0, 27.0), "correlation": (0.68, 0.1)}


@pytest.mark.parametrize("name", MARGINALS)
def test_marginals_rise_and_have_their_median_at_zero(name):
    median, sd = (np.array([value]) for value in UNITS.get(name, (5.0, 1.0)))
    x = MARGINALS[name](Z, median, sd)
    assert (np.diff(x[:, 0]) >= 0).all()
    assert MARGINALS[name](np.zeros((1, 1)), median, sd)[0, 0] == pytest.approx(median[0], rel=1e-12)


@pytest.mark.parametrize("name", MARGINALS)
def test_marginals_have_about_the_robust_sd_asked_for(name):
    median, sd = (np.array([value]) for value in UNITS.get(name, (5.0, 1.0)))
    x = MARGINALS[name](np.random.default_rng(0).standard_normal((20_000, 1)), median, sd)
    assert 1.4826 * np.median(np.abs(x - np.median(x))) == pytest.approx(sd[0], rel=0.12)


@pytest.mark.parametrize(("name", "low", "high"), [("fraction", 0, 1), ("percent", 0, 100), ("correlation", -1, 1)])
def test_bounded_shapes_stay_inside_their_bounds(name, low, high):
    median, sd = (np.array([value]) for value in UNITS[name])
    x = MARGINALS[name](Z, median, sd)
    assert x.min() >= low
    assert x.max() <= high


@pytest.mark.parametrize("name", ["mild", "skewed", "heavy", "content"])
def test_amounts_are_skewed_to_the_right_and_never_negative(name):
    x = MARGINALS[name](np.random.default_rng(0).standard_normal((20_000, 1)), np.array([5.0]), np.array([1.0]))
    assert x.min() >= 0
    assert ((x - x.mean()) ** 3).mean() > 0


def test_wild_values_are_bent_not_cut_and_stay_finite():
    columns = panel(230)
    z = np.tile(np.array([[-1e6], [-8.0], [0.0], [8.0], [9.0], [1e6]]), len(columns.names))
    x = columns.in_units(z.copy())
    assert np.isfinite(x).all()
    assert (np.diff(x, axis=0) > 0)[1:4].all()
    np.testing.assert_allclose(x[2], columns.median)
