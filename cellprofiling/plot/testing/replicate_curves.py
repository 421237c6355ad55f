"""How alike replicates are, beside wells that have nothing in common."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.plot import style

MEANINGS = {
    "perturbations": ("perturbations", "random groups of as many wells", "median similarity of the pairs of a group"),
    "pairs": ("pairs of replicates", "pairs of different perturbations", "similarity of a pair of wells"),
}


def replicates(table: pd.DataFrame, *, meaning: str = "perturbations", ax: Axes | None = None) -> Axes:
    """
    Draw which share of perturbations, and of random groups of wells, are at least so alike.

    Parameters
    ----------
    table : pandas.DataFrame
        What `percent_replicating` returns.
    meaning : {"perturbations", "pairs"}, default "perturbations"
        Which of its two meanings.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If the meaning is unknown, or the table is not the whole result of `percent_replicating`.
    ColumnError
        If a column is missing.

    Notes
    -----
    Where the dashed line crosses the curve of replicates, its height is the share that replicates. With perturbations
    in different numbers of wells each has a threshold of its own, the line is their median, and the share may differ
    from the height by a little; the number in the figure is that of the table.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> ax = cpf.plot.replicates(cpf.percent_replicating(wells, by="Metadata_Compound"))
    >>> ax.get_xlabel()
    'median similarity of the pairs of a group'
    """
    checks.arguments(locals())
    one_of("meaning", meaning, MEANINGS)
    require(table, ["meaning", "share", "threshold", "n"], "table")
    found = table.attrs.get("distributions", {}).get(meaning)
    rows = table[table["meaning"] == meaning]
    if found is None or len(rows) != 1:
        raise InputError("table: has no distributions in attrs; give what percent_replicating returned, as it is.")
    share, threshold, n = (float(rows[name].iloc[0]) for name in ("share", "threshold", "n"))
    ours, null, axis = MEANINGS[meaning]
    ax = style.axes(ax, 5.4, 3.2)
    style.quiet(ax)
    above = 1 - np.linspace(0, 1, len(found["observed"]))
    ax.fill_between(found["null"], above, color=style.GREY, alpha=0.35, lw=0, label=null)
    ax.plot(found["observed"], above, color=style.BLUE, lw=1.8, label=f"{ours} ({n:,.0f})")
    ax.axvline(threshold, color=style.MUTED, lw=1, ls="--", zorder=0)
    ax.plot(threshold, share, "o", color=style.BLUE, ms=6)
    ax.annotate(
        f"{share:.0%} replicate", (threshold, share), xytext=(7, 4), textcoords="offset points", fontsize=8.5,
        color=style.INK,
    )  # fmt: skip
    ax.set(xlabel=axis, ylabel="share at least so alike", ylim=(0, 1.06))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax
