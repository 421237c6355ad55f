"""The DNA content of cells, and the phases of the cell cycle of wells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from cellprofiling.core import checks
from cellprofiling.core.columns import groups, require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

PHASE, CONTENT = "Metadata_CellCycle", "Metadata_DNA_Content"
COLORS = {"sub-G1": style.GREY, "G1": style.SKY, "S": style.GREEN, "G2/M": style.ORANGE, ">4N": style.PURPLE}
SHARES = {
    "CellCycle_SubG1": "sub-G1",
    "CellCycle_G1": "G1",
    "CellCycle_S": "S",
    "CellCycle_G2M": "G2/M",
    "CellCycle_Over4N": ">4N",
}
LIMITS = (1.0, 10.0)  # times the haploid DNA


def cell_cycle(cells: pd.DataFrame, *, bins: int = 120, ax: Axes | None = None) -> Axes:
    """
    Draw how many cells have how much DNA, in the colors of their phases.

    Parameters
    ----------
    cells : pandas.DataFrame
        Cells with phases, as `cellprofiling.cell_cycle` returns them.
    bins : int, default 120
        Number of bins from 1 to 10 times the haploid DNA.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ColumnError
        If the cells have no phases.
    InputError
        If no cell has a phase, or there are fewer than 2 bins.

    Notes
    -----
    Cells beyond the axis are counted in its first and last bin.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=6, controls=6, cells_per_well=100, features=20)
    >>> ax = cpf.plot.cell_cycle(cpf.cell_cycle(screen.cells))
    >>> ax.get_xlabel()
    'DNA content (2 = before replication)'
    """
    checks.arguments(locals(), cells=checks.table)
    require(cells, [PHASE, CONTENT], "cells")
    known = cells[PHASE].notna().to_numpy()
    if not known.any():
        raise InputError("cells: no cell has a phase; the ledger of cell_cycle says why.")
    from seaborn import histplot

    phase = cells[PHASE].astype(str).to_numpy()[known]
    content = np.clip(cells[CONTENT].to_numpy(np.float64)[known], *LIMITS)
    edges = np.geomspace(*LIMITS, bins + 1)
    ax = style.axes(ax, 5.4, 3.2)
    style.quiet(ax)
    look: dict[str, Any] = {"hue_order": list(COLORS)[::-1], "palette": COLORS, "lw": 0, "alpha": 1, "legend": False}
    histplot(x=content, hue=phase, bins=edges, multiple="stack", ax=ax, **look)
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    ax.minorticks_off()
    ax.set(xlim=LIMITS, xlabel="DNA content (2 = before replication)", ylabel="cells")
    labels = [f"{name} {(phase == name).mean():.0%}" for name in COLORS]
    style.legend(ax, [Patch(color=color, lw=0) for color in COLORS.values()], labels, loc="upper right")
    return ax


def phases(wells: pd.DataFrame, *, by: str | Sequence[str], top: int = 40, ax: Axes | None = None) -> Axes:
    """
    Draw the shares of the phases of the cell cycle as stacked bars, a bar for each group of wells.

    Parameters
    ----------
    wells : pandas.DataFrame
        Shares of wells, as `cellprofiling.cell_cycle_shares` returns them.
    by : str or list of str
        Columns whose values make a bar; its shares are means over wells.
    top : int, default 40
        How many bars, those with the fewest cells in G1.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ColumnError
        If a column is missing.
    InputError
        If no well has shares, or `top` is less than 1.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=6, controls=6, cells_per_well=100, features=20)
    >>> shares = cpf.annotate(cpf.cell_cycle_shares(screen.cells), screen.platemap)
    >>> ax = cpf.plot.phases(shares, by="Metadata_Compound")
    >>> len(ax.get_yticklabels())
    7
    """
    checks.arguments(locals(), by=checks.columns)
    require(wells, list(SHARES), "wells")
    known = wells[wells[list(SHARES)].notna().all(axis=1)]
    if known.empty:
        raise InputError("wells: no well has shares; the ledger of cell_cycle_shares says why.")
    codes, keys = groups(known, by)
    means = known[list(SHARES)].groupby(codes).mean()
    order = means["CellCycle_G1"].sort_values(kind="stable").index[:top]
    names = [style.name(" ".join(map(str, key))) for key in keys.iloc[order].itertuples(index=False)]
    y, left = np.arange(len(order)), np.zeros(len(order))
    ax = style.axes(ax, 5.4, 1.2 + 0.24 * len(order))
    style.quiet(ax)
    for column, name in SHARES.items():
        width = means.loc[order, column].to_numpy()
        ax.barh(y, width, left=left, height=0.72, color=COLORS[name], lw=0, label=name)
        left += width
    ax.set_yticks(y, names, parse_math=False)
    ax.set(ylim=(len(order) - 0.4, -0.6), xlim=(0, 1), xlabel="cells")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncol=5)
    return ax
