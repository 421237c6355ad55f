"""The control chart of a screen: the median of the control wells of plate after plate."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, Reference, require, rows
from cellprofiling.core.errors import InputError
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.scale.scale import MAD_TO_SD
from cellprofiling.plot import style
from cellprofiling.plot.layouts.screens import in_order

WEIGHT = 0.2  # of the newest plate in the moving average
FEWEST = 4  # plates that tell how far plates differ


def drift(
    wells: pd.DataFrame,
    value: str,
    *,
    reference: Reference,
    order: str | None = None,
    batch: str | None = None,
    limit: float = 3.0,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw the median of the control wells of each plate in the order of acquisition, with limits and a moving average.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well, with Metadata_Plate.
    value : str
        Column with numbers, not normalized to the controls of each plate (that would make all medians equal).
    reference : str, mapping or array-like
        The control wells.
    order : str or None, default None
        Column that says when a plate was acquired; by name if None.
    batch : str or None, default None
        Column with the batch. Batches then stand side by side, each with a center and limits of its own.
    limit : float, default 3.0
        How many standard deviations of plates the limits lie from the center.
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
    FeatureError
        If `value` is no number.
    ReferenceRowsError
        If `reference` is unreadable or matches no row.
    InputError
        If `limit` is not positive, a plate has two batches, or no control well has a value.

    Notes
    -----
    The center is the median over plates, and a standard deviation 1.4826 times the median absolute deviation from it;
    fewer than four plates have no limits. Bars are the quartiles of the control wells. The moving average gives the
    newest plate a weight of 0.2 (Roberts 1959). The checks ``drift.plate_level``, ``drift.run`` and ``drift.trend`` of
    `check_quality` test what is drawn here, and allow for the number of plates.

    References
    ----------
    Roberts, S. W. (1959). Control chart tests based on geometric moving averages. Technometrics 1, 239,
    https://doi.org/10.1080/00401706.1959.10489860

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": ["P1", "P1", "P2", "P2"], "Metadata_Role": "negcon",
    ...                       "Metadata_Object_Count": [180, 200, 210, 230]})
    >>> ax = cpf.plot.drift(wells, "Metadata_Object_Count", reference="Metadata_Role == 'negcon'")
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['P1', 'P2']
    """
    checks.arguments(locals(), limit=checks.positive)
    require(wells, PLATE, "wells")
    require(wells, order, "order")
    require(wells, batch, "batch")
    values = style.numbers(wells, value)
    chosen = rows(wells, reference) & np.isfinite(values)
    if not chosen.any():
        raise InputError(f"value={value!r}: no control well has one.")
    plates, code = in_order(wells, order)
    batches = _batches(wells, code, batch)
    side_by_side = np.concatenate([places for _, places in batches])
    plates, place = [plates[i] for i in side_by_side], np.argsort(side_by_side)
    code = place[code]
    series = pd.Series(values[chosen]).groupby(code[chosen])
    low, middle, high = (series.quantile(q).reindex(range(len(plates))).to_numpy() for q in (0.25, 0.5, 0.75))
    ax = style.axes(ax, max(5.4, min(14.0, 1.6 + 0.3 * len(plates))), 3.4)
    style.quiet(ax)
    x, beyond = np.arange(len(plates)), np.zeros(len(plates), dtype=bool)
    for name, numbers in batches:
        places = place[numbers][np.isfinite(middle[place[numbers]])]
        beyond[places] = _draw_batch(ax, places, middle[places], limit)
        if name and len(places):
            where: dict[str, Any] = {
                "xycoords": ("data", "axes fraction"),
                "fontsize": 8,
                "color": style.MUTED,
                "va": "top",
            }
            ax.annotate(style.name(name), (places.min() - 0.4, 0.99), parse_math=False, **where)
    ax.vlines(x, low, high, color=style.INK, lw=1)
    for here, color, marker, text in (
        (~beyond, style.INK, "o", "median of controls, quartiles"),
        (beyond, style.VERMILION, "X", "beyond the limits"),
    ):
        if here.any():
            ax.scatter(x[here], middle[here], s=30, color=color, marker=marker, lw=0, zorder=3, label=text)
    style.name_groups(ax, [str(plate) for plate in plates])
    ax.set_ylabel(style.words(value), parse_math=False)
    ax.set_xlabel(f"plates by {style.words(order) if order else 'name'}", parse_math=False)
    handles, labels = ax.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))  # each batch draws its own
    style.legend(ax, list(found.values()), list(found), loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def _batches(wells: pd.DataFrame, code: Indices, batch: str | None) -> list[tuple[str, Indices]]:
    """Return each batch and its plates."""
    if batch is None:
        return [("", np.unique(code))]
    named = pd.DataFrame({"plate": code, "batch": wells[batch].to_numpy()}).drop_duplicates().sort_values("plate")
    unsure = named["batch"].isna() | named["plate"].duplicated(keep=False)
    if unsure.any():
        raise InputError(f"batch={batch!r}: {named.loc[unsure, 'plate'].nunique()} plates have none, or several.")
    return [(str(name), each.to_numpy()) for name, each in named.groupby("batch", sort=False)["plate"]]


def _draw_batch(ax: Axes, places: Indices, middle: Doubles, limit: float) -> Mask:
    """Draw the center, the limits and the moving average of the plates of a batch; return which lie beyond."""
    if len(places) < FEWEST:
        return np.zeros(len(places), dtype=bool)
    center = float(np.median(middle))
    far = limit * MAD_TO_SD * float(np.median(np.abs(middle - center)))
    ends = [places.min() - 0.4, places.max() + 0.4]
    ax.fill_between(ends, center - far, center + far, color=style.SKY, alpha=0.18, lw=0, zorder=0, label="limits")
    ax.plot(ends, [center, center], color=style.SKY, lw=1, zorder=0)
    average, now = [], float(middle.mean())
    for each in middle:
        now += WEIGHT * (float(each) - now)
        average.append(now)
    ax.plot(places, average, color=style.BLUE, lw=1.6, label="moving average", zorder=2)
    return np.abs(middle - center) > far
