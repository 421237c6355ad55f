"""Every cell with a phase is in one bin, and the bars of phases add up to one."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import cell_cycle, phases


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def cells() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Metadata_CellCycle": pd.Categorical(["sub-G1", "G1", "G1", "S", "G2/M", ">4N", None]),
            "Metadata_DNA_Content": [0.2, 2.0, 2.1, 3.0, 4.0, 50.0, np.nan],
        }
    )


def shares() -> pd.DataFrame:
    x = [[0.1, 0.5, 0.1, 0.2, 0.1], [0.0, 0.7, 0.1, 0.2, 0.0], [0.0, 0.1, 0.1, 0.8, 0.0], [np.nan] * 5]
    names = ["CellCycle_SubG1", "CellCycle_G1", "CellCycle_S", "CellCycle_G2M", "CellCycle_Over4N"]
    return pd.DataFrame(x, columns=names).assign(Metadata_Compound=["DMSO", "DMSO", "taxol", "DMSO"])


def test_all_cells_with_a_phase_are_drawn():
    ax = cell_cycle(cells(), bins=40, ax=axes())
    assert sum(bar.get_height() for bar in ax.patches) == 6
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["sub-G1 17%", "G1 33%", "S 17%", "G2/M 17%", ">4N 17%"]


def test_bars_are_means_of_wells_the_fewest_in_g1_first():
    ax = phases(shares(), by="Metadata_Compound", ax=axes())
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["taxol", "DMSO"]
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(5, 2)
    assert np.allclose(widths.sum(axis=0), 1)
    assert widths[1].tolist() == pytest.approx([0.1, 0.6])


def test_errors():
    with pytest.raises(ColumnError, match="Metadata_DNA_Content"):
        cell_cycle(cells().drop(columns="Metadata_DNA_Content"))
    with pytest.raises(InputError, match="bins=1"):
        cell_cycle(cells(), bins=1)
    with pytest.raises(InputError, match="no cell has a phase"):
        cell_cycle(cells().iloc[-1:])
    with pytest.raises(ColumnError, match="CellCycle_G1"):
        phases(shares().drop(columns="CellCycle_G1"), by="Metadata_Compound")
    with pytest.raises(InputError, match="no well has shares"):
        phases(shares().iloc[-1:], by="Metadata_Compound")
    with pytest.raises(InputError, match="top=0"):
        phases(shares(), by="Metadata_Compound", top=0)
