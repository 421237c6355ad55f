"""The corrections side by side: each score of each candidate with its interval, and which candidate is recommended."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

# The scores that are drawn, the column title, and whether more is better.
SHOWN = (
    ("cross_batch_map", "cross-batch\nmAP", 1),
    ("activity_map", "activity\nmAP", 1),
    ("mechanism_map", "mechanism\nmAP", 1),
    ("ilisi_controls", "iLISI\ncontrols", 1),
    ("pcr_controls", "PCR\ncontrols", -1),
    ("control_gap", "control\ngap", -1),
    ("calibration", "held-out\nactive", 0),
    ("effect_preservation", "effects\nkept", 1),
)
COLORS = {"recommended": style.BLUE, "reference": style.INK, "unsafe": style.VERMILION}
MARKS = {"recommended": "D", "reference": "s", "unsafe": "X"}
GAP = 0.14  # between columns, in widths of a column
NEEDED = ("candidate", "metric", "value", "low", "high")


def corrections(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """
    Draw the scores of each correction with their intervals, a column for each score.

    Parameters
    ----------
    table : pandas.DataFrame
        What `compare_corrections` returns.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If the table is not one of `compare_corrections`, or has no score to draw.

    Notes
    -----
    Candidates stand below one another in the order in which they were given, the simplest first. Each column has a
    scale of its own, from 0 to the end of its longest interval, and a line at the value of "none". The interval of a
    candidate is that of its paired difference from "none", so it reaches the line unless the two are told apart; that
    of "none", and of a candidate without a difference, is its own. A blue diamond is recommended, a red cross is
    unsafe. Scores that no candidate has are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"candidate": ["none", "combat"], "metric": "activity_map", "value": [0.4, 0.5],
    ...                       "low": [0.3, 0.4], "high": [0.5, 0.6]})
    >>> ax = cpf.plot.corrections(table)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['none', 'combat']
    """
    checks.arguments(locals())
    require(table, NEEDED, "table")
    verdicts = _verdicts(table)
    names = list(dict.fromkeys(table["candidate"]))
    columns = [shown for shown in SHOWN if table.loc[table["metric"] == shown[0], "value"].notna().any()]
    if not columns:
        raise InputError("table: no score to draw; give the table that compare_corrections returns.")
    ax = style.axes(ax, 2.0 + 1.15 * len(columns), 1.5 + 0.36 * len(names))
    style.quiet(ax)
    for place, (metric, title, _) in enumerate(columns):
        rows = table[table["metric"] == metric].set_index("candidate").reindex(names)
        _column(ax, rows, place, title, [verdicts.get(name, "") for name in names])
    ax.set_yticks(range(len(names)), [style.name(name, 30) for name in names], parse_math=False)
    for text, name in zip(ax.get_yticklabels(), names, strict=True):
        text.set_color(COLORS.get(verdicts.get(name, ""), style.MUTED))
    ax.set_xticks([])
    ax.set_xlim(-GAP, len(columns))
    ax.set_ylim(len(names) - 0.4, -1.75)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(left=False)
    _legend(ax, verdicts)
    return ax


def _verdicts(table: pd.DataFrame) -> dict[str, str]:
    found = table.attrs.get("recommendation", {}).get("candidates", {})
    return {name: str(judged.get("verdict", "")) for name, judged in found.items()}


def _column(ax: Axes, rows: pd.DataFrame, place: int, title: str, verdicts: list[str]) -> None:
    """Draw one score: the ends of its scale above, a line at "none", a mark and an interval for each candidate."""
    known = _paired(rows)
    top = float(np.nanmax(known))
    top = top if top > 0 else 1.0
    x = place + np.clip(known, 0, None) / top * (1 - GAP)
    ax.text(place, -1.65, title, ha="left", va="top", fontsize=8, color=style.INK)
    ax.plot([place, place + 1 - GAP], [-0.55, -0.55], color=style.LINE, lw=0.8)
    for at, text, side in ((place, "0", "left"), (place + 1 - GAP, f"{top:.3g}", "right")):
        ax.text(at, -0.6, text, ha=side, va="bottom", fontsize=6.5, color=style.MUTED)
    if np.isfinite(x[0, 0]):
        ax.plot([x[0, 0]] * 2, [-0.45, len(rows) - 0.6], color=style.LINE, lw=0.8, ls=(0, (3, 2)), zorder=0)
    for row, verdict in enumerate(verdicts):
        color = COLORS.get(verdict, style.GREY)
        if np.isfinite(x[row]).all():
            ax.plot(x[row, 1:], [row, row], color=color, lw=1.3, solid_capstyle="butt", zorder=2)
        if np.isfinite(x[row, 0]):
            ax.scatter(x[row, 0], row, s=22, color=color, marker=MARKS.get(verdict, "o"), lw=0, zorder=3)
        else:
            ax.text(place, row, "–", ha="left", va="center", fontsize=8, color=style.GREY)


def _paired(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return value, low and high of each candidate; of all but the first those of its difference, put at the value."""
    known = rows[["value", "low", "high"]].to_numpy(dtype=np.float64, copy=True)
    if {"difference", "difference_low", "difference_high"} <= set(rows.columns):
        change = rows[["difference", "difference_low", "difference_high"]].to_numpy(dtype=np.float64)
        paired = np.isfinite(change).all(axis=1)
        paired[0] = False
        known[paired] = (known[:, :1] - change[:, :1] + change)[paired]
        known[paired, 0] = rows["value"].to_numpy(dtype=np.float64)[paired]
    return known


def _legend(ax: Axes, verdicts: dict[str, str]) -> None:
    there = [verdict for verdict in ("reference", "recommended", "unsafe") if verdict in verdicts.values()]
    if not there:
        return
    words = {"reference": "no correction", "recommended": "recommended", "unsafe": "unsafe"}
    look: dict[str, Any] = {"ls": "", "markersize": 5, "mew": 0}
    handles = [ax.plot([], [], marker=MARKS[verdict], color=COLORS[verdict], **look)[0] for verdict in there]
    handles.append(ax.plot([], [], marker="o", color=style.GREY, **look)[0])
    style.legend(
        ax,
        handles,
        [*(words[verdict] for verdict in there), "other"],
        loc="upper left",
        bbox_to_anchor=(0, 0),
        ncol=4,
        borderaxespad=0.1,
    )
