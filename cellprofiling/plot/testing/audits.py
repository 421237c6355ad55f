"""The audit plot: how often control wells are called active, beside how often they may be."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

NEEDED = ["layout", "n", "rejected", "rate", "ci_low", "ci_high"]
LOOK = {"same position": (style.VERMILION, "s"), "different positions": (style.BLUE, "o")}


def audit(audit: pd.DataFrame, *, alpha: float = 0.05, ax: Axes | None = None) -> Axes:
    """
    Draw how often control wells, taken for compounds, are called active, with the interval, beside what is expected.

    Parameters
    ----------
    audit : pandas.DataFrame
        The result of `audit_controls`, or a hit list of `rank_hits`, which carries one.
    alpha : float, default 0.05
        The rate that is expected.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If the table is neither.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"layout": ["same position", "different positions"], "n": [100, 200],
    ...                       "rejected": [20, 9], "rate": [0.2, 0.045], "ci_low": [0.13, 0.01],
    ...                       "ci_high": [0.29, 0.1]})
    >>> ax = cpf.plot.audit(table)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['same position', 'different positions']
    """
    checks.arguments(locals(), audit=checks.table)
    rows = _rows(audit)
    ax = style.axes(ax, 5.6, 1.9)
    style.quiet(ax)
    ax.axvline(alpha, color=style.MUTED, lw=0.8, ls="--", zorder=0)
    known = rows["rate"].notna().to_numpy()
    most = max(2.4 * alpha, float(np.nanmax(rows["ci_high"].to_numpy(dtype=float))) if known.any() else 0.0)
    for place, row in enumerate(rows.to_dict("records")):
        color, marker = LOOK.get(row["layout"], (style.GREY, "D"))
        if row["n"]:
            ax.plot([row["ci_low"], row["ci_high"]], [place, place], color=color, lw=2, solid_capstyle="butt")
            ax.plot(row["rate"], place, marker, color=color, ms=7)
            text = f"{row['rejected']:.0f} of {row['n']:.0f}"
            where: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
            ax.annotate(text, (row["ci_high"], place), **where, fontsize=8, color=style.INK)
        else:
            ax.text(alpha, place, "  not audited", va="center", fontsize=8, color=style.MUTED)
    ax.set_yticks(range(len(rows)), rows["layout"])
    ax.set(xlim=(0, min(1.15, most * 1.25)), ylim=(len(rows) - 0.4, -0.6))
    ax.tick_params(axis="y", length=0, labelcolor=style.INK)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_xlabel(f"control pseudo-compounds with p ≤ {alpha:g} (dashed: expected)")
    return ax


def _rows(audit: pd.DataFrame) -> pd.DataFrame:
    if "layout" not in audit.columns and "audit" in audit.attrs:
        audit = pd.DataFrame(audit.attrs["audit"])
    elif "layout" not in audit.columns:
        raise InputError("audit: neither the result of audit_controls() nor a hit list that carries one in attrs.")
    require(audit, NEEDED, "audit")
    return audit.reset_index(drop=True)
