"""Scores of groups of features: no row takes part in the component it is measured by."""

import numpy as np
import pytest

from cellprofiling.kernels.models.group_scores import deal, first_component, group_scores, oriented


def wells(seed: int = 0, n: int = 24, p: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = 1e6 + 1e-3 * (rng.normal(size=(n, p)) + rng.normal(size=(n, 1)))
    stratum, control = np.repeat([0, 1, 2], n // 3), np.tile([True, True, True, False], n // 4)
    for values in (x, stratum, control):
        values.setflags(write=False)
    return x, control, stratum


def naive(x: np.ndarray, control: np.ndarray, stratum: np.ndarray, row: int, n_folds: int) -> float:
    """Return the size of the score of one row in one group of all features, step by step."""
    fold = deal(control, stratum, n_folds)
    others = [i for i in range(len(x)) if control[i] and fold[i] != fold[row]]
    residual = np.array([x[i] - np.mean([x[j] for j in others if stratum[j] == stratum[i]], axis=0) for i in others])
    free = len(others) - len({stratum[i] for i in others})
    spread = np.sqrt((residual**2).sum(axis=0) / free)
    loading = np.linalg.svd(residual / spread)[2][0]
    own = x[row] - np.mean([x[j] for j in range(len(x)) if control[j] and stratum[j] == stratum[row]], axis=0)
    unit = np.sqrt((((residual / spread) @ loading) ** 2).sum() / free)
    return abs(float((own / spread) @ loading)) / unit


def test_scores_equal_their_naive_twin() -> None:
    x, control, stratum = wells()
    scores, _ = group_scores(x, control, stratum, [np.arange(7)], np.ones(7), 5)
    expected = [naive(x, control, stratum, row, 5) for row in range(len(x))]
    np.testing.assert_allclose(np.abs(scores[:, 0]), expected, rtol=1e-5)


@pytest.mark.parametrize(("n_folds", "linear"), [(5, True), (1, False)])
def test_a_control_does_not_shape_its_own_axis(n_folds: int, linear: bool) -> None:
    """Twice the step in a control well gives twice the change of its score, unless it takes part in the fit."""
    x, control, stratum = wells(n=48)
    row = int(np.flatnonzero(control)[0])
    step = np.zeros_like(x)
    step[row, 2] = 0.001
    none, one, two = (
        group_scores(x + k * step, control, stratum, [np.arange(7)], np.ones(7), n_folds)[0][row, 0] for k in (0, 1, 2)
    )
    assert bool(abs(two - none) == pytest.approx(2 * abs(one - none), rel=1e-4)) is linear


def test_scores_of_new_wells_vary_as_those_of_controls() -> None:
    """40 features that hardly correlate, 12 controls: fitted on themselves they vary twice as much as other wells."""
    spread = {1: [], 5: []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = np.sqrt(0.9) * rng.normal(size=(24, 40)) + np.sqrt(0.1) * rng.normal(size=(24, 1))
        control = np.arange(24) < 12
        for n_folds, found in spread.items():
            s = group_scores(x, control, np.zeros(24, dtype=np.intp), [np.arange(40)], np.ones(40), n_folds)[0]
            found.append(s[control].var(ddof=1) / s[~control].var(ddof=1))
    assert np.median(spread[5]) == pytest.approx(1, abs=0.3)
    assert np.median(spread[1]) > 1.6


def test_sign_is_that_of_the_main_measures() -> None:
    loading = np.array([0.6, 0.6, -0.5])
    assert oriented(loading, np.array([0.0, 0.0, 1.0]))[2] > 0
    assert oriented(-loading, np.ones(3))[0] > 0
    assert oriented(-loading, np.zeros(3))[0] > 0
    assert oriented(np.array([-0.8, 0.4, 0.4]), np.ones(3))[0] > 0


def test_features_without_spread_have_no_say() -> None:
    x, control, stratum = wells()
    flat = np.hstack([x, np.full((len(x), 1), 3.0)])
    plain = group_scores(x, control, stratum, [np.arange(7)], np.ones(7))[0]
    np.testing.assert_allclose(group_scores(flat, control, stratum, [np.arange(8)], np.ones(8))[0], plain, rtol=1e-6)
    none = group_scores(flat, control, stratum, [np.array([7])], np.ones(8))[0]
    assert not none.any()


def test_wide_and_tall_components_agree() -> None:
    z = np.random.default_rng(0).normal(size=(9, 9))
    z -= z.mean(axis=0)
    wide = np.hstack([z, np.zeros((9, 5))])
    assert abs(first_component(z) @ first_component(wide)[:9]) == pytest.approx(1, abs=1e-9)


def test_rows_are_dealt_evenly_in_each_stratum() -> None:
    control, stratum = np.tile([True] * 5 + [False], 4), np.repeat(np.arange(4), 6)
    fold = deal(control, stratum, 5)
    for number in range(4):
        assert sorted(fold[control & (stratum == number)]) == list(range(5))
