"""The figure of a comparison shows each score of each candidate where it is."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import corrections, style


def axes():
    return Figure(layout="constrained").subplots()


def table():
    rows = [
        ("none", "cross_batch_map", 0.2, 0.1, 0.3),
        ("combat", "cross_batch_map", 0.4, 0.3, 0.5),
        ("none", "control_gap", 0.1, 0.05, 0.2),
        ("combat", "control_gap", np.nan, np.nan, np.nan),
        ("none", "bras", 0.1, 0.05, 0.2),
    ]
    found = pd.DataFrame(rows, columns=["candidate", "metric", "value", "low", "high"])
    verdicts = {"none": {"verdict": "reference"}, "combat": {"verdict": "recommended"}}
    found.attrs["recommendation"] = {"candidates": verdicts}
    return found


def test_a_row_for_each_candidate_a_column_for_each_score_that_is_drawn():
    ax = corrections(table(), ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["none", "combat"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first candidate is on top
    titles = [text.get_text() for text in ax.texts if "\n" in text.get_text()]
    assert titles == ["cross-batch\nmAP", "control\ngap"]


def test_marks_lie_at_their_value_on_the_scale_of_their_column():
    ax = corrections(table(), ax=axes())
    marks = [tuple(drawn.get_offsets()[0]) for drawn in ax.collections]
    np.testing.assert_allclose(marks, [(0.4 * 0.86, 0), (0.8 * 0.86, 1), (1 + 0.5 * 0.86, 0)])
    assert "–" in [text.get_text() for text in ax.texts]  # no score, no mark
    assert ax.get_yticklabels()[1].get_color() == style.BLUE
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no correction", "recommended", "other"]


def test_a_table_without_recommendation_or_scores():
    bare = table()
    bare.attrs.clear()
    assert corrections(bare, ax=axes()).get_legend() is None
    with pytest.raises(InputError, match="table: no score to draw"):
        corrections(bare.query("metric == 'bras'"))
    with pytest.raises(ColumnError, match="table='metric'"):
        corrections(bare.drop(columns="metric"))


def test_scores_of_zero_have_a_scale():
    zero = table().assign(value=0.0, low=0.0, high=0.0)
    assert np.isfinite([drawn.get_offsets() for drawn in corrections(zero, ax=axes()).collections]).all()


def test_intervals_are_those_of_paired_differences_except_of_none():
    paired = (
        table()
        .query("metric == 'cross_batch_map'")
        .assign(difference=[0.0, 0.2], difference_low=[0.0, 0.15], difference_high=[0.0, 0.3])
    )
    lines = [line.get_xdata() for line in corrections(paired, ax=axes()).lines if line.get_linewidth() == 1.3]
    np.testing.assert_allclose(lines, np.array([[0.1, 0.3], [0.35, 0.5]]) / 0.5 * 0.86)
