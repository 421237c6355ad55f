"""The power plot: what share of the true effects each design finds."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.plot import style

NAMES = {
    "plates": "plates (replicates)",
    "controls": "control wells per plate",
    "cells_per_well": "cells per well",
    "effect": "effect",
    "compounds": "perturbations",
}


def power(table: pd.DataFrame, *, x: str = "plates", target: float = 0.8, ax: Axes | None = None) -> Axes:
    """
    Draw the share of true effects that designs find, with intervals, against one of their numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        The result of `plan_power`.
    x : str, default "plates"
        The number along the axis: plates, controls, cells_per_well, effect or compounds. A line for each combination of
        the others.
    target : float, default 0.8
        Where a dashed line is drawn.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ColumnError
        If the table is not one of `plan_power`.
    InputError
        If there are more lines than colors.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> plan = pd.DataFrame({"plates": [2, 4], "controls": 24, "cells_per_well": None, "effect": 0.3,
    ...                      "compounds": 60, "recall": [0.4, 0.9], "ci_low": [0.3, 0.8], "ci_high": [0.5, 1.0]})
    >>> cpf.plot.power(plan).get_xlabel()
    'plates (replicates)'
    """
    checks.arguments(locals(), x=checks.column)
    one_of("x", x, NAMES)
    require(table, [*NAMES, "recall", "ci_low", "ci_high"], "table")
    others = [name for name in NAMES if name != x and len(table[name].drop_duplicates()) > 1]
    lines = list(table.groupby(others, dropna=False, sort=True)) if others else [((), table)]
    if len(lines) > len(style.CATEGORIES):
        raise InputError(
            f"table: {len(lines)} combinations of {' and '.join(others)}; draw {len(style.CATEGORIES)} lines at most, "
            "one plot for each value of one of them."
        )
    ax = style.axes(ax, 5.2, 3.2)
    style.quiet(ax)
    ax.axhline(target, color=style.MUTED, lw=0.8, ls="--", zorder=0)
    for (key, part), color, marker in zip(lines, style.CATEGORIES, style.MARKERS, strict=False):
        part = part.sort_values(x)
        label = ", ".join(_shown(name, value) for name, value in zip(others, key, strict=True))
        ax.fill_between(part[x], part["ci_low"], part["ci_high"], color=color, alpha=0.15, lw=0)
        ax.plot(part[x], part["recall"], marker=marker, color=color, label=label, lw=1.6, ms=5)
    ax.set(xlabel=NAMES[x], ylabel="true effects found", ylim=(-0.02, 1.04))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if x != "effect":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if others:
        style.legend(ax, *ax.get_legend_handles_labels(), loc="lower right")
    return ax


def _shown(name: str, value: Any) -> str:
    amount = "usual" if pd.isna(value) else f"{value:g}"
    return f"{name} {amount}" if name == "effect" else f"{amount} {NAMES[name]}"
