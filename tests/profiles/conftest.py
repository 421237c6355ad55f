"""Fixtures for tests of what happens to wells."""

import warnings
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def pycytominer() -> Iterator[ModuleType]:
    """Give the peer; importing it switches a pandas option for the whole process, which is switched back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pd.get_option("mode.copy_on_write")
        import pycytominer

        pd.set_option("mode.copy_on_write", before)
        yield pycytominer


@pytest.fixture
def plates() -> pd.DataFrame:
    """Two plates of 24 wells, 8 of them controls, plate P2 shifted; large means and small spreads; a few gaps."""
    rng = np.random.default_rng(0)
    x = 1e3 + rng.normal(size=(48, 6)) * [1e-3, 1, 5, 1, 1, 100]
    x[24:] += 7
    x[5, 3] = x[30, 3] = np.nan
    wells = pd.DataFrame(x, columns=[f"Cells_Texture_Variance_{i}" for i in range(6)])
    wells.insert(0, "Metadata_Plate", np.repeat(["P1", "P2"], 24))
    wells.insert(1, "Metadata_Role", np.tile(np.repeat(["negcon", "treatment"], [8, 16]), 2))
    return wells.sample(frac=1, random_state=1)
