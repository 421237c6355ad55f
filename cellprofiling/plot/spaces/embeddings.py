"""The embedding: every row as a point, controls behind, hits in front."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import Reference, require, rows
from cellprofiling.core.errors import InputError, listed
from cellprofiling.core.frame import feature_columns
from cellprofiling.kernels.arrays import Mask
from cellprofiling.plot import style


def embedding(
    table: pd.DataFrame,
    *,
    x: str | None = None,
    y: str | None = None,
    color: str | None = None,
    reference: Reference = None,
    hits: Reference = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw rows as points in two dimensions, controls grey behind and hits on top.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per point, as `embed` returns it.
    x : str or None, default None
        Column for the horizontal axis; the first coordinate if None.
    y : str or None, default None
        Column for the vertical axis; the second coordinate if None.
    color : str or None, default None
        Column that colors the points that are no controls: text by color and mark, numbers by a scale.
    reference : str, mapping, array-like or None, default None
        The controls, drawn grey and first.
    hits : str, mapping, array-like or None, default None
        The hits, drawn last: as vermilion triangles, or ringed where `color` is given.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If no two coordinates are there.
    ColumnError
        If a column is missing.
    ReferenceRowsError
        If `reference` or `hits` is unreadable or matches no row.

    Notes
    -----
    Points that lack a coordinate or, with `color`, a value are not drawn; the legend counts those that are. Distances
    in an embedding are not a test: hits are called from all features.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"Metadata_Role": ["negcon", "treatment"], "PCA1": [0.0, 3.0], "PCA2": [0.1, 2.0]})
    >>> ax = cpf.plot.embedding(table, reference="Metadata_Role == 'negcon'")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('PCA1', 'PCA2')
    """
    checks.arguments(locals(), color=checks.optional(checks.column), hits=checks.optional(checks.reference))
    x, y = _coordinates(table, x, y)
    here = np.isfinite(table[[x, y]].to_numpy(dtype=np.float64, na_value=np.nan)).all(axis=1)
    controls = here & _mask(table, reference, "reference")
    on_top = here & _mask(table, hits, "hits") & ~controls
    ax = style.axes(ax, 6.0, 4.6)
    style.quiet(ax)
    _scatter(ax, table[controls], x, y, style.Category("controls", style.GREY, "o"), size=10, alpha=0.6)
    if color is None:
        _scatter(ax, table[here & ~controls & ~on_top], x, y, PLAIN, size=12, alpha=0.7)
        _scatter(ax, table[on_top], x, y, HIT, size=24, alpha=1)
    else:
        require(table, [color], "color")
        _draw_colored(ax, table[here & ~controls], x, y, color)
        ring = style.Category("hits", "none", "o")
        _scatter(ax, table[on_top], x, y, ring, size=46, alpha=1, edgecolors=style.INK, linewidths=0.9)
    ax.set_xlabel(style.words(x), parse_math=False)
    ax.set_ylabel(style.words(y), parse_math=False)
    ax.set(xticks=[], yticks=[])
    handles, labels = ax.get_legend_handles_labels()
    style.legend(ax, handles, labels, loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
    return ax


PLAIN, HIT = style.Category("treatments", style.SKY, "o"), style.Category("hits", style.VERMILION, "^")


def _coordinates(table: pd.DataFrame, x: str | None, y: str | None) -> tuple[str, str]:
    given = [name for name in (x, y) if name is not None]
    require(table, given, "x and y")
    if x is None or y is None:
        free = [name for name in feature_columns(table) if name not in given]
        if len(free) + len(given) < 2:
            raise InputError(f"table: two coordinates are needed, it has {listed(free)}; name them with x= and y=.")
        x = free.pop(0) if x is None else x
        y = free.pop(0) if y is None else y
    return x, y


def _mask(table: pd.DataFrame, which: Reference, argument: str) -> Mask:
    return np.zeros(len(table), dtype=bool) if which is None else rows(table, which, argument)


def _scatter(
    ax: Axes, table: pd.DataFrame, x: str, y: str, drawn: style.Category, *, size: float, alpha: float, **look: Any
) -> None:
    if len(table):
        ax.scatter(
            table[x],
            table[y],
            s=size,
            c=drawn.color,
            marker=drawn.marker,
            rasterized=len(table) > style.DENSE,
            label=f"{style.name(drawn.name)} ({len(table):,})",
            **{"linewidths": 0, "alpha": alpha, **look},
        )


def _draw_colored(ax: Axes, table: pd.DataFrame, x: str, y: str, color: str) -> None:
    if style.is_text(table[color]):
        drawn, values = style.categories(table[color])
        for each in drawn:
            _scatter(ax, table[(values == each.name).to_numpy()], x, y, each, size=14, alpha=0.85)
        return
    present = table[table[color].notna()]
    numbers = present[color].to_numpy(dtype=np.float64)
    norm, colors = style.scale(numbers)
    points = ax.scatter(
        present[x], present[y], 14, numbers, norm=norm, cmap=colors, lw=0, rasterized=len(present) > style.DENSE
    )
    style.color_bar(ax, points, style.words(color), shrink=0.6, aspect=20, anchor=(0, 0))
