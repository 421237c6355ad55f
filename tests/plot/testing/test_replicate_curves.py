"""The curves of replicates and of random groups, as percent_replicating measured them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import replicates


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    compound = np.repeat([f"c{i}" for i in range(30)], 4)
    way = rng.normal(size=(30, 12)) * (np.arange(30) < 12)[:, None]
    x = np.repeat(way, 4, axis=0) + rng.normal(size=(120, 12))
    wells = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(12)])
    wells.insert(0, "Metadata_Compound", compound)
    return cpf.percent_replicating(wells, by="Metadata_Compound", draws=300)


@pytest.mark.parametrize("meaning", ["pairs", "perturbations"])
def test_the_line_meets_the_curves_where_the_table_says(table: pd.DataFrame, meaning: str) -> None:
    """At the threshold the curve of replicates is at the share, that of the null at one less the quantile."""
    row = table.set_index("meaning").loc[meaning]
    found = table.attrs["distributions"][meaning]
    above = 1 - np.linspace(0, 1, 201)
    assert np.interp(row["threshold"], found["observed"], above) == pytest.approx(row["share"], abs=0.02)
    assert np.interp(row["threshold"], found["null"], above) == pytest.approx(0.05, abs=0.004)
    ax = replicates(table, meaning=meaning, ax=axes())
    assert ax.get_lines()[1].get_xdata()[0] == row["threshold"]
    assert ax.texts[0].get_text() == f"{row['share']:.0%} replicate"


def test_mistakes_are_said(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="meaning='wells': choose one of"):
        replicates(table, meaning="wells", ax=axes())
    with pytest.raises(InputError, match="has no distributions in attrs"):
        replicates(pd.DataFrame(table.to_dict("list")), ax=axes())
    with pytest.raises(ColumnError, match="table='share'"):
        replicates(table.drop(columns="share"), ax=axes())
