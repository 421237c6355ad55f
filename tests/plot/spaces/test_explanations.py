"""An explanation draws the largest effects with their intervals, and a map of all."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import explanation, group_heatmap


def axes() -> Axes:
    return Figure(figsize=(8, 4), layout="constrained").subplots()


def table(n: int = 12, compound: str = "x") -> pd.DataFrame:
    effect = np.linspace(-6, 5, n)
    return pd.DataFrame(
        {
            "Metadata_Compound": compound,
            "group": [f"Cells $Group_{i}" for i in range(n)],
            "effect": effect,
            "ci_low": effect - 1,
            "ci_high": effect + 1,
            "q_value": np.where(np.abs(effect) > 2, 0.001, 0.5),
            "change": [f"changes ${i}" for i in range(n)],
        }
    )


def test_the_largest_effects_stand_on_top_with_their_intervals() -> None:
    ax = explanation(table(), top=4, ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "Cells $Group 0"
    assert len(ax.get_yticklabels()) == 4
    lines = np.concatenate([np.array(c.get_segments())[:, :, 0] for c in ax.collections if hasattr(c, "get_segments")])
    assert np.allclose(np.sort(lines[:, 1] - lines[:, 0]), 2)
    assert {text.get_text() for text in ax.texts} == {"changes $0", "changes $1", "changes $2", "changes $11"}
    ax.figure.draw_without_rendering()


def test_what_is_not_sure_is_grey_and_without_words() -> None:
    ax = explanation(table().assign(q_value=1.0), ax=axes())
    assert not ax.texts
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no change found"]


def test_map_of_all_effects() -> None:
    both = pd.concat([table(), table(compound="y").assign(effect=1.0), table(compound="z")])
    ax = group_heatmap(both, ax=axes())
    drawn = ax.images[0].get_array()
    assert drawn.shape == (3, 12)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert np.allclose(drawn[names.index("y")], 1.0)
    assert abs(names.index("x") - names.index("z")) == 1
    dots = ax.collections[0].get_offsets()
    assert len(dots) == int((both["q_value"] > 0.05).sum())


def test_missing_effects_can_be_drawn() -> None:
    rows = table()
    rows.loc[2, ["effect", "ci_low", "ci_high", "q_value"]] = np.nan
    assert len(explanation(rows, top=20, ax=axes()).get_yticklabels()) == 11
    assert group_heatmap(rows, ax=axes()).images[0].get_array().shape == (1, 12)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match=r"name a group more than once; give those of one perturbation"):
        explanation(pd.concat([table(), table(compound="y")]))
    with pytest.raises(InputError, match=r"explained: no row has an effect"):
        explanation(table().assign(effect=np.nan))
    with pytest.raises(ColumnError, match=r"explained='change': no such column"):
        explanation(table().drop(columns="change"))
    with pytest.raises(InputError, match=r"limit=0: not a finite number above 0"):
        group_heatmap(table(), limit=0)
    with pytest.raises(InputError, match=r"no row has an effect, or a perturbation has a group twice"):
        group_heatmap(pd.concat([table(), table()]))
