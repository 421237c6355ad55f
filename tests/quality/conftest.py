"""A small screen whose truth is known, to plant faults in."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import well_names

NEGCON = "Metadata_Role == 'negcon'"


def build(
    n_plates: int = 4, n_layouts: int = 1, active: float = 0.5, effect: float = 3.0, seed: int = 0, n_features: int = 30
) -> pd.DataFrame:
    """Return 96-well plates: 16 scattered control wells, 80 compounds with the same place on the plates of a layout.

    Compounds that are active move all features, and the number of cells a little, by an amount of their own.
    """
    rng = np.random.default_rng(seed)
    frames = []
    controls = np.array([i for i in range(96) if (i // 12 + 5 * (i % 12)) % 6 == 0])
    for layout in range(n_layouts):
        moves = rng.normal(size=(96, n_features)) * effect / np.sqrt(3) * (rng.random(96) < active)[:, None]
        moves[controls] = 0
        place = rng.permutation(96)
        place = np.r_[controls, [i for i in place if i not in set(controls)]]
        cells = 0.4 * rng.normal(size=96) * (moves[:, 0] != 0)
        for plate in range(n_plates):
            label = np.array(["DMSO"] * 16 + [f"c{layout}-{i:02d}" for i in range(80)], dtype=object)
            x = moves[place] + rng.normal(size=(96, n_features))
            table = pd.DataFrame(
                {
                    "Metadata_Plate": f"P{layout}{plate}",
                    "Metadata_Well": np.array(well_names(96))[place],
                    "Metadata_Batch": f"B{plate % 2}",
                    "Metadata_Compound": label,
                    "Metadata_Role": np.where(label == "DMSO", "negcon", "treatment"),
                    "Metadata_Object_Count": np.exp(5.5 + cells[place] + rng.normal(0, 0.1, 96)).round(),
                }
            )
            frames.append(table.join(pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(n_features)])))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    """Return the maker of screens."""
    return build


@pytest.fixture
def clean(make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Return a screen of four plates with one layout, without faults."""
    return make()
