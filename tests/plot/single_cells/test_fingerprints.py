"""Strips of a fingerprint show the mean of the wells, features in the order of their groups."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import InputError
from cellprofiling.plot import fingerprint

NAMES = [
    "Nuclei_Intensity_MeanIntensity_DNA",
    "Cells_Texture_Contrast_ER_3_00_256",
    "Cells_AreaShape_Area",
    "Cells_Texture_Contrast_DNA_3_00_256",
]
ORDER = [2, 3, 1, 0]


def axes() -> Axes:
    return Figure(figsize=(9, 3), layout="constrained").subplots()


def table() -> pd.DataFrame:
    columns = [f"{name}__{ending}" for ending in ("spread", "level") for name in NAMES]
    columns += [f"Dependence_PC0{i}_PC0{j}" for i, j in ((1, 1), (1, 2), (2, 2))]
    values = np.random.default_rng(0).normal(size=(4, len(columns)))
    return pd.DataFrame(values, columns=columns).assign(Metadata_Well=list("abcd"))


def test_strips_hold_the_means() -> None:
    """Level above spread above dependence; features by compartment, group and channel."""
    ax, wells = fingerprint(table(), ax=axes()), table()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["level", "spread", "dependence"]
    for image, ending in zip(ax.images, ("level", "spread"), strict=False):
        expected = wells[[f"{NAMES[i]}__{ending}" for i in ORDER]].mean()
        np.testing.assert_allclose(np.asarray(image.get_array()).ravel(), expected)
    np.testing.assert_allclose(np.asarray(ax.images[2].get_array()).ravel(), wells.filter(like="Dependence").mean())


def test_groups_are_named() -> None:
    """Groups below, compartments above, a line between groups; a fingerprint without features has no names."""
    ax = fingerprint(table(), ax=axes())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["AreaShape", "Texture", "Intensity"]
    assert [text.get_text() for text in ax.texts] == ["Cells", "Nuclei"]
    assert len(ax.lines) == 2
    bare = fingerprint(table().filter(like="Dependence"), ax=axes())
    assert [label.get_text() for label in bare.get_xticklabels()] == []


def test_colors_end_where_asked() -> None:
    """By default between 3 and 10; missing values are not drawn."""
    wells = table()
    assert fingerprint(wells, ax=axes()).images[0].norm.vmax == 3
    assert fingerprint(100 * wells.drop(columns="Metadata_Well"), ax=axes()).images[0].norm.vmax == 10
    assert fingerprint(wells, limit=4.5, ax=axes()).images[0].norm.vmax == 4.5
    wells[f"{NAMES[0]}__level"] = np.nan
    assert np.ma.getmaskarray(fingerprint(wells, ax=axes()).images[0].get_array()).sum() == 1


def test_what_cannot_be_drawn() -> None:
    """No rows, or no fingerprint."""
    with pytest.raises(InputError, match="of 0 rows"):
        fingerprint(table().iloc[:0])
    with pytest.raises(InputError, match="profiles: no columns of level, spread"):
        fingerprint(table()[["Metadata_Well"]])
