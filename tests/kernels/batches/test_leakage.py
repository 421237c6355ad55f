"""Resemblance of wells because of where they lie."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from cellprofiling.kernels.batches.leakage import (
    explained,
    hat_matrix,
    members_by_position,
    permutation_test,
    ranks_elsewhere,
    same_position_precision,
    share_of_positives,
)
from tests import naive


def wells(seed=0, n_plates=4, n_positions=6, n_features=5):
    rng = np.random.default_rng(seed)
    plate = np.repeat(np.arange(n_plates), n_positions)
    position = np.tile(np.arange(n_positions), n_plates)
    x = rng.normal(size=(len(plate), n_features))
    return x / np.linalg.norm(x, axis=1, keepdims=True), plate, position


def naive_precision(x, plate, position):
    precisions = []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if plate[j] != plate[i]]
        alike = [float(x[i] @ x[j]) for j in others if position[j] == position[i]]
        unlike = [float(x[i] @ x[j]) for j in others if position[j] != position[i]]
        precisions.append(naive.average_precision(alike, unlike))
    return np.nanmean(precisions)


@pytest.mark.parametrize("missing", [0, 5])
def test_precision_equals_its_naive_twin(missing):
    x, plate, position = wells()
    kept = np.sort(np.random.default_rng(1).permutation(len(x))[missing:])
    x, plate, position = x[kept], plate[kept], position[kept]
    ours = same_position_precision(ranks_elsewhere(x, plate), members_by_position(position, plate))
    assert ours == pytest.approx(naive_precision(x, plate, position), rel=1e-6)


def test_two_wells_of_a_plate_may_share_a_position():
    x, plate, position = wells()
    position = position // 2
    ours = same_position_precision(ranks_elsewhere(x, plate), members_by_position(position, plate))
    assert ours == pytest.approx(naive_precision(x, plate, position), rel=1e-6)


def test_wells_that_only_position_decides_find_each_other():
    _, plate, position = wells(n_features=40)
    alike = np.eye(6, 40)[position]  # all positives tie
    members = members_by_position(position, plate)
    assert same_position_precision(ranks_elsewhere(alike, plate), members) == pytest.approx(1.0)


def test_share_of_positives():
    _, plate, position = wells()
    members = members_by_position(position, plate)
    assert share_of_positives(members, plate) == pytest.approx(3 / 18)
    lonely = np.where(np.arange(24) == 5, 99, position)  # one well has a position of its own
    assert len(members_by_position(lonely, plate)) == 6
    assert len(members_by_position(np.arange(24), plate)) == 0


def test_explained_share_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    terms, x = rng.normal(size=(20, 3)), rng.normal(size=(20, 7))
    x -= x.mean(axis=0)
    fitted = terms - terms.mean(axis=0)
    fitted = fitted @ np.linalg.lstsq(fitted, x, rcond=None)[0]
    hat, rank = hat_matrix(terms)
    assert rank == 3
    assert explained([hat], [x @ x.T], [np.arange(20)]) == pytest.approx((fitted**2).sum() / (x**2).sum())
    assert hat_matrix(np.ones((5, 2)))[1] == 0


def test_few_orders_are_all_tried():
    x, plate, position = wells(n_plates=2, n_positions=3)
    ranks, members = ranks_elsewhere(x, plate), members_by_position(position, plate)

    def statistic(orders):
        moved = np.concatenate([orders[0], 3 + orders[1]])
        return same_position_precision(ranks, moved[members])

    every = [
        naive_precision(x[[*first, *(3 + np.array(second))]], plate, position)
        for first, second in product(permutations(range(3)), repeat=2)
    ]
    observed, mean, p_value = permutation_test(statistic, [3, 3], 36, np.random.default_rng(0))
    assert mean == pytest.approx(np.mean(every), rel=1e-6)
    assert p_value == pytest.approx(np.mean(np.array(every) >= observed - 1e-6))
    assert permutation_test(statistic, [3, 3], 35, np.random.default_rng(0))[2] >= 1 / 36


def test_no_p_value_is_zero():
    def statistic(orders):
        return float((orders[0] == np.arange(12)).all())

    assert permutation_test(statistic, [12], 99, np.random.default_rng(0))[2] == 1 / 100


def test_p_values_are_uniform_where_features_depend_on_each_other_and_not_if_taken_one_by_one():
    """60 features of 3 dimensions: an F test of each, combined as if they were independent, calls far too much."""
    rng = np.random.default_rng(0)
    terms = rng.normal(size=(24, 3))
    hat, rank = hat_matrix(terms)
    ours, combined = [], []
    for _ in range(200):
        x = rng.normal(size=(24, 3)) @ rng.normal(size=(3, 60))
        x -= x.mean(axis=0)
        gram = x @ x.T
        ours.append(permutation_test(lambda o, g=gram: explained([hat], [g], o), [24], 99, rng)[2])
        share = ((hat @ x) ** 2).sum(axis=0) / (x**2).sum(axis=0)
        p_values = f_distribution.sf(share / rank / ((1 - share) / (23 - rank)), rank, 23 - rank)
        combined.append(p_values.min() * 60 <= 0.05 or np.mean(p_values <= 0.05) > 0.1)
    assert 0.02 <= np.mean(np.array(ours) <= 0.05) <= 0.09
    assert np.mean(np.array(ours) <= 0.5) == pytest.approx(0.5, abs=0.1)
    assert np.mean(combined) > 0.1
