"""A plate map shows each value in its well, and what is missing as missing."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cellprofiling.core.errors import ColumnError, InputError, PlateLayoutError
from cellprofiling.core.plates import FORMATS, well_names
from cellprofiling.plot import platemap


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def grid(ax: Axes) -> np.ma.MaskedArray:
    return ax.images[0].get_array()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([6, 96, 384, 1536]), st.integers(0, 1000))
def test_each_value_lies_in_its_well(n_wells, seed):
    names = well_names(n_wells)
    wells = pd.DataFrame({"Metadata_Well": names, "x": np.arange(n_wells, dtype=float) + 1e6})
    ax = platemap(wells.sample(frac=1, random_state=seed), "x", ax=axes())
    assert np.array_equal(grid(ax), wells["x"].to_numpy().reshape(FORMATS[n_wells]))
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    columns = [tick.get_text() for tick in ax.get_xticklabels()]
    assert (rows[0], columns[0]) == ("A", "1")
    assert rows[-1] == {6: "B", 96: "H", 384: "P", 1536: "AE"}[n_wells]  # of 32 rows every second is named
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # row A is above


def test_wells_without_row_or_value_are_masked_over_a_hatched_plate():
    wells = pd.DataFrame({"Metadata_Well": ["A01", "B02", "H12"], "x": [1.0, np.nan, 3.0]})
    ax = platemap(wells, "x", ax=axes())
    assert grid(ax).mask.sum() == 94
    assert grid(ax).mask[1, 1]
    hatched = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
    assert (hatched[0].get_width(), hatched[0].get_height()) == (12, 8)
    assert hatched[0].get_zorder() < ax.images[0].get_zorder()


def test_the_plate_is_chosen_by_name_and_keeps_the_format_of_the_table():
    wells = pd.DataFrame({"Metadata_Plate": [1, 1, 2], "Metadata_Well": ["A01", "P24", "A01"], "x": [1.0, 2.0, 3.0]})
    ax = platemap(wells, "x", plate=2, ax=axes())
    assert grid(ax).shape == (16, 24)
    assert grid(ax)[0, 0] == 3
    assert ax.get_title(loc="left") == "2"


def test_signed_values_are_centered_on_zero_and_amounts_are_not():
    wells = pd.DataFrame({"Metadata_Well": well_names(96), "x": np.linspace(-1, 3, 96), "y": np.linspace(5, 9, 96)})
    norm = platemap(wells, "x", ax=axes()).images[0].norm
    assert norm.vmin == -norm.vmax
    norm = platemap(wells, "y", ax=axes()).images[0].norm
    assert 5 <= norm.vmin < norm.vmax <= 9
    norm = platemap(wells, "y", limits=(0, 20), ax=axes()).images[0].norm
    assert (norm.vmin, norm.vmax) == (0, 20)


def test_constant_and_missing_values_can_be_drawn():
    wells = pd.DataFrame({"Metadata_Well": ["A01", "A02"], "same": [5.0, 5.0], "none": [np.nan, np.nan]})
    assert platemap(wells, "same", ax=axes()).images[0].norm.vmax == 6
    assert grid(platemap(wells, "none", ax=axes())).mask.all()


def test_text_gets_a_legend_with_marks_and_the_same_wells():
    roles = ["negcon", "treatment", "treatment", None]
    wells = pd.DataFrame({"Metadata_Well": ["A01", "A02", "B01", "B02"], "Metadata_Role": roles})
    ax = platemap(wells, "Metadata_Role", ax=axes())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["negcon", "treatment"]
    assert grid(ax)[:2, :2].filled(-1).tolist() == [[0, 1], [1, -1]]
    assert len(ax.collections) == 1  # the commonest value stays plain
    assert ax.collections[0].get_offsets().tolist() == [[0, 0]]


def test_beyond_seven_names_the_rarest_are_other():
    names = [f"c{i}" for i in range(9) for _ in range(i + 1)]
    wells = pd.DataFrame({"Metadata_Well": well_names(96)[: len(names)], "Metadata_Compound": names})
    ax = platemap(wells, "Metadata_Compound", ax=axes())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["c3", "c4", "c5", "c6", "c7", "c8", "other"]


def test_yes_and_no_are_names():
    wells = pd.DataFrame({"Metadata_Well": ["A01", "A02"], "Metadata_QC": [True, False]})
    ax = platemap(wells, "Metadata_QC", ax=axes())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]


def test_without_key_there_is_neither_scale_nor_legend():
    wells = pd.DataFrame({"Metadata_Well": ["A01"], "x": [1.0], "Metadata_Role": ["a"]})
    ax = platemap(wells, "x", key=False, ax=axes())
    assert len(ax.get_figure().axes) == 1
    assert platemap(wells, "Metadata_Role", key=False, ax=axes()).get_legend() is None


def test_a_new_figure_is_made_without_axes_and_no_setting_changes():
    before = dict(matplotlib.rcParams)
    wells = pd.DataFrame({"Metadata_Well": ["A01"], "x": [1.0]})
    ax = platemap(wells, "x")
    assert isinstance(ax, Axes)
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.get_figure())


def test_mistakes_are_said():
    wells = pd.DataFrame({"Metadata_Plate": ["P1", "P2"], "Metadata_Well": ["A01", "A01"], "x": [1.0, 2.0]})
    with pytest.raises(InputError, match="holds 2 plates, name one of 'P1', 'P2'"):
        platemap(wells, "x")
    with pytest.raises(InputError, match="plate='P3': not in the table"):
        platemap(wells, "x", plate="P3")
    with pytest.raises(ColumnError, match="value='y'"):
        platemap(wells, "y", plate="P1")
    with pytest.raises(PlateLayoutError, match="'A01' occur more than once on plate 'P1'"):
        platemap(wells.assign(Metadata_Plate="P1"), "x")
