"""Bars end at the lower bound, points at the estimate, the surest first."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import responders


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Metadata_Compound": ["$A$", "B", "C", "D"],
            "Metadata_Dose": [1, 2, 3, 4],
            "responder_fraction": [0.2, 0.9, np.nan, 0.0],
            "fraction_low": [0.1, 0.7, np.nan, 0.0],
        }
    )


def test_bars_are_bounds_points_estimates_and_the_missing_are_left_out():
    ax = responders(table(), ax=axes())
    assert [bar.get_width() for bar in ax.patches] == [0.7, 0.1, 0.0]
    assert ax.collections[0].get_offsets()[:, 0].tolist() == [0.9, 0.2, 0.0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["B 2", "$A$ 1", "D 4"]
    assert len(responders(table(), top=1, ax=axes()).patches) == 1


def test_errors():
    with pytest.raises(ColumnError, match="fraction_low"):
        responders(table().drop(columns="fraction_low"))
    with pytest.raises(InputError, match="no perturbation has a fraction"):
        responders(table().iloc[2:3])
    with pytest.raises(InputError, match="top=0"):
        responders(table(), top=0)
