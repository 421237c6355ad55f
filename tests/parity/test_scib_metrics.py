"""Measures of mixing against scib-metrics 0.5.10, whose results are recorded (record_scib_metrics.py)."""

from pathlib import Path

import numpy as np
import pytest

from cellprofiling.kernels.batches import mixing
from cellprofiling.kernels.similarity.neighbors import nearest

PEER = np.load(Path(__file__).with_name("scib_metrics.npz"))
X, BATCH, LABEL = (PEER[name] for name in ("x", "batch", "label"))


def test_lisi_of_each_row():
    around = nearest(X, 90)
    found = mixing.effective_batches(around.distance, BATCH[around.rows], 3, perplexity=30)
    np.testing.assert_allclose(found, PEER["lisi"], atol=5e-4)


def test_ilisi():
    """The median number of batches from 0 to 1; the peer counts the row itself among 90, and gives it no weight."""
    around = nearest(X, 90)
    effective = mixing.effective_batches(around.distance, BATCH[around.rows], 3)
    assert (np.median(effective) - 1) / (3 - 1) == pytest.approx(float(PEER["ilisi"]), abs=0.002)


def test_kbet():
    """Given the same neighbors; the peer would count the row itself."""
    around, shares = BATCH[nearest(X, 40).rows], np.bincount(BATCH) / len(BATCH)
    assert mixing.as_expected(around, shares).mean() == pytest.approx(float(PEER["kbet"]), abs=1e-12)


def test_principal_component_regression():
    assert mixing.explained_by_batch(X, BATCH) == pytest.approx(float(PEER["pcr"]), abs=1e-5)


def test_bras():
    assert np.nanmean(mixing.batch_silhouettes(X, LABEL, BATCH)) == pytest.approx(float(PEER["bras"]), abs=1e-4)


def test_silhouette_of_batches():
    found = []
    for label in np.unique(LABEL):
        x = X[label == LABEL]
        distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
        codes = np.unique(BATCH[label == LABEL], return_inverse=True)[1]
        found.append(1 - np.abs(mixing.silhouettes(distance, codes, "nearest")).mean())
    assert np.mean(found) == pytest.approx(float(PEER["silhouette_batch"]), abs=1e-4)
