"""The dose curve of one compound: every well, the curve, and how well EC50 and benchmark concentration are known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import is_metadata, require
from cellprofiling.core.errors import ColumnError, InputError, listed
from cellprofiling.plot import style

NEEDED = ("model", "ec50", "bmc", "hill", "top", "bottom", "midpoint", "control_sd", "trend_p_value", "flag")
BENCHMARK = 1.349
POTENCIES = (("ec50", "EC50", style.BLUE, "D", 0.03), ("bmc", "BMC", style.VERMILION, "^", 0.12))
ROOM = 0.35  # decades beside the doses


def doses(
    fits: pd.DataFrame,
    responses: pd.DataFrame,
    *,
    compound: Mapping[str, Any] | str | None = None,
    dose: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw the wells of one compound over the dose, its curve, and its EC50 and BMC with their intervals.

    Parameters
    ----------
    fits : pandas.DataFrame
        What `fit_doses` returns.
    responses : pandas.DataFrame
        What `dose_responses` returns for the same profiles and response.
    compound : mapping, str or None, default None
        Which compound: ``{column: value}``, its name where one column names compounds, or None for the one with the
        smallest p-value.
    dose : str or None, default None
        The dose column; the one `fits` was made with, if None.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, the doses on a logarithmic scale.

    Raises
    ------
    InputError
        If the tables are not those of `fit_doses` and `dose_responses`, or the compound is not in both.

    Notes
    -----
    The band is the benchmark, 1.349 standard deviations of controls on either side of their mean. EC50 (blue diamond)
    and BMC (red triangle) lie near the horizontal axis with their intervals; an arrow where an interval leaves the
    tested doses. A potency that was not reached is not drawn; the flag says so in words.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> dose = np.r_[np.zeros(16), np.repeat([0.1, 0.3, 1, 3, 10, 30], 3)]
    >>> noise = 0.3 * np.random.default_rng(0).normal(size=34)
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Compound": np.where(dose > 0, "a", "DMSO"),
    ...                       "Metadata_Dose": dose, "Cells_x": 5 * dose / (dose + 2) + noise})
    >>> asked = {"by": "Metadata_Compound", "dose": "Metadata_Dose", "reference": {"Metadata_Compound": "DMSO"}}
    >>> fits = cpf.fit_doses(wells, response="Cells_x", **asked)
    >>> ax = cpf.plot.doses(fits, cpf.dose_responses(wells, response="Cells_x", **asked))
    >>> ax.get_xscale()
    'log'
    """
    checks.arguments(locals(), fits=checks.frame, responses=checks.frame, dose=checks.optional(checks.column))
    require(fits, NEEDED, "fits")
    require(responses, "response", "responses")
    row, wells = _one(fits, responses, compound)
    x, y = _points(fits, wells, dose)
    ax = style.axes(ax, 4.6, 3.4)
    style.quiet(ax)
    ax.set_xscale("log")
    ax.set_xlim(x.min() / 10**ROOM, x.max() * 10**ROOM)
    _draw_benchmark(ax, row["control_sd"])
    ax.scatter(x, y, s=16, color=style.GREY, lw=0, zorder=2, label="wells")
    means = pd.Series(y).groupby(x).mean()
    ax.scatter(means.index, means, s=42, marker="_", color=style.INK, lw=1.6, zorder=3, label="mean")
    _draw_curve(ax, row, x)
    for name, text, color, marker, height in POTENCIES:
        _draw_potency(ax, row, name, text, color, marker, height)
    _say(ax, row)
    parameters = fits.attrs.get("parameters", {})
    ax.set_xlabel(style.words(parameters.get("dose", dose or "dose")), parse_math=False)
    ax.set_ylabel(f"{style.words(parameters.get('response', 'response'))} above controls", parse_math=False)
    return ax


def _one(
    fits: pd.DataFrame, responses: pd.DataFrame, compound: Mapping[str, Any] | str | None
) -> tuple[pd.Series, pd.DataFrame]:
    """Return the row of one compound and its wells."""
    by = [name for name in fits.columns if is_metadata(name)]
    require(responses, by, "responses")
    if not len(fits):
        raise InputError("fits: holds no compound.")
    if compound is None:
        row = fits.sort_values("trend_p_value", kind="stable").iloc[0]
    else:
        wanted = {by[0]: compound} if isinstance(compound, str) and len(by) == 1 else compound
        if not isinstance(wanted, Mapping):
            raise InputError(f"compound={compound!r}: name it as {{column: value}} for the columns {listed(by)}.")
        require(fits, list(wanted), "compound")
        match = (fits[list(wanted)] == pd.Series(wanted)).all(axis=1)
        if match.sum() != 1:
            raise InputError(f"compound={compound!r}: {int(match.sum())} rows of fits are meant, give one.")
        row = fits[match].iloc[0]
    wells = responses[(responses[by] == row[by]).all(axis=1) & responses["response"].notna()]
    if not len(wells):
        raise InputError(f"responses: no well of {' '.join(str(row[name]) for name in by)!r} with a response.")
    return row, wells


def _points(
    fits: pd.DataFrame, wells: pd.DataFrame, dose: str | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    dose = fits.attrs.get("parameters", {}).get("dose") if dose is None else dose
    if dose is None:
        raise ColumnError("dose: the tables do not say which column holds the dose; name it.")
    return (
        wells[require(wells, dose, "dose")[0]].to_numpy(dtype=np.float64),
        wells["response"].to_numpy(dtype=np.float64),
    )


def _draw_benchmark(ax: Axes, control_sd: float) -> None:
    ax.axhline(0, color=style.LINE, lw=1, zorder=0)
    ax.axhspan(
        -BENCHMARK * control_sd, BENCHMARK * control_sd, color=style.LINE, alpha=0.35, lw=0, zorder=0, label="benchmark"
    )


def _draw_curve(ax: Axes, row: pd.Series, x: NDArray[np.float64]) -> None:
    """Draw the curve where doses were tested."""
    if row["model"] == "none":
        return
    grid = np.geomspace(x.min(), x.max(), 200)
    height = np.full(len(grid), row["bottom"])
    if row["model"] != "constant":
        height += (row["top"] - row["bottom"]) / (1 + (row["midpoint"] / grid) ** row["hill"])
    ax.plot(grid, height, color=style.INK, lw=1.6, zorder=1, label=row["model"])


def _draw_potency(ax: Axes, row: pd.Series, name: str, text: str, color: str, marker: str, height: float) -> None:
    """Draw a potency with its interval, arrows where the interval leaves the doses, near the lower end of the axes."""
    if np.isnan(row[name]):
        return
    where = blended_transform_factory(ax.transData, ax.transAxes)
    left, right = ax.get_xlim()
    low, high = row.get(f"{name}_ci_low", np.nan), row.get(f"{name}_ci_high", np.nan)
    if np.isfinite(low):
        ends = [max(low, left), min(high, right)]
        ax.plot(ends, [height, height], color=color, lw=1.4, transform=where, zorder=4)
        for end, arrow, open_end in ((ends[0], "<", low == 0), (ends[1], ">", np.isinf(high))):
            if open_end:
                ax.plot([end], [height], marker=arrow, ms=5, color=color, transform=where, zorder=4, clip_on=False)
    ax.plot([row[name]], [height], marker=marker, ms=6, color=color, lw=0, transform=where, zorder=5)
    ax.text(row[name], height + 0.02, f"{text} {row[name]:.2g}", color=color, fontsize=8, ha="center", transform=where)


def _say(ax: Axes, row: pd.Series) -> None:
    """Write the name of the compound, the p-value of its trend and what to beware of above the axes."""
    compound = " ".join(style.name(row[name]) for name in row.index if is_metadata(name))
    p_value = "" if np.isnan(row["trend_p_value"]) else f", trend p = {row['trend_p_value']:.2g}"
    ax.set_title(compound + p_value, loc="left", fontsize=9, color=style.INK, parse_math=False, pad=16)
    if row["flag"]:
        ax.text(0, 1.02, style.name(row["flag"], 80), transform=ax.transAxes, fontsize=7.5, color=style.MUTED)
