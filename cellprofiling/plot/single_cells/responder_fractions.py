"""Which share of the cells of each perturbation responds, and how much of it is sure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

FRACTION, LOW = "responder_fraction", "fraction_low"


def responders(table: pd.DataFrame, *, top: int = 30, ax: Axes | None = None) -> Axes:
    """
    Draw the share of responding cells of each perturbation, with its lower bound.

    Parameters
    ----------
    table : pandas.DataFrame
        What `cellprofiling.responders` returned.
    top : int, default 30
        How many perturbations, those with the largest lower bounds.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ColumnError
        If the table has no fractions.
    InputError
        If no perturbation has a fraction, or `top` is less than 1.

    Notes
    -----
    A bar ends at the lower bound: so many cells respond at least. The point is the estimate.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> found = pd.DataFrame({
    ...     "Metadata_Compound": ["A", "B"], "responder_fraction": [0.1, 0.9], "fraction_low": [0.0, 0.8],
    ... })
    >>> ax = cpf.plot.responders(found)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['B', 'A']
    """
    checks.arguments(locals())
    require(table, [FRACTION, LOW], "table")
    known = table[table[FRACTION].notna()]
    if known.empty:
        raise InputError("table: no perturbation has a fraction; it takes two wells of each.")
    shown = known.sort_values([LOW, FRACTION], ascending=False, kind="stable").head(top)
    keys = shown[list(table.columns[: list(table.columns).index(FRACTION)])]
    names = [style.name(" ".join(map(str, key))) for key in keys.itertuples(index=False)]
    y = np.arange(len(shown))
    ax = style.axes(ax, 5.4, 1.2 + 0.24 * len(shown))
    style.quiet(ax)
    ax.barh(y, shown[LOW], height=0.62, color=style.SKY, lw=0, label="respond at least (95 %)")
    ax.plot([shown[LOW], shown[FRACTION]], [y, y], color=style.INK, lw=1)
    ax.scatter(shown[FRACTION], y, s=18, color=style.INK, marker="D", lw=0, label="estimate", zorder=3)
    ax.set_yticks(y, names, parse_math=False)
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0, 1.02), xlabel="responding cells")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncol=2)
    return ax
