"""An embedding draws controls first and hits last, each point where it is."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import embedding


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def table(n=30):
    rng = np.random.default_rng(0)
    roles = np.where(np.arange(n) % 3 == 0, "negcon", "treatment")
    return pd.DataFrame(
        {
            "Metadata_Role": roles,
            "Metadata_Hit": (np.arange(n) % 3 == 1) & (np.arange(n) > 20),
            "UMAP1": rng.normal(size=n),
            "UMAP2": rng.normal(size=n),
        }
    )


def test_controls_are_drawn_first_hits_last_and_each_point_where_it_is():
    points = table()
    ax = embedding(points, reference="Metadata_Role == 'negcon'", hits=points["Metadata_Hit"], ax=axes())
    labels = [each.get_label() for each in ax.collections]
    assert labels == ["controls (10)", "treatments (17)", "hits (3)"]
    hits = points.loc[points["Metadata_Hit"], ["UMAP1", "UMAP2"]].to_numpy()
    assert np.array_equal(ax.collections[2].get_offsets(), hits)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP1", "UMAP2")


def test_a_control_stays_a_control_even_if_named_a_hit():
    points = table()
    ax = embedding(points, reference="Metadata_Role == 'negcon'", hits=points.index >= 0, ax=axes())
    assert [each.get_label() for each in ax.collections] == ["controls (10)", "hits (20)"]


def test_shape_stands_beside_color():
    points = table().assign(Metadata_Plate=["P1", "P2"] * 15)
    ax = embedding(points, color="Metadata_Plate", ax=axes())
    paths = [each.get_paths()[0].vertices.shape for each in ax.collections]
    colors = [tuple(each.get_facecolor()[0]) for each in ax.collections]
    assert len(set(paths)) == len(set(colors)) == 2


def test_numbers_color_by_a_scale_and_missing_ones_are_not_drawn():
    points = table().assign(Metadata_Object_Count=np.arange(30.0))
    points.loc[4, "Metadata_Object_Count"] = np.nan
    ax = embedding(points, color="Metadata_Object_Count", hits={"Metadata_Hit": True}, ax=axes())
    assert np.array_equal(ax.collections[0].get_array(), np.delete(np.arange(30.0), 4))
    assert [axis.get_ylabel() for axis in ax.get_figure().axes] == ["UMAP2", "cells per well"]
    assert ax.collections[1].get_label() == "hits (3)"


def test_points_without_coordinates_are_left_out():
    points = table()
    points.loc[[1, 2], "UMAP1"] = np.nan
    ax = embedding(points, ax=axes())
    assert ax.collections[0].get_label() == "treatments (28)"


def test_axes_can_be_named_and_large_tables_become_pixels():
    points = table(2000).assign(Cells_a=1.0)
    ax = embedding(points, x="Cells_a", ax=axes())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Cells a", "UMAP1")
    assert ax.collections[0].get_rasterized()


def test_no_setting_changes_and_axes_come_back():
    before = dict(matplotlib.rcParams)
    ax = embedding(table())
    assert isinstance(ax, Axes)
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.get_figure())


def test_mistakes_are_said():
    with pytest.raises(InputError, match="two coordinates are needed, it has 'UMAP1'"):
        embedding(table().drop(columns="UMAP2"))
    with pytest.raises(ColumnError, match="x and y='PCA1'"):
        embedding(table(), x="PCA1")
    with pytest.raises(ColumnError, match="color='Metadata_Plat'"):
        embedding(table(), color="Metadata_Plat")
