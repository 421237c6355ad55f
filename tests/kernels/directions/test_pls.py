"""Canonical partial least squares equals scikit-learn's, for one problem and for many at once."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSCanonical

from cellprofiling.kernels.directions.pls import pls_canonical
from tests.builders import read_only


def some(seed, n=30, p=6, q=8):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    x = hidden @ rng.normal(size=(3, p)) + rng.normal(size=(n, p))
    y = hidden @ rng.normal(size=(3, q)) + rng.normal(size=(n, q))
    for part in (x, y):
        part -= part.mean(axis=0)
        part = read_only(part)
    return x, y


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed):
    """scikit-learn 1.5 and later, `PLSCanonical(scale=False, algorithm="svd")`; signs are free."""
    x, y = some(seed)
    axes = pls_canonical(x, y, 3)
    theirs = PLSCanonical(3, scale=False, algorithm="svd").fit(x, y)
    new_x, new_y = some(seed + 100)
    for ours, other in zip(
        (new_x @ axes.x_rotation, new_y @ axes.y_rotation), (new_x @ theirs.x_rotations_, new_y @ theirs.y_rotations_),
        strict=True,
    ):  # fmt: skip
        sign = np.sign((ours * other).sum(axis=0))
        np.testing.assert_allclose(ours * sign, other, atol=1e-7 * np.abs(other).max())


def test_many_problems_at_once_are_each_by_itself():
    problems = [some(seed) for seed in range(4)]
    x, y = (np.stack(parts) for parts in zip(*problems, strict=True))
    together = pls_canonical(x, y, 2)
    for k, (one, other) in enumerate(problems):
        alone = pls_canonical(one, other, 2)
        np.testing.assert_allclose(np.abs(together.x_rotation[k]), np.abs(alone.x_rotation), atol=1e-9)
        np.testing.assert_allclose(np.abs(together.y_rotation[k]), np.abs(alone.y_rotation), atol=1e-9)


def test_an_exhausted_or_empty_matrix_gives_scores_of_zero():
    x, y = some(1, p=1)
    axes = pls_canonical(x, y, 2)
    assert np.abs(x @ axes.x_rotation[:, 1]).max() < 1e-9
    nothing = pls_canonical(np.zeros((5, 2)), np.zeros((5, 2)), 1)
    assert np.isfinite(nothing.x_rotation).all()
    assert not (np.zeros((5, 2)) @ nothing.x_rotation).any()
