"""Exchanged labels: found where there is an effect, calibrated where there is none."""

import numpy as np
import pytest

from cellprofiling.kernels.plates.swapped_labels import _Spread, find_exchanges
from tests.builders import read_only


def plates(
    effect: float, seed: int = 0, n_plates: int = 5, n_labels: int = 24, n_features: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return correlated noise around the profile of each label, one row of each on each plate."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    profile = rng.normal(size=(n_labels, n_features)) * effect
    label, block = np.tile(np.arange(n_labels), n_plates), np.repeat(np.arange(n_plates), n_labels)
    x = profile[label] + rng.normal(size=(len(label), n_features)) @ mix
    x = read_only(x)
    return x, label, block


def test_swap_is_found() -> None:
    """Two rows that changed labels name each other, and nobody else is called."""
    x, label, block = plates(2.0)
    label[[3, 7]] = label[[7, 3]]
    found = find_exchanges(x, label, block)
    assert set(np.flatnonzero(found.p_value <= 0.05)) == {3, 7}
    assert found.partner[3] == 7
    assert found.partner[7] == 3


def test_chance_calls_few_plates() -> None:
    """Without an effect, and without a swap, at most the promised share of plates has a pair with p <= 0.05."""
    lowest = []
    for seed in range(60):
        x, label, block = plates(0.0, seed)
        p = find_exchanges(x, label, block).p_value
        lowest += [p[block == number].min() for number in range(5)]
    assert np.mean(np.array(lowest) <= 0.05) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(lowest) <= 0.5) > 0.1  # not so careful that nothing could be found


def test_a_swap_on_all_plates_is_hidden() -> None:
    """Replicates that were all swapped alike agree with each other: nothing to see."""
    x, label, block = plates(2.0)
    label = np.where(label == 3, 7, np.where(label == 7, 3, label))
    assert (find_exchanges(x, label, block).p_value > 0.05).all()


def test_nothing_to_compare_with() -> None:
    """One plate, labels that occur once, and plates of one label have no p-value."""
    x, label, block = plates(1.0, n_plates=1)
    assert np.isnan(find_exchanges(x, label, block).p_value).all()
    x, _, block = plates(1.0, n_plates=2)
    assert np.isnan(find_exchanges(x, np.arange(len(x)), block).p_value).all()
    assert np.isnan(find_exchanges(x, np.zeros(len(x), dtype=int), block).p_value).all()
    assert np.isnan(find_exchanges(np.zeros_like(x), plates(1.0, n_plates=2)[1], block).p_value).all()


@pytest.mark.parametrize("seed", range(3))
def test_row_order_and_names_change_nothing(seed: int) -> None:
    """Shuffled rows and renamed labels and plates give the same rows the same p."""
    x, label, block = plates(1.0, seed)
    usual = find_exchanges(x, label, block)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    renamed = find_exchanges(x[order], rng.permutation(24)[label[order]], rng.permutation(5)[block[order]])
    np.testing.assert_allclose(renamed.p_value, usual.p_value[order], rtol=1e-6)
    np.testing.assert_array_equal(order[renamed.partner], usual.partner[order])


def test_spread_along_a_pair_equals_its_naive_twin() -> None:
    """Residuals of all labels but the two, projected on the way between their means, squared and averaged."""
    rng = np.random.default_rng(0)
    label = np.r_[rng.integers(0, 12, 60), np.full(40, 12)]  # one label with more rows than there are columns
    residuals, mean, of = rng.normal(size=(100, 8)), rng.normal(size=(14, 8)), np.r_[np.arange(13), 3]
    variance, n = _Spread.of(residuals, label).along(mean, of)
    for i in range(14):
        for j in range(14):
            rest = residuals[(label != of[i]) & (label != of[j])]
            if of[i] != of[j]:
                assert n[i, j] == len(rest)
                np.testing.assert_allclose(variance[i, j], ((rest @ (mean[j] - mean[i])) ** 2).mean(), rtol=1e-10)
