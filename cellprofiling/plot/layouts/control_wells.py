"""The control plot: how the controls of each plate lie, with the treated wells behind them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, Reference, groups, require, rows
from cellprofiling.core.errors import FeatureError
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.plot import style

GOLDEN = (5**0.5 - 1) / 2  # multiples of it, modulo 1, spread points evenly without a random number


def controls(wells: pd.DataFrame, value: str, *, reference: Reference, by: str = PLATE, ax: Axes | None = None) -> Axes:
    """
    Draw a value of the control wells of each plate as points and a box, with the treated wells behind.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well.
    value : str
        Column with numbers, such as the cell count or a feature.
    reference : str, mapping or array-like
        The control wells.
    by : str, default "Metadata_Plate"
        Column whose values stand side by side, sorted.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ColumnError
        If a column is missing, or `by` has no value in some rows.
    FeatureError
        If `value` is no number.
    ReferenceRowsError
        If `reference` is unreadable or matches no row.

    Notes
    -----
    The box spans the quartiles around the median of the controls; its whiskers reach the last control within 1.5
    quartile distances. A group without controls has points behind and no box. Wells without a value are not drawn.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({
    ...     "Metadata_Plate": ["P1"] * 4 + ["P2"] * 4, "Metadata_Role": ["negcon", "negcon", "negcon", "treatment"] * 2,
    ...     "Metadata_Object_Count": [180, 190, 200, 20, 210, 220, 230, 150],
    ... })
    >>> ax = cpf.plot.controls(wells, "Metadata_Object_Count", reference="Metadata_Role == 'negcon'")
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['P1', 'P2']
    """
    checks.arguments(locals(), by=checks.column)
    require(wells, [value], "value")
    if style.is_text(wells[value]):
        raise FeatureError(f"value={value!r}: holds text, and a distribution needs numbers.")
    number, keys = groups(wells, by)
    values = wells[value].to_numpy(dtype=np.float64, na_value=np.nan)
    chosen, known = rows(wells, reference), np.isfinite(values)
    ax = style.axes(ax, max(5.4, 1.6 + 0.6 * len(keys)), 3.6)
    style.quiet(ax)
    _draw_wells(ax, number[known & ~chosen], values[known & ~chosen], "other wells", style.SKY, width=0.8)
    _draw_wells(ax, number[known & chosen], values[known & chosen], "controls", style.INK, width=0.36)
    _draw_boxes(ax, number[known & chosen], values[known & chosen])
    _name_groups(ax, [style.name(key, 18) for key in keys[by]])
    ax.set_ylabel(style.words(value), parse_math=False)
    style.legend(
        ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncol=3, borderaxespad=0.2
    )
    return ax


def _draw_wells(ax: Axes, number: Indices, values: Doubles, text: str, color: str, width: float) -> None:
    if not len(values):
        return
    aside = (np.arange(len(values)) * GOLDEN % 1 - 0.5) * width
    behind = text != "controls"
    ax.scatter(
        number + aside,
        values,
        s=6 if behind else 13,
        c=color,
        marker="o" if behind else "D",
        alpha=0.45 if behind else 0.8,
        lw=0,
        label=f"{text} ({len(values):,})",
        rasterized=len(values) > style.DENSE,
        zorder=1 if behind else 2,
    )


def _draw_boxes(ax: Axes, number: Indices, values: Doubles) -> None:
    present = np.unique(number)
    line: dict[str, Any] = {"color": style.VERMILION, "lw": 1.1}
    ax.boxplot(
        [values[number == group] for group in present],
        positions=present,
        widths=0.56,
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={**line, "lw": 2.2},
        zorder=3,
    )
    ax.plot([], [], **line, label="median, quartiles")


def _name_groups(ax: Axes, names: list[str]) -> None:
    crowded = sum(len(name) + 2 for name in names) > 90
    ax.set_xticks(range(len(names)), names, parse_math=False)
    if crowded:
        ax.tick_params(axis="x", labelrotation=60)
    ax.set_xlim(-0.6, len(names) - 0.4)
