"""Average precision: its formula, its ties, its edges."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from cellprofiling.kernels.retrieval.average_precision import average_precisions, precision_of
from tests import naive
from tests.builders import read_only


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("decimals", [1, 15])
def test_agrees_with_naive(seed: int, decimals: int) -> None:
    """Equal to the ranked list written out, with many ties (one decimal) and with none."""
    rng = np.random.default_rng(seed)
    positive = rng.normal(size=rng.integers(1, 18)).round(decimals)
    negative = rng.normal(size=rng.integers(1, 30)).round(decimals)
    assert precision_of(positive.copy(), negative.copy()) == pytest.approx(
        naive.average_precision(positive, negative), abs=1e-14
    )


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_sklearn_without_ties(seed: int) -> None:
    """Equal to scikit-learn where no two similarities tie."""
    rng = np.random.default_rng(seed)
    similarity, label = rng.normal(size=40), rng.random(40) < 0.3
    ours = precision_of(similarity[label], similarity[~label])
    assert ours == pytest.approx(average_precision_score(label, similarity), abs=1e-12)


def test_ties_count_against_the_query() -> None:
    """All similarities equal: every negative stands before every positive."""
    assert precision_of(np.zeros(1), np.zeros(9)) == pytest.approx(1 / 10)


@pytest.mark.parametrize(("n_positive", "n_negative"), [(0, 3), (3, 0), (0, 0)])
def test_missing_without_positives_or_negatives(n_positive: int, n_negative: int) -> None:
    """A list with nothing to find, or nothing to find it among, has no value."""
    assert np.isnan(precision_of(np.zeros(n_positive), np.zeros(n_negative)))


def test_rows_of_a_block() -> None:
    """Each row of a block is its own list; the block is not changed."""
    rng = np.random.default_rng(0)
    similarity, role = rng.normal(size=(6, 30)), rng.integers(0, 3, (6, 30))
    similarity = read_only(similarity)
    found = average_precisions(similarity, role == 1, role == 2)
    expected = [naive.average_precision(s[r == 1], s[r == 2]) for s, r in zip(similarity, role, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-14)
