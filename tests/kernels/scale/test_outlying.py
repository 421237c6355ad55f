"""Control wells far from the others, and wells that lie together."""

import numpy as np
from scipy.stats import chi2

from cellprofiling.kernels.plates.regions import chance_of_region, largest_region
from cellprofiling.kernels.retrieval.same_place import share_alike
from cellprofiling.kernels.scale.outlying import distances


def controls(seed=0, plates=6, n=32, k=10):
    rng = np.random.default_rng(seed)
    plate = np.repeat(np.arange(plates), n)
    return rng.normal(size=(plates * n, k)) @ rng.normal(size=(k, k)) + 5 * rng.normal(size=(plates, k))[plate], plate


def test_one_normal_well_in_a_thousand_is_far():
    shares = np.concatenate([distances(*controls(seed)) > 1 for seed in range(20)])
    assert 0.0 < shares.mean() < 0.006


def test_a_fourth_of_a_plate_that_lies_elsewhere_is_far_and_hides_nobody():
    x, plate = controls(1)
    x = x.copy()
    x[:8] += 8 * np.linalg.norm(x.std(axis=0)) / np.sqrt(10) * np.ones(10)
    far = distances(x, plate) > 1
    assert far[:8].all()
    assert far[8:32].mean() < 0.1
    assert far[32:].mean() < 0.02


def test_distances_equal_their_naive_twin():
    """Each well about the median of the others of its plate, in the covariance of all other plates."""
    x, plate = controls(3, plates=3, n=12, k=4)
    about = np.array([x[i] - np.median(x[(plate == plate[i]) & (np.arange(36) != i)], axis=0) for i in range(36)])
    squared = np.empty(36)
    for i in range(36):
        others = about[plate != plate[i]]
        most = 3 * 1.482602218505602 * np.median(np.abs(others), axis=0)
        clipped = np.clip(others, -most, most)
        covariance = clipped.T @ clipped / 24
        covariance += 0.05 * np.trace(covariance) / 4 * np.eye(4)
        squared[i] = about[i] @ np.linalg.solve(covariance, about[i])
    usual = np.array([max(np.median(squared), np.median(squared[plate == p])) for p in plate])
    expected = np.sqrt(squared * chi2.ppf(0.5, 4) / usual / chi2.ppf(0.999, 4))
    np.testing.assert_allclose(distances(x, plate), expected, rtol=1e-9)


def test_one_plate_is_judged_by_itself_and_three_wells_by_nobody():
    x, plate = controls(2, plates=1)
    x = x.copy()
    x[0] += 60
    far = distances(x, plate)
    assert far.argmax() == 0
    assert far[0] > 1
    assert np.isnan(distances(x[:3], plate[:3])).all()


def test_distances_do_not_depend_on_scale_or_place():
    x, plate = controls(3)
    assert np.allclose(distances(1e-3 * x + 1e3, plate), distances(x, plate), rtol=1e-6)


def test_the_largest_region_is_connected_side_by_side():
    marked = np.zeros((8, 12), dtype=bool)
    marked[0, 0] = marked[1, 1] = True  # touch at a corner only
    marked[4:7, 3] = marked[6, 4] = True
    assert np.argwhere(largest_region(marked)).tolist() == [[4, 3], [5, 3], [6, 3], [6, 4]]
    assert not largest_region(np.zeros((2, 2), dtype=bool)).any()


def test_the_chance_of_a_region():
    there = np.ones((8, 12), dtype=bool)
    rng = np.random.default_rng(0)
    assert chance_of_region(there, 4, 1, 99, rng) == 1
    assert chance_of_region(there, 8, 8, 199, rng) == 1 / 200
    rare = [chance_of_region(there, 2, 2, 399, np.random.default_rng(seed)) for seed in range(5)]
    pairs = 8 * 11 + 7 * 12
    assert abs(np.mean(rare) - pairs / (96 * 95 / 2)) < 0.02


def test_wells_of_one_place_are_alike_only_if_place_does_something():
    rng = np.random.default_rng(0)
    plate, place = np.repeat(np.arange(4), 12), np.tile(np.arange(12), 4)
    noise = rng.normal(size=(48, 10))
    nothing = share_alike(noise, plate, place)
    assert nothing.n_pairs == 6 * 12
    assert nothing.share < 0.15
    placed = share_alike(noise + 2 * rng.normal(size=(12, 10))[place], plate, place)
    assert placed.share > 0.5
    assert placed.p_value == 0.001
    p = [share_alike(np.random.default_rng(i).normal(size=(24, 5)), plate[:24], place[:24]).p_value for i in range(30)]
    assert np.mean(np.array(p) <= 0.1) < 0.3


def test_places_that_cannot_be_compared():
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert np.isnan(share_alike(x, np.zeros(4, dtype=int), np.arange(4)).share)
    assert np.isnan(share_alike(x[:2], np.arange(2), np.zeros(2, dtype=int)).share)
