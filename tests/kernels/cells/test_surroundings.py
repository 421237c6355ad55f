"""What lies around cells, against counting by hand."""

import numpy as np
import pytest

from cellprofiling.kernels.cells.surroundings import disc_areas, moran, neighbor_pairs, surroundings
from tests.builders import read_only

LOW, HIGH = np.zeros(2), np.full(2, 1000.0)


def scattered(n, seed, images=3):
    rng = np.random.default_rng(seed)
    places, image = 1000 * rng.random((n, 2)), rng.integers(images, size=n)
    places = read_only(places)
    return places, image


def naive(places, image, radius):
    """Density, nearest and gap of each cell, one by one; the area of the disc by a fine grid of points."""
    grid = (np.arange(400) + 0.5) / 200 - 1
    disc = np.array([(a, b) for a in grid for b in grid if a * a + b * b <= 1]) * radius
    result = []
    for i, (x, y) in enumerate(places):
        others = np.array([j for j in range(len(places)) if j != i and image[j] == image[i]])
        apart = np.hypot(*(places[others] - places[i]).T)
        near = others[apart <= radius]
        spots = disc + np.array([x, y])
        share = ((spots >= LOW) & (spots <= HIGH)).all(axis=1).mean()
        around = [np.arctan2(*(places[j] - places[i])[::-1]) for j in near]
        if around:
            steps = 2 * np.pi * np.arange(72) / 72 - np.pi
            ends = np.column_stack([x + radius * np.cos(steps), y + radius * np.sin(steps)])
            around += list(steps[~((ends >= LOW) & (ends <= HIGH)).all(axis=1)])
            around = np.sort(around)
            gap = max(np.append(np.diff(around), around[0] + 2 * np.pi - around[-1]))
        else:
            gap = 2 * np.pi
        result.append((len(near) / (share * np.pi * radius**2), apart.min(initial=np.inf), gap))
    return np.array(result)


@pytest.mark.parametrize("seed", range(3))
def test_equals_counting_by_hand(seed):
    places, image = scattered(60, seed)
    found = surroundings(places, image, 150.0, LOW, HIGH)
    density, nearest, gap = naive(places, image, 150.0).T
    np.testing.assert_allclose(found.density, density, rtol=1e-2)  # the grid of points is coarse, the formula exact
    np.testing.assert_allclose(found.nearest, nearest, rtol=1e-12)
    np.testing.assert_allclose(found.gap, gap, atol=1e-12)


def test_disc_inside_is_whole_and_a_corner_holds_a_quarter():
    areas = disc_areas(np.array([[500.0, 500], [0, 0], [0, 500]]), 100.0, LOW, HIGH)
    np.testing.assert_allclose(areas / (np.pi * 1e4), [1, 0.25, 0.5])


def test_density_of_scattered_cells_has_no_bias_at_the_border():
    rng = np.random.default_rng(0)
    places, image = 1000 * rng.random((40_000, 2)), np.repeat(np.arange(400), 100)
    density = surroundings(places, image, 120.0, LOW, HIGH).density * 1e6 / 99  # one is expected
    border = (np.minimum(places, 1000 - places) < 60).any(axis=1)
    assert abs(density[border].mean() - 1) < 0.02
    assert abs(density[~border].mean() - 1) < 0.02


def test_order_of_cells_and_names_of_images_change_nothing():
    places, image = scattered(200, 1)
    order = np.random.default_rng(2).permutation(200)
    found = surroundings(places, image, 100.0, LOW, HIGH)
    moved = surroundings(places[order], 9 - image[order], 100.0, LOW, HIGH)
    for name in ("density", "nearest", "gap"):
        np.testing.assert_array_equal(getattr(found, name)[order], getattr(moved, name))


def test_a_cell_without_a_place_has_no_neighbors_and_is_nobodys():
    places, image = np.array([[10.0, 10], [np.nan, 12], [12, 10]]), np.zeros(3, dtype=np.intp)
    found = surroundings(places, image, 5.0, LOW, HIGH)
    assert np.isnan(found.density[1])
    assert np.isnan(found.gap[1])
    assert found.nearest[0] == found.nearest[2] == 2


def test_a_cell_alone_has_a_full_turn_and_no_nearest():
    found = surroundings(np.array([[500.0, 500]]), np.zeros(1, dtype=np.intp), 50.0, LOW, HIGH)
    assert (found.density[0], found.nearest[0], found.gap[0]) == (0, np.inf, 2 * np.pi)


def test_no_cells():
    found = surroundings(np.empty((0, 2)), np.empty(0, dtype=np.intp), 50.0, LOW, HIGH)
    assert len(found.density) == 0


def test_moran_equals_the_double_sum():
    places, image = scattered(80, 4, images=4)
    group = image // 2
    x = np.random.default_rng(5).normal(1e6, 1e-3, (80, 3))
    x[3, 1] = np.nan
    first, second = neighbor_pairs(places, image, 200.0)
    found = moran(x, group, 2, first, second)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    near = (apart <= 200) & (image[:, None] == image) & ~np.eye(80, dtype=bool)
    for k in range(2):
        for f in range(3):
            chosen = np.flatnonzero((group == k) & ~np.isnan(x[:, f]))
            z = x[chosen, f] - 1e6
            z -= z.mean()
            w = near[np.ix_(chosen, chosen)]
            assert found[k, f] == pytest.approx(len(z) * (z @ w @ z) / (w.sum() * (z @ z)), rel=1e-5)


def test_moran_is_zero_for_values_in_any_order_and_high_for_clusters():
    places, image = scattered(4000, 6, images=8)
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.standard_normal(4000), places[:, 0] + 100 * rng.standard_normal(4000), np.full(4000, 3.0)])
    found = moran(x, np.zeros(4000, dtype=np.intp), 1, *neighbor_pairs(places, image, 100.0))[0]
    assert abs(found[0]) < 0.02
    assert found[1] > 0.7
    assert np.isnan(found[2])
