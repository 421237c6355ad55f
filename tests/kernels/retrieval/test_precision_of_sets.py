"""Sets of profiles that find each other: equal to the definition written out."""

import numpy as np
from sklearn.metrics import average_precision_score

from cellprofiling.kernels.retrieval.precision_of_sets import at_least_as_similar, set_precisions, slot_precisions


def similarities(seed: int, n: int = 20) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, 5))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def naive(similarity: np.ndarray, members: np.ndarray, apart: dict[int, set[int]]) -> float:
    """Average precision by scikit-learn, one query at a time."""
    scores = []
    for q in members:
        others = [m for m in members if m != q]
        beside = [i for i in range(len(similarity)) if i not in set(members) | apart.get(int(q), set())]
        truth = np.r_[np.ones(len(others)), np.zeros(len(beside))]
        scores.append(average_precision_score(truth, similarity[q, np.r_[others, beside].astype(int)]))
    return float(np.mean(scores))


def test_sets() -> None:
    """Sets of one size, rows of the similarities in another order than the profiles."""
    similarity = similarities(0)
    sets = np.array([np.random.default_rng(i).permutation(20)[:4] for i in range(30)])
    rows = np.random.default_rng(1).permutation(20)
    found = set_precisions(similarity[np.argsort(rows)], rows, sets)
    np.testing.assert_allclose(found, [naive(similarity, members, {}) for members in sets], atol=1e-12)


def test_ties_stand_first() -> None:
    """Where all are equally similar, positives come last: ranks 18, 19 and 20 of 19 others hold them."""
    found = set_precisions(np.ones((20, 20)), np.arange(20), np.array([[0, 1, 2, 3]]))
    np.testing.assert_allclose(found, np.mean([1 / 17, 2 / 18, 3 / 19]))


def test_slots() -> None:
    """Members first, then slots that are apart from some of them; the rest are negatives of all."""
    similarity = similarities(2)
    apart = np.zeros((3, 6), dtype=bool)
    apart[0, 3] = apart[0, 4] = apart[2, 5] = True
    who = np.array([np.random.default_rng(i).permutation(20)[:6] for i in range(30)])
    expected = [
        naive(similarity, slots[:3], {int(slots[0]): {int(slots[3]), int(slots[4])}, int(slots[2]): {int(slots[5])}})
        for slots in who
    ]
    found = slot_precisions(similarity, at_least_as_similar(similarity), who, 3, apart)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_counts_include_ties_and_itself() -> None:
    """How many are at least as similar, the profile itself and the other among them."""
    counts = at_least_as_similar(np.array([[1.0, 0.5, 0.5], [0.5, 1.0, 0.2], [0.5, 0.2, 1.0]]))
    np.testing.assert_array_equal(counts, [[1, 3, 3], [2, 1, 3], [2, 3, 1]])
