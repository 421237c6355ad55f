"""The screen in data/ is what its README says: anyone can make it again."""

from pathlib import Path

import pandas as pd
import pytest

from cellprofiling.io.tables import read_profiles
from cellprofiling.simulate.screen import simulate_screen

SMALL = Path(__file__).parents[2] / "data" / "small"
pytestmark = pytest.mark.skipif(not SMALL.is_dir(), reason="data/small is not beside these tests")


@pytest.fixture(scope="module")
def screen():
    return simulate_screen("easy", seed=0, plates=4, wells_per_plate=96, compounds=36, cells_per_well=25, features=48)


def test_the_committed_cells_are_made_again_bit_for_bit(screen):
    read = read_profiles(SMALL / "cells")
    pd.testing.assert_frame_equal(read, screen.cells, check_dtype=False, check_exact=True)


def test_the_committed_tables_are_made_again(screen):
    made = {
        "platemap.csv": screen.platemap.rename(columns=lambda name: name.removeprefix("Metadata_")),
        "truth/wells.csv": screen.truth.wells,
        "truth/compounds.csv": screen.truth.compounds,
    }
    texts = dict.fromkeys(["Mechanism", "mechanism", "groups"], "")  # where a text file cannot tell empty from missing
    for name, table in made.items():
        pd.testing.assert_frame_equal(pd.read_csv(SMALL / name).fillna(texts), table.fillna(texts), check_dtype=False)


def test_the_committed_screen_is_small():
    assert sum(file.stat().st_size for file in SMALL.rglob("*") if file.is_file()) < 3e6
