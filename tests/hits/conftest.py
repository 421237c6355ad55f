"""Screens of pure noise, with correlated features, plate shifts, and whatever is planted in them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import well_names

NEGCON = "Metadata_Role == 'negcon'"


def noise_screen(
    seed: int = 0,
    *,
    n_plates: int = 4,
    n_controls: int | list[int] = 16,
    n_compounds: int = 20,
    n_features: int = 30,
    n_same: int = 1,
    effect: float = 0.0,
    position_effect: float = 0.0,
    fixed_layout: bool = False,
    normalized: bool = True,
) -> pd.DataFrame:
    """Return wells of a screen without effects, or with `effect` on the first half of the compounds.

    Features are correlated and shifted plate by plate; `normalized` z-scores them to the controls of the plate, the
    way that makes naive tests wrong. `position_effect` gives each well position a profile of its own.
    """
    rng = np.random.default_rng(seed)
    mix = np.eye(n_features) * 0.5 + rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    names = np.array(well_names(384))
    place = rng.normal(size=(384, n_features)) * position_effect
    direction = (
        rng.normal(size=(n_compounds, n_features)) * effect * (np.arange(n_compounds) < n_compounds // 2)[:, None]
    )
    controls = [n_controls] * n_plates if isinstance(n_controls, int) else n_controls
    layout = rng.permutation(384)
    frames = []
    for plate in range(n_plates):
        compound = np.r_[np.full(controls[plate], -1), np.repeat(np.arange(n_compounds), n_same)]
        wells = (layout if fixed_layout else rng.permutation(384))[: len(compound)]
        x = rng.normal(size=(len(compound), n_features)) @ mix + rng.normal(size=n_features) * 2 + place[wells]
        x[compound >= 0] += direction[compound[compound >= 0]]
        if normalized:
            x = (x - x[compound < 0].mean(axis=0)) / x[compound < 0].std(axis=0)
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Well": names[wells],
            "Metadata_Compound": [f"c{c:03d}" if c >= 0 else "DMSO" for c in compound],
            "Metadata_Role": np.where(compound >= 0, "treatment", "negcon"),
            "Metadata_Object_Count": rng.integers(80, 120, len(compound)),
        }
        features = pd.DataFrame(x, columns=[f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n_features)])
        frames.append(pd.concat([pd.DataFrame(metadata), features], axis=1))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def screen_of_noise() -> Callable[..., pd.DataFrame]:
    """Give the maker of noise screens."""
    return noise_screen
