"""Harmony against harmonypy 2.1.0 (GPL, never imported), whose results are recorded (record_harmonypy.py).

Random clusters make the numbers differ, between two seeds of either as much as between the two. What must agree is how
well batches are mixed and how far kinds of rows stay apart.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf

RECORDED = np.load(Path(__file__).with_name("harmonypy.npz"))


def share_explained(z, codes):
    """Return how much of the variance lies between groups."""
    means = np.array([z[codes == code].mean(axis=0) for code in np.unique(codes)])[codes]
    return ((means - z.mean(axis=0)) ** 2).sum() / ((z - z.mean(axis=0)) ** 2).sum()


def mixing(z):
    """Return the variance that batches explain within kinds, and kinds over all."""
    codes, kind = RECORDED["codes"], RECORDED["kind"]
    within = np.mean([share_explained(z[kind == one], codes[kind == one]) for one in range(6)])
    return within, share_explained(z, kind)


@pytest.fixture(scope="module")
def ours():
    z = RECORDED["z"]
    wells = pd.DataFrame(z, columns=[f"Cells_Texture_Variance_{i}" for i in range(z.shape[1])])
    wells.insert(0, "Metadata_Batch", [f"B{code}" for code in RECORDED["codes"]])
    return cpf.correct_batch(wells, "harmony", batch="Metadata_Batch").filter(like="Cells").to_numpy()


def test_batches_are_mixed_as_well_as_by_ten_iterations_of_the_peer(ours):
    before, (batch, kind), (peer_batch, peer_kind) = (mixing(z) for z in (RECORDED["z"], ours, RECORDED["ten"]))
    assert before[0] > 0.4
    assert batch < peer_batch + 0.02
    assert kind > peer_kind - 0.02


def test_rows_end_where_the_peer_puts_them(ours):
    peer = RECORDED["ten"] - RECORDED["ten"].mean(axis=0)
    ours = ours - ours.mean(axis=0)
    cosine = (ours * peer).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(peer, axis=1)
    assert np.median(cosine) > 0.98


def test_the_peer_is_the_one_named():
    assert RECORDED["versions"][0] == "harmonypy 2.1.0"
