"""ComBat against scanpy 1.11.5, whose results are recorded (record_scanpy_combat.py)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf

RECORDED = np.load(Path(__file__).with_name("scanpy_combat.npz"))


@pytest.mark.parametrize("name", ["small", "even", "uneven"])
def test_scanpy_gives_the_same(name):
    """It stops iterating at changes of 1e-4, so that is how far the two may be apart; seen is 1e-5 and less."""
    x, codes, expected = (RECORDED[f"{name}_{part}"] for part in ("x", "codes", "y"))
    wells = pd.DataFrame(x, columns=[f"Cells_Texture_Variance_{i:02d}" for i in range(x.shape[1])])
    wells.insert(0, "Metadata_Batch", [f"B{code}" for code in codes])
    found = cpf.correct_batch(wells, "combat", batch="Metadata_Batch").filter(like="Cells").to_numpy()
    assert np.abs(x - expected).max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_peer_is_the_one_named():
    assert RECORDED["versions"][0] == "scanpy 1.11.5"
