"""Aligned dose series: equal to a slow twin, blind to potency, and never alike by the controls they share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.kernels.doses import titration
from cellprofiling.kernels.doses.titration import align_all


def naive(series, shared, known, min_overlap):
    """Return score, mirrored, similarity, shift and overlap of each pair, one shift after the other."""
    found = []
    n, n_doses, _ = series.shape
    for a in range(n):
        for b in range(a + 1, n):
            shifts = []
            for s in range(-n_doses, n_doses + 1):
                i = [i for i in range(n_doses) if 0 <= i + s < n_doses and known[a, i] and known[b, i + s]]
                if len(i) < min_overlap:
                    continue
                x, y = series[a, i], series[b, np.array(i) + s]
                product = (x * y).sum() - (shared[a, i] * shared[b, np.array(i) + s]).sum()
                r = np.clip(product / np.sqrt((x**2).sum() * (y**2).sum()), -1 + 1e-12, 1 - 1e-12)
                shifts.append((r, np.arctanh(r) * np.sqrt(len(i)), s, len(i)))
            r, _, s, count = max(shifts, key=lambda found: (found[0], -abs(found[2])))
            found.append((max(f[1] for f in shifts), max(-f[1] for f in shifts), r, s, count))
    return np.array(found).T


def some(seed, n=6, n_doses=6, n_features=5):
    rng = np.random.default_rng(seed)
    series, shared = rng.normal(size=(n, n_doses, n_features)), 0.3 * rng.random((n, n_doses, 2))
    known = rng.random((n, n_doses)) < 0.9
    known[:, :4] = True
    for array in (series, shared, known):
        array.flags.writeable = False
    return series, shared, known


@pytest.mark.parametrize("min_overlap", [2, 3])
@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_equals_the_slow_twin(min_overlap, seed):
    series, shared, known = some(seed)
    found = align_all(series, shared, known, min_overlap=min_overlap)
    score, mirrored, similarity, shift, overlap = naive(series, shared, known, min_overlap)
    for ours, theirs in ((found.score, score), (found.mirrored, mirrored), (found.similarity, similarity)):
        assert ours == pytest.approx(theirs, rel=1e-9)
    assert found.shift.tolist() == shift.tolist()
    assert found.overlap.tolist() == overlap.tolist()


def test_blocks_change_nothing(monkeypatch):
    series, shared, known = some(3, n=9)
    whole = align_all(series, shared, known, min_overlap=3)
    monkeypatch.setattr(titration, "HELD", 9 * 36 * 2)
    for one, other in zip(whole, align_all(series, shared, known, min_overlap=3), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_moved_copy_is_found_where_it_was_moved_to():
    rng = np.random.default_rng(1)
    long = rng.normal(size=(12, 30))
    series = np.array([long[2:10], long[0:8], -long[2:10]])
    found = align_all(series, np.zeros((3, 8, 1)), np.ones((3, 8), dtype=bool), min_overlap=3)
    assert found.shift[0] == 2
    assert found.overlap[0] == 6
    assert found.similarity[0] == pytest.approx(1)
    assert found.refined[0] == pytest.approx(2, abs=0.2)
    assert found.mirrored[1] == pytest.approx(np.arctanh(1 - 1e-12) * np.sqrt(8))  # a copy and its mirror image


def test_a_parabola_refines_between_neighbors_and_ends_have_none():
    z = np.array([np.nan, 0.5, 1.0, 0.7, np.nan])
    assert titration._top(z, 2) == pytest.approx(0.5 * (0.5 - 0.7) / (0.5 - 2 + 0.7))
    assert titration._top(z, 1) == 0
    assert np.isnan(titration._top(z, 0))


def test_series_without_length_or_overlap_have_no_similarity():
    series = np.zeros((3, 4, 2))
    series[1:] = 1.0
    known = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]], dtype=bool)
    found = align_all(series, np.zeros((3, 4, 1)), known, min_overlap=3)
    assert np.isnan(found.similarity).all()
    assert np.isnan(found.refined).all()
    assert np.isinf(found.score).all()
    assert found.overlap.tolist() == [0, 0, 0]
