"""The control chart: medians of controls in order, limits of each batch, and what lies beyond."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.plot import drift
from tests.builders import NEGCON

MEDIANS = [10.0, 11.0, 9.0, 12.0, 10.0, 30.0]


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def wells(medians: list[float] = MEDIANS) -> pd.DataFrame:
    rows = [
        {"Metadata_Plate": f"P{i}", "Metadata_Role": role, "Metadata_Day": -i, "Metadata_Batch": "b", "x": value}
        for i, median in enumerate(medians)
        for role, value in [("negcon", median - 1), ("negcon", median), ("negcon", median + 2), ("treated", 1e6)]
    ]
    return pd.DataFrame(rows)


def points(ax: Axes) -> list[list[float]]:
    marks = [each for each in ax.collections if each.get_label() in ("median of controls, quartiles", BEYOND)]
    return sorted(np.concatenate([each.get_offsets() for each in marks]).tolist())


BEYOND = "beyond the limits"


def test_medians_of_controls_in_order() -> None:
    shuffled = wells().sample(frac=1, random_state=0)
    assert [y for _, y in points(drift(shuffled, "x", reference=NEGCON, ax=axes()))] == MEDIANS
    ax = drift(shuffled, "x", reference=NEGCON, order="Metadata_Day", ax=axes())
    assert [y for _, y in points(ax)] == MEDIANS[::-1]
    assert ax.get_xlabel() == "plates by Day"


def test_limits_are_three_spreads_of_plates() -> None:
    """Median 10.5 and MAD 1 of the six plates: only the last lies beyond 3 x 1.4826."""
    ax = drift(wells(), "x", reference=NEGCON, ax=axes())
    (beyond,) = [each for each in ax.collections if each.get_label() == BEYOND]
    assert beyond.get_offsets().tolist() == [[5.0, 30.0]]
    (band,) = [each for each in ax.collections if each.get_label() == "limits"]
    box = band.get_paths()[0].get_extents()
    assert (box.y0, box.y1) == pytest.approx((10.5 - 3 * 1.4826022, 10.5 + 3 * 1.4826022))
    (average,) = [line for line in ax.get_lines() if line.get_label() == "moving average"]
    expected, now = [], np.mean(MEDIANS)
    for each in MEDIANS:
        now = 0.8 * now + 0.2 * each
        expected.append(now)
    assert average.get_ydata() == pytest.approx(expected)


def test_batches_stand_side_by_side_with_limits_of_their_own() -> None:
    """Plates of two batches that took turns are sorted by batch, and a level of a batch is no outlier."""
    table = wells([10.0, 50.0, 11.0, 51.0, 9.0, 49.0, 12.0, 52.0])
    table["Metadata_Batch"] = np.where(table["x"] < 30, "b1", "b2")
    table.loc[table["Metadata_Role"] == "treated", "Metadata_Batch"] = ["b1", "b2"] * 4
    ax = drift(table, "x", reference=NEGCON, batch="Metadata_Batch", ax=axes())
    assert [y for _, y in points(ax)] == [10, 11, 9, 12, 50, 51, 49, 52]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["P0", "P2", "P4", "P6", "P1", "P3", "P5", "P7"]
    assert BEYOND not in ax.get_legend_handles_labels()[1]
    assert [text.get_text() for text in ax.texts] == ["b1", "b2"]


def test_few_plates_have_no_limits_and_a_plate_without_controls_no_point() -> None:
    table = wells(MEDIANS[:3])
    table.loc[table["Metadata_Plate"] == "P1", "x"] = np.nan
    ax = drift(table, "x", reference=NEGCON, ax=axes())
    assert "limits" not in ax.get_legend_handles_labels()[1]
    assert len(ax.get_xticklabels()) == 3
    assert [y for _, y in points(ax) if np.isfinite(y)] == [10, 9]


def test_mistakes_are_said() -> None:
    with pytest.raises(InputError, match="limit=0: not a finite number above 0"):
        drift(wells(), "x", reference=NEGCON, limit=0, ax=axes())
    with pytest.raises(InputError, match="value='x': no control well has one"):
        drift(wells().assign(x=np.nan), "x", reference=NEGCON, ax=axes())
    with pytest.raises(InputError, match="batch='x': 6 plates have none, or several"):
        drift(wells(), "x", reference=NEGCON, batch="x", ax=axes())
    with pytest.raises(ReferenceRowsError, match="matches no row"):
        drift(wells(), "x", reference="Metadata_Role == 'poscon'", ax=axes())
