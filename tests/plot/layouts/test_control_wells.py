"""A control plot draws every control of every plate, and boxes of controls alone."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, FeatureError
from cellprofiling.plot import controls
from tests.builders import NEGCON


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def wells():
    return pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(["P2", "P1", "P3"], 6),
            "Metadata_Role": ["negcon", "negcon", "negcon", "treatment", "treatment", "treatment"] * 2
            + ["treatment"] * 6,
            "Metadata_Object_Count": np.arange(18.0) + 1e6,
        }
    )


def test_points_lie_at_their_plate_and_value_treated_wells_behind():
    ax = controls(wells(), "Metadata_Object_Count", reference=NEGCON, ax=axes())
    treated, chosen = ax.collections
    assert [treated.get_label(), chosen.get_label()] == ["other wells (12)", "controls (6)"]
    assert treated.get_zorder() < chosen.get_zorder()
    x, y = chosen.get_offsets().T
    assert np.array_equal(np.round(x), [1, 1, 1, 0, 0, 0])  # P2 comes first in the table, P1 on the axis
    assert np.array_equal(y, wells()["Metadata_Object_Count"][[0, 1, 2, 6, 7, 8]])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["P1", "P2", "P3"]


def test_boxes_show_the_median_of_controls_and_a_plate_without_controls_has_none():
    ax = controls(wells(), "Metadata_Object_Count", reference=NEGCON, ax=axes())
    medians = {
        round(float(np.mean(line.get_xdata()))): line.get_ydata()[0] for line in ax.lines if line.get_lw() == 2.2
    }
    assert medians == {0: 1e6 + 7, 1: 1e6 + 1}


def test_missing_values_are_left_out_and_any_column_groups():
    table = wells().assign(Metadata_Batch="B")
    table.loc[0, "Metadata_Object_Count"] = np.nan
    ax = controls(table, "Metadata_Object_Count", reference=NEGCON, by="Metadata_Batch", ax=axes())
    assert ax.collections[1].get_label() == "controls (5)"
    everything = controls(table, "Metadata_Object_Count", reference=NEGCON.replace("==", "!="), ax=axes())
    assert everything.collections[1].get_label() == "controls (12)"


def test_many_plates_are_named_slanted_and_controls_can_be_all_there_is():
    table = pd.DataFrame({"Metadata_Plate": [f"plate number {i:02d}" for i in range(12)], "x": 1.0})
    ax = controls(table, "x", reference=None, ax=axes())
    assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {60}
    assert [each.get_label() for each in ax.collections] == ["controls (12)"]


def test_no_setting_changes_and_axes_come_back():
    before = dict(matplotlib.rcParams)
    ax = controls(wells(), "Metadata_Object_Count", reference=NEGCON)
    assert isinstance(ax, Axes)
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.get_figure())


def test_mistakes_are_said():
    with pytest.raises(ColumnError, match="value='x'"):
        controls(wells(), "x", reference=NEGCON)
    with pytest.raises(FeatureError, match="value='Metadata_Role': holds text"):
        controls(wells(), "Metadata_Role", reference=NEGCON)
