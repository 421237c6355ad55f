"""A volcano draws every feature where it is and names the surest changes of each side."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import changes


def axes() -> Axes:
    return Figure(figsize=(8.6, 4.4), layout="constrained").subplots()


def table(n: int = 30) -> pd.DataFrame:
    size = np.linspace(-5, 5, n)
    p = 10 ** -(np.abs(size) ** 1.5)
    return pd.DataFrame(
        {
            "Metadata_Compound": "x",
            "feature": [f"Cells_f{i}" for i in range(n)],
            "difference": size,
            "hedges_g": 2 * size,
            "p_value": p,
            "q_value": np.minimum(1, 4 * p),
        }
    )


def test_every_feature_lies_at_its_size_and_p_value() -> None:
    ax = changes(table(), size="hedges_g", ax=axes())
    drawn = np.concatenate([each.get_offsets() for each in ax.collections])
    expected = np.column_stack([table()["hedges_g"], -np.log10(table()["p_value"])])
    assert np.allclose(drawn[np.argsort(drawn[:, 0])], expected)
    assert [each.get_label() for each in ax.collections] == ["no change (8)", "higher (11)", "lower (11)"]


def test_the_surest_of_each_side_are_named() -> None:
    ax = changes(table(), label=2, ax=axes())
    assert {text.get_text() for text in ax.texts} == {"Cells f0", "Cells f1", "Cells f28", "Cells f29"}


def test_names_say_which_perturbation_where_there_are_several() -> None:
    both = pd.concat([table(), table().assign(Metadata_Compound="y", p_value=1.0, q_value=1.0)])
    ax = changes(both, label=1, ax=axes())
    assert {text.get_text() for text in ax.texts} == {"x: Cells f0", "x: Cells f29"}


def test_p_values_of_zero_and_missing_ones_can_be_drawn() -> None:
    rows = table()
    rows.loc[0, "p_value"] = 0.0
    rows.loc[1, "p_value"] = np.nan
    ax = changes(rows, ax=axes())
    assert sum(len(each.get_offsets()) for each in ax.collections) == 29
    assert np.isfinite(ax.get_ylim()).all()
    still = changes(table().assign(difference=0.0), ax=axes())
    assert still.get_xlim()[1] > 0


def test_bad_input_is_named() -> None:
    with pytest.raises(ColumnError, match=r"size='size': no such column"):
        changes(table(), size="size")
    with pytest.raises(InputError, match=r"no row has both 'difference' and a p_value"):
        changes(table().assign(p_value=np.nan))
