"""The screen map shows every plate on one scale."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, FeatureError, InputError, PlateLayoutError
from cellprofiling.core.plates import well_names
from cellprofiling.plot import platemap, screen


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def wells(n_plates: int = 5, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    plates = [
        pd.DataFrame({"Metadata_Plate": f"P{i}", "Metadata_Well": well_names(96), "x": rng.normal(1e6, 1e-3, 96)})
        for i in range(n_plates)
    ]
    return pd.concat(plates, ignore_index=True).sample(frac=1, random_state=seed)


def names(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_each_plate_is_its_plate_map() -> None:
    """The wells of each thumbnail are those of the map of one plate, whatever the order of rows."""
    table = wells().iloc[:-7]
    ax = screen(table, "x", n_columns=2, ax=axes())
    grid = ax.images[0].get_array()
    assert names(ax) == [f"P{i}" for i in range(5)]
    for i in range(5):
        top, left = (i // 2) * (8 + 2), (i % 2) * (12 + 1)
        alone = platemap(table, "x", plate=f"P{i}", limits=(0, 1), ax=axes()).images[0].get_array()
        np.testing.assert_array_equal(grid[top : top + 8, left : left + 12].filled(0), alone.filled(0))
    assert (~grid.mask).sum() == len(table)
    assert sum(bool(patch.get_hatch()) for patch in ax.patches) == 5


def test_plates_lie_as_they_were_acquired() -> None:
    table = wells(3)
    when = table["Metadata_Plate"].map({"P0": 20, "P1": 3, "P2": 100})
    assert names(screen(table.assign(Metadata_Day=when), "x", order="Metadata_Day", ax=axes())) == ["P1", "P0", "P2"]


def test_plates_that_are_numbers_lie_by_number() -> None:
    table = wells(3).assign(Metadata_Plate=lambda t: t["Metadata_Plate"].map({"P0": 10, "P1": 9, "P2": 100}))
    assert names(screen(table, "x", ax=axes())) == ["9", "10", "100"]


def test_the_end_of_a_long_name_stays() -> None:
    table = wells(2).assign(Metadata_Plate=lambda t: "a-long-name-of-the-screen-" + t["Metadata_Plate"])
    assert [name[-3:] for name in names(screen(table, "x", ax=axes()))] == ["-P0", "-P1"]


def test_the_scale_is_that_of_the_screen() -> None:
    table = wells(2).assign(x=lambda t: np.where(t["Metadata_Plate"] == "P0", 1.0, 9.0))
    norm = screen(table, "x", ax=axes()).images[0].norm
    assert (norm.vmin, norm.vmax) == (1.0, 9.0)
    norm = screen(table, "x", limits=(0, 20), ax=axes()).images[0].norm
    assert (norm.vmin, norm.vmax) == (0, 20)


def test_no_setting_changes_and_the_scale_can_be_left_out() -> None:
    before = dict(matplotlib.rcParams)
    ax = screen(wells(1), "x", key=False)
    assert len(ax.get_figure().axes) == 1
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.get_figure())


def test_mistakes_are_said() -> None:
    table = wells(2)
    with pytest.raises(ColumnError, match="value='y': no such column"):
        screen(table, "y", ax=axes())
    with pytest.raises(FeatureError, match="value='Metadata_Well': holds text"):
        screen(table, "Metadata_Well", ax=axes())
    with pytest.raises(InputError, match="n_columns=0: not a whole number"):
        screen(table, "x", n_columns=0, ax=axes())
    with pytest.raises(PlateLayoutError, match="'P0 A01' occur more than once"):
        screen(pd.concat([table, table[table["Metadata_Well"].eq("A01") & table["Metadata_Plate"].eq("P0")]]), "x")
    with pytest.raises(InputError, match="Metadata_Plate: 96 wells do not say"):
        screen(table.replace({"Metadata_Plate": {"P0": None}}), "x", ax=axes())
