"""Lines of wells: what was measured is what was fitted plus what is left."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, InputError, PlateLayoutError
from cellprofiling.core.plates import parse_wells, well_names
from cellprofiling.plot import position


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def wells(n_plates: int = 3) -> pd.DataFrame:
    """A step of 2 in column 3 and a slope over rows, at a level of its own on each plate."""
    places = parse_wells(well_names(96))
    x = 1.0 * places.row + 2.0 * (places.column == 2)
    plates = [
        pd.DataFrame({"Metadata_Plate": f"P{i}", "Metadata_Well": well_names(96), "Cells_x": x + 1e6 * i})
        for i in range(n_plates)
    ]
    return pd.concat(plates, ignore_index=True)


def curves(ax: Axes) -> dict[str, np.ndarray]:
    named = {"as measured", "fitted", "corrected"}
    return {line.get_label(): line.get_ydata() for line in ax.get_lines() if line.get_label() in named}


def test_lines_are_medians_about_the_plate() -> None:
    rows = curves(position(wells(), "Cells_x", ax=axes()))["as measured"]
    np.testing.assert_allclose(np.diff(rows), 1.0)
    columns = curves(position(wells(), "Cells_x", along="column", ax=axes()))["as measured"]
    np.testing.assert_allclose(columns - columns[0], 2.0 * (np.arange(12) == 2), atol=1e-6)


def test_measured_is_fitted_and_what_is_left() -> None:
    table = wells()
    corrected = cpf.correct_position(table, "median_polish")
    found = curves(position(table, "Cells_x", corrected=corrected, ax=axes()))
    np.testing.assert_allclose(found["corrected"], 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(found["fitted"]), np.diff(found["as measured"]), atol=1e-6)


def test_a_correction_may_leave_something() -> None:
    table = wells()
    half = table.assign(Cells_x=table["Cells_x"] - 0.25 * parse_wells(table["Metadata_Well"]).row)
    found = curves(position(table, "Cells_x", corrected=half, ax=axes()))
    np.testing.assert_allclose(np.diff(found["fitted"]), 0.25)
    np.testing.assert_allclose(np.diff(found["corrected"]), 0.75)


def test_the_way_from_the_edge() -> None:
    table = wells(1)
    table["Cells_x"] = parse_wells(table["Metadata_Well"]).edge_distance().astype(float)
    ax = position(table, "Cells_x", along="edge", ax=axes())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["edge", "1", "2", "3"]
    np.testing.assert_allclose(np.diff(curves(ax)["as measured"]), 1.0)


def test_single_plates_lie_behind_and_only_the_chosen_wells_count() -> None:
    table = wells(4)
    table.loc[table["Metadata_Well"].str.startswith("B"), "Cells_x"] = np.nan
    inner = table["Metadata_Well"].str[0].isin(list("ABC")).to_numpy()
    ax = position(table, "Cells_x", reference=inner, ax=axes())
    assert len(ax.get_lines()) == 1 + 4 + 1
    assert np.isfinite(curves(ax)["as measured"]).tolist() == [True, False, True] + 5 * [False]


def test_a_table_without_plates_is_one_plate() -> None:
    ax = position(wells(1).drop(columns="Metadata_Plate"), "Cells_x", ax=axes())
    np.testing.assert_allclose(np.diff(curves(ax)["as measured"]), 1.0)


def test_mistakes_are_said() -> None:
    table = wells(1)
    with pytest.raises(InputError, match="along='diagonal': choose one of"):
        position(table, "Cells_x", along="diagonal", ax=axes())
    with pytest.raises(InputError, match="corrected: holds 96 wells, and not the 96 wells"):
        position(table, "Cells_x", corrected=table.iloc[::-1], ax=axes())
    with pytest.raises(InputError, match="value='Cells_x': no well has one"):
        position(table.assign(Cells_x=np.nan), "Cells_x", ax=axes())
    with pytest.raises(FeatureError, match="value='Metadata_Plate': holds text"):
        position(table, "Metadata_Plate", ax=axes())
    with pytest.raises(PlateLayoutError, match="not a well name"):
        position(table.assign(Metadata_Well="x"), "Cells_x", ax=axes())
