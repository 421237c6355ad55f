"""The heat map of likeness is the table, sorted."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.plot import cluster_heatmap


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def table(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 8)) + 4 * np.eye(8)[np.arange(n) % 3]
    return pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(8)], index=[f"c{i:02d}" for i in range(n)])


def names(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_the_map_is_the_table_sorted_by_cluster() -> None:
    alike = cpf.similarity(table())
    clusters = [int(name[1:]) % 3 for name in alike.index]
    clusters[5] = -1
    ax = cluster_heatmap(alike, clusters=clusters, ax=axes())
    order = names(ax)
    np.testing.assert_array_equal(ax.images[0].get_array(), alike.loc[order, order])
    assert sorted(order[:4]) == ["c00", "c03", "c06", "c09"]
    assert order[-1] == "c05"  # in no cluster
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2", "none"]
    assert [(patch.get_x(), patch.get_width()) for patch in ax.patches] == [(-0.5, 4), (3.5, 4), (7.5, 3)]


def test_without_clusters_like_ones_lie_together() -> None:
    order = names(cluster_heatmap(cpf.similarity(table()), ax=axes()))
    kinds = [int(name[1:]) % 3 for name in order]
    assert np.count_nonzero(np.diff(kinds)) == 2


def test_what_has_no_direction_lies_last_and_is_masked() -> None:
    profiles = table()
    profiles.iloc[0] = 0.0
    ax = cluster_heatmap(cpf.similarity(profiles), ax=axes())
    assert names(ax)[-1] == "c00"
    assert ax.images[0].get_array().mask[-1].all()


def test_many_rows_have_no_names() -> None:
    assert names(cluster_heatmap(cpf.similarity(table(61)), ax=axes())) == []


def test_mistakes_are_said() -> None:
    alike = cpf.similarity(table())
    with pytest.raises(InputError, match=r"similarity: has the shape \(12, 3\)"):
        cluster_heatmap(alike.iloc[:, :3], ax=axes())
    with pytest.raises(InputError, match="clusters: 2 of them for 12 rows"):
        cluster_heatmap(alike, clusters=[0, 1], ax=axes())
