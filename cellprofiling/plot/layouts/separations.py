"""How far controls lie apart on each plate, with intervals, beside the limits."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core.checks import arguments, column, number, optional, table
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError, listed
from cellprofiling.plot import style

NEEDED = ("id", "level", "scope", "metric", "value", "ci_low", "ci_high", "status", "threshold")
LIMIT = re.compile(r"(warn|fail) (?:above|below) (-?[\d.,]+)( %)?")
FLOORS = {"controls.z_prime": -1.0, "controls.profile_z_prime": -1.0}  # below, all say: not apart
LEGEND = 3  # statuses and limits side by side


def separation(
    checks: pd.DataFrame, check: str = "controls.profile_z_prime", *, floor: float | None = None, ax: Axes | None = None
) -> Axes:
    """
    Draw the value of a check on each plate, with its interval and its status, beside the limits.

    Parameters
    ----------
    checks : pandas.DataFrame
        The table ``.checks`` of `check_quality`.
    check : str, default "controls.profile_z_prime"
        The id of the check; any that has a value for each plate will do.
    floor : float or None, default None
        Values below are drawn at this height, as arrows; -1 for a Z' if None.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, plates in the order of the table.

    Raises
    ------
    ColumnError
        If the table is not one of checks.
    InputError
        If the check is not in the table, or has no value for any plate.

    Notes
    -----
    The dashed lines are the limits the table names. An interval that crosses a limit is what makes a check
    "inconclusive": the wells do not tell on which side the plate lies. A hollow mark was waived.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> checks = pd.DataFrame({
    ...     "id": "controls.z_prime", "level": "plate", "scope": ["P1", "P2"], "metric": "robust Z'",
    ...     "value": [0.6, 0.2], "ci_low": [0.5, -0.1], "ci_high": [0.7, 0.5], "status": ["pass", "inconclusive"],
    ...     "threshold": "warn below 0.40, fail below 0"})
    >>> ax = cpf.plot.separation(checks, "controls.z_prime")
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['P1', 'P2']
    """
    arguments(locals(), checks=table, check=column, floor=optional(number(-np.inf)))
    require(checks, NEEDED, "checks")
    rows = _rows(checks, check)
    value, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("value", "ci_low", "ci_high"))
    floor = FLOORS.get(check, -np.inf) if floor is None else floor
    ax = style.axes(ax, max(5.4, min(14.0, 1.6 + 0.3 * len(rows))), 3.2)
    style.quiet(ax)
    for text, limit in _limits(rows["threshold"].iloc[0]):
        color = style.STATUSES[text][0]
        ax.axhline(limit, color=color, lw=1, ls="--", zorder=0, label=f"limit: {text}")
    for status, (color, marker) in style.STATUSES.items():
        here = rows["status"].str.startswith(status).to_numpy() & np.isfinite(value)
        if not here.any():
            continue
        waived = rows["status"].str.contains("waived").to_numpy()
        known, x = here & np.isfinite(low) & np.isfinite(high), np.arange(len(rows))
        ax.vlines(x[known], np.maximum(low[known], floor), np.maximum(high[known], floor), color=color, lw=1.6)
        ax.scatter([], [], s=30, color=color, marker=marker, lw=0, label=f"{status} ({here.sum():,})")
        for those, mark in ((here & (value >= floor), marker), (here & (value < floor), "v")):
            for some, fill in ((those & ~waived, color), (those & waived, style.PAPER)):
                y = np.maximum(value[some], floor)
                ax.scatter(x[some], y, s=30, facecolor=fill, edgecolor=color, lw=1, marker=mark, zorder=3)
    style.name_groups(ax, rows["scope"].tolist())
    ax.set_ylabel(str(rows["metric"].iloc[0]), parse_math=False)
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncols=LEGEND)
    return ax


def _rows(checks: pd.DataFrame, check: str) -> pd.DataFrame:
    plates = checks[checks["level"] == "plate"]
    rows = plates[(plates["id"] == check) & plates["value"].notna()].reset_index(drop=True)
    if len(rows):
        return rows
    said = checks.loc[checks["id"] == check, "message"] if "message" in checks else pd.Series(dtype=object)
    if len(said):
        raise InputError(f"check={check!r}: no plate has a value. {said.iloc[0]}")
    known = plates.loc[plates["value"].notna(), "id"].unique()
    raise InputError(f"check={check!r}: not in the table. Checks with a value for a plate are {listed(known)}.")


def _limits(text: str) -> list[tuple[str, float]]:
    """Return the limits that a rule writes as `warn below 0.40, fail below 0`."""
    found = LIMIT.findall(str(text))
    return [(name, float(number.rstrip(",").replace(",", "")) / (100 if share else 1)) for name, number, share in found]
