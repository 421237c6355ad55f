"""A hit plot draws every p-value where it is, ties as ties, and names that do not touch."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import hits
from cellprofiling.plot.testing.hit_scatter import spread


def axes() -> Axes:
    return Figure(figsize=(6.4, 4.4), layout="constrained").subplots()


def table(n=20, floored=6, names=None):
    p = np.concatenate([np.full(floored, 1e-3), np.linspace(0.02, 1, n - floored)])
    return pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "Metadata_Compound": names or [f"compound {i}" for i in range(n)],
            "map": np.linspace(0.95, 0.05, n),
            "p_value": p,
            "p_floor": 1e-3,
            "q_value": np.minimum(1, p * n / floored),
            "hit": p < 0.01,
        }
    )


def test_every_perturbation_lies_at_its_score_and_p_value():
    ax = hits(table(), ax=axes())
    drawn = np.concatenate([each.get_offsets() for each in ax.collections])
    expected = np.column_stack([table()["map"], -np.log10(table()["p_value"])])
    assert np.allclose(drawn[np.argsort(drawn[:, 0])], expected[np.argsort(expected[:, 0])])


def test_ties_at_the_floor_are_hollow_and_said():
    ax = hits(table(), ax=axes())
    floored = next(each for each in ax.collections if each.get_label() == "hit at its p floor (6)")
    assert len(floored.get_facecolor()) == 0
    texts = [text.get_text() for text in ax.texts]
    assert "6 at the p floor of 0.001: only the score orders them" in texts
    assert "from here up: q ≤ 0.05 (p ≤ 0.001)" in texts
    lines = sorted(line.get_ydata()[0] for line in ax.lines)
    assert lines == pytest.approx([3, 3])


def test_without_hits_or_floor_the_plot_says_so():
    none = table().assign(q_value=0.9, hit=False).drop(columns="p_floor")
    ax = hits(none, ax=axes())
    assert [text.get_text() for text in ax.texts] == ["no perturbation reaches q ≤ 0.05"]
    assert [each.get_label() for each in ax.collections] == ["no hit (20)"]


def test_the_false_discovery_rate_comes_with_the_list():
    listed = table()
    listed.attrs["parameters"] = {"fdr": 0.2, "by": ["Metadata_Compound"]}
    assert any("q ≤ 0.2" in text.get_text() for text in hits(listed, ax=axes()).texts)
    assert any("q ≤ 0.01" in text.get_text() for text in hits(listed, fdr=0.01, ax=axes()).texts)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_names_are_at_least_a_gap_apart_in_the_same_order_and_inside(places):
    placed = spread(np.sort(places), 0.05)
    assert (np.diff(placed) >= 0.05 - 1e-12).all()
    assert placed.max() <= 1 + 1e-12
    assert placed.min() >= 1 - 0.05 * 20 - 1e-12


def test_names_of_many_hits_do_not_overlap():
    ax = hits(table(60, 40).assign(map=0.8), label=40, ax=axes())
    ax.get_figure().draw_without_rendering()
    named = [text for text in ax.texts if text.get_text().startswith("compound")]
    feet = sorted(text.get_position()[0] for text in named)
    assert 5 < len(named) <= 40
    width = ax.get_window_extent().width * 72 / ax.get_figure().dpi
    assert (np.diff(feet) * width * np.sin(np.pi / 4) >= 8 * 0.95).all()  # rows of 8 point text slanted by 45 degrees


def test_names_are_drawn_as_they_are_written():
    ax = hits(table(names=["$x^2$", "\\frac{", "a\nb", *[f"c{i}" for i in range(17)]]), ax=axes())
    ax.get_figure().draw_without_rendering()
    texts = {text.get_text(): text for text in ax.texts}
    assert {"$x^2$", "\\frac{", "a b"} <= set(texts)
    assert not texts["$x^2$"].get_parse_math()


def test_rows_without_p_value_are_left_out_and_scores_can_be_chosen():
    listed = table().assign(distance=np.arange(20.0))
    listed.loc[19, "p_value"] = np.nan
    ax = hits(listed, score="distance", ax=axes())
    assert sum(len(each.get_offsets()) for each in ax.collections) == 19
    assert ax.get_xlabel() == "distance"


def test_no_setting_changes_and_axes_come_back():
    before = dict(matplotlib.rcParams)
    ax = hits(table())
    assert isinstance(ax, Axes)
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.get_figure())


def test_mistakes_are_said():
    with pytest.raises(InputError, match="neither 'map' nor 'score'"):
        hits(table().drop(columns="map"))
    with pytest.raises(ColumnError, match="hits='q_value'"):
        hits(table().drop(columns="q_value"))
    with pytest.raises(InputError, match="no row has both 'map' and a p_value above 0"):
        hits(table().assign(p_value=np.nan))
