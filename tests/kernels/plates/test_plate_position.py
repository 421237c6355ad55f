"""Position on a plate, against slow counting, and on plates on which nothing happens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.plates.plate_position import (
    NOTHING,
    design,
    edge_distance,
    folded_period,
    lines_share,
    scores,
    worst_line,
)
from tests.builders import read_only

ROW, COLUMN = np.divmod(np.arange(384), 24)
EDGE = (ROW % 15 == 0) | (COLUMN % 23 == 0)
FULL = design(ROW, COLUMN, EDGE, (16, 24))
TESTS = (edge_distance, lines_share, worst_line, folded_period)


def plate(seed, hits=0.05):
    rng = np.random.default_rng(seed)
    values = 1e6 + 1e-3 * (rng.normal(size=384) + 4 * (rng.random(384) < hits))
    return read_only(values)


def shuffled_p(values, statistic, draws=2000):
    """The share of shuffles whose statistic is as large: what the closed forms stand for."""
    rng = np.random.default_rng(0)
    observed = statistic(values)
    return np.mean([statistic(rng.permutation(values)) >= observed - 1e-12 for _ in range(draws)])


def test_edge_distance_is_the_gap_of_medians_in_inner_mads():
    values = plate(0)
    inner = values[~EDGE]
    spread = 1.482602218505602 * np.median(np.abs(inner - np.median(inner)))
    assert edge_distance(values, FULL).value == pytest.approx((np.median(values[EDGE]) - np.median(inner)) / spread)


def test_lines_share_is_the_adjusted_r2_of_a_regression_on_indicators_of_lines():
    y = scores(plate(1))
    x = np.column_stack([ROW[:, None] == np.arange(16), COLUMN[:, None] == np.arange(1, 24)]).astype(float)
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    r2 = 1 - (rest @ rest) / ((y - y.mean()) ** 2).sum()
    assert lines_share(plate(1), FULL).value == pytest.approx(1 - (1 - r2) * 383 / (383 - 38))


@pytest.mark.parametrize("seed", range(3))
def test_closed_p_values_are_those_of_shuffling(seed):
    values = plate(seed) + 4e-4 * EDGE
    y = scores(values)
    share = lines_share(values, FULL)
    assert share.p_value == pytest.approx(shuffled_p(values, lambda v: lines_share(v, FULL).value), abs=0.03)
    edge = edge_distance(values, FULL)
    expected = shuffled_p(y, lambda v: abs(v[EDGE].mean() - v.mean()))
    assert edge.p_value == pytest.approx(expected, abs=0.02)


def test_p_values_hold_on_plates_where_nothing_happens():
    """Of 400 plates with 5 % hits: at 0.05, no test rejects in more than 8.5 % (3.3 standard errors)."""
    p = np.array([[test(plate(seed), FULL).p_value for test in TESTS] for seed in range(400)])
    assert ((p <= 0.05).mean(axis=0) <= 0.085).all()
    assert (p[:, :2] <= 0.05).mean() >= 0.02  # and the first two are not idle
    assert (p <= 0.001).sum() <= 5


def test_a_variant_without_shuffling_in_mind_rejects_too_often():
    """Were every line held against 0.05 by itself, the worst of 40 would reject nearly always."""
    uncorrected = [worst_line(plate(seed), FULL).p_value / 40 for seed in range(100)]
    assert np.mean(np.array(uncorrected) <= 0.05) > 0.7


def test_each_fault_is_seen_by_its_test():
    noise = plate(7)
    assert abs(edge_distance(noise + 1e-3 * EDGE, FULL).value) > 0.8
    column = worst_line(noise - 2e-3 * (COLUMN == 5), FULL)
    assert (column.about, column.p_value < 1e-6) == ("column 5", True)
    stripe = folded_period(noise - 1e-3 * (ROW % 8 == 3), FULL)
    assert (stripe.about, stripe.p_value < 1e-3) == ("row 3 8", True)
    assert stripe.value < -0.5
    alternate = folded_period(noise + 1e-3 * (COLUMN % 2), FULL)
    assert alternate.about.startswith("column")
    assert alternate.about.endswith(" 2")


def test_a_gradient_and_a_single_bad_row_are_no_dispenser():
    plates = [plate(seed) for seed in range(40)]
    gradients = [folded_period(noise + 2e-4 * COLUMN, FULL).p_value < 0.01 for noise in plates]
    rows = [folded_period(noise + 3e-3 * (ROW == 6), FULL).p_value < 0.01 for noise in plates]
    assert (sum(gradients), sum(rows)) <= (1, 2)
    assert lines_share(plates[0] + 2e-4 * COLUMN, FULL).value > 0.25
    assert worst_line(plates[0] + 3e-3 * (ROW == 6), FULL).about == "row 6"


def test_what_does_not_vary_or_is_too_small_tells_nothing():
    constant = np.ones(384)
    assert [test(constant, FULL) for test in TESTS] == [NOTHING] * 4
    small = design(ROW[:6], COLUMN[:6], EDGE[:6], (16, 24))
    assert [test(plate(0)[:6], small) for test in TESTS] == [NOTHING] * 4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_units_do_not_matter(seed, scale, shift):
    values = np.random.default_rng(seed).normal(size=96)
    row, column = np.divmod(np.arange(96), 12)
    wells = design(row, column, (row % 7 == 0) | (column % 11 == 0), (8, 12))
    for test in TESTS:
        a, b = test(values, wells), test(values * scale + shift, wells)
        assert a.about == b.about
        assert a[:2] == pytest.approx(b[:2], rel=1e-6)
