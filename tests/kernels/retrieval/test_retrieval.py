"""Mean average precision of labelled wells, origin refitted to the controls of each assignment."""

import numpy as np
import pytest

from cellprofiling.kernels.retrieval.average_precision import precision_of
from cellprofiling.kernels.retrieval.retrieval import Blocks, mean_average_precisions

SIZES, TREATED = [5, 7, 4], [1, 2, 1]
STARTS = np.concatenate([[0], np.cumsum(SIZES)]).astype(np.intp)
BLOCK = np.repeat(range(3), SIZES)


def naive(x: np.ndarray, chosen: np.ndarray, refit: bool) -> float:
    """Move each block to the mean of its controls, then rank by cosine, one query at a time."""
    is_control = ~np.isin(np.arange(len(x)), chosen)
    x = x.copy()
    if refit:
        for block in range(3):
            x[block == BLOCK] -= x[(block == BLOCK) & is_control].mean(axis=0)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    scores = []
    for i in chosen:
        positive = np.array([unit[i] @ unit[k] for k in chosen if k != i])
        negative = np.array([unit[i] @ unit[j] for j in np.flatnonzero(is_control & (BLOCK[i] == BLOCK))])
        scores.append(precision_of(positive, negative))
    return float(np.mean(scores))


def blocks(x: np.ndarray) -> Blocks:
    """Return the blocks of the wells."""
    return Blocks.of(x @ x.T, np.array(SIZES), np.array(TREATED))


def assignments(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return random assignments, block by block."""
    parts = list(zip(STARTS, SIZES, TREATED, strict=False))
    rows = [
        np.concatenate([start + rng.permutation(size)[:treated] for start, size, treated in parts]) for _ in range(n)
    ]
    return np.array(rows, dtype=np.intp)


@pytest.mark.parametrize("seed", range(10))
def test_refitted_agrees_with_naive(seed: int) -> None:
    """The Gram matrix gives what moving every profile gives."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(16, 6)) + 3
    chosen = assignments(rng, 20)
    found = mean_average_precisions(blocks(x), chosen, refit=True)
    np.testing.assert_allclose(found, [naive(x, row, True) for row in chosen], atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_as_given_agrees_with_naive(seed: int) -> None:
    """Without refitting the cosine is that of the profiles as they stand."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(16, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    chosen = assignments(rng, 20)
    found = mean_average_precisions(blocks(unit), chosen, refit=False)
    np.testing.assert_allclose(found, [naive(x, row, False) for row in chosen], atol=1e-12)


def test_refitted_does_not_see_the_origin() -> None:
    """Shifting a whole block changes nothing when the origin is refitted."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 6))
    shifted = x + np.array([[0.0], [50.0], [-20.0]])[BLOCK]
    chosen = assignments(rng, 20)
    both = [mean_average_precisions(blocks(y), chosen, refit=True) for y in (x, shifted)]
    np.testing.assert_allclose(*both, atol=1e-9)


def test_well_on_the_origin_never_helps() -> None:
    """A profile of zeros has no direction: as a query it finds nothing before the controls."""
    x = np.zeros((4, 3))
    x[2:] = np.eye(3)[:2]
    one_block = Blocks.of(x @ x.T, np.array([4]), np.array([2]))
    found = mean_average_precisions(one_block, np.array([[0, 1]], dtype=np.intp), refit=False)
    assert found[0] == pytest.approx(1 / 3)
