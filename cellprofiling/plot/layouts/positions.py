"""What position on the plate does: along rows, columns or the way from the edge, as measured, fitted and corrected."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, Reference, require, rows
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.plates import LETTERS, parse_wells, plate_shape
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.plot import style

LINES = {"row": "row", "column": "column", "edge": "steps from the plate edge"}
MOST_PLATES = 60  # of which each is drawn behind


def position(
    wells: pd.DataFrame,
    value: str,
    *,
    corrected: pd.DataFrame | None = None,
    along: str = "row",
    reference: Reference = None,
    well: str = WELL,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw how a value follows rows, columns or the distance from the edge; with what was fitted and what is left.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well.
    value : str
        Column with numbers.
    corrected : pandas.DataFrame or None, default None
        The same wells after `correct_position`, in the same order and units. What was fitted is the difference.
    along : {"row", "column", "edge"}, default "row"
        Which lines of wells are compared.
    reference : str, mapping, array-like or None, default None
        The wells that are looked at, such as the controls; all if None.
    well : str, default "Metadata_Well"
        Column with the well.
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
    PlateLayoutError
        If a well is not written like A01.
    ReferenceRowsError
        If `reference` is unreadable or matches no row.
    InputError
        If `along` is unknown, `corrected` holds other wells, or no well has a value.

    Notes
    -----
    A point is the median of the wells of a line less that of their plate, averaged over plates; single plates are thin
    lines behind, where there are up to 60. A treatment that fills a line looks like an effect of the line: then look at
    the controls alone.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> names = [f"{row}{column:02d}" for row in "ABCDEF" for column in range(1, 9)]
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": names, "Cells_Size": np.repeat(np.arange(6), 8)})
    >>> ax = cpf.plot.position(wells, "Cells_Size", corrected=cpf.correct_position(wells, "median_polish"))
    >>> ax.get_legend_handles_labels()[1]
    ['as measured', 'fitted', 'corrected']
    """
    checks.arguments(locals(), corrected=checks.optional(checks.table))
    one_of("along", along, LINES)
    require(wells, [well], "well")
    chosen = rows(wells, reference)
    measured = style.numbers(wells, value)
    drawn = {"as measured": measured}
    if corrected is not None:
        left = style.numbers(_same(wells, corrected, well), value)
        drawn |= {"fitted": measured - left, "corrected": left}
    n_wells = parse_wells(wells[well], well).format
    line, names = _lines(wells.loc[chosen, well], along, n_wells, well)
    plate = wells.loc[chosen, PLATE] if PLATE in wells.columns else pd.Series("", index=wells.index[chosen])
    code = np.asarray(plate.groupby(plate, sort=True, dropna=False).ngroup(), dtype=np.intp)
    profiles = {text: _profiles(values[chosen], code, line, len(names)) for text, values in drawn.items()}
    if not np.isfinite(profiles["as measured"]).any():
        raise InputError(f"value={value!r}: no well has one.")
    ax = style.axes(ax, 5.2, 3.0)
    style.quiet(ax)
    ax.axhline(0, color=style.LINE, lw=1, zorder=0)
    if 1 < len(profiles["as measured"]) <= MOST_PLATES:
        ax.plot(profiles["as measured"].T, color=style.GREY, lw=0.6, alpha=0.5, zorder=1)
    looks: dict[str, dict[str, Any]] = {
        "as measured": {"color": style.INK, "marker": "o"},
        "fitted": {"color": style.VERMILION, "ls": "--"},
        "corrected": {"color": style.BLUE, "marker": "s"},
    }
    for text, each in profiles.items():
        ax.plot(_means(each), **{"lw": 1.6, "ms": 4.5, "zorder": 3, **looks[text]}, label=text)
    step = -(-len(names) // 24)
    ax.set_xticks(range(0, len(names), step), names[::step])
    ax.set_xlabel(LINES[along])
    ax.set_ylabel(f"{style.words(value, 28)}, from plate median", parse_math=False)
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return ax


def _same(wells: pd.DataFrame, corrected: pd.DataFrame, well: str) -> pd.DataFrame:
    """Return the corrected wells, if they are the same wells."""
    names = [name for name in (PLATE, well) if name in wells.columns]
    require(corrected, names, "corrected")
    if len(corrected) != len(wells) or not (corrected[names].to_numpy() == wells[names].to_numpy()).all():
        raise InputError(
            f"corrected: holds {len(corrected):,} wells, and not the {len(wells):,} wells that were measured in their "
            "order; give the table that correct_position made of them."
        )
    return corrected


def _lines(names: pd.Series, along: str, n_wells: int, well: str) -> tuple[Indices, list[str]]:
    """Return the line of each well, and what lines are called."""
    wells, (n_rows, n_columns) = parse_wells(names, well), plate_shape(n_wells)
    if along == "edge":
        return wells.edge_distance(n_wells), ["edge", *map(str, range(1, (n_rows + 1) // 2))]
    if along == "row":
        return wells.row, LETTERS[:n_rows]
    return wells.column, [str(column + 1) for column in range(n_columns)]


def _profiles(values: Doubles, plate: Indices, line: Indices, n_lines: int) -> Doubles:
    """Return the median of each line of each plate, less that of the plate, shape (n_plates, n_lines)."""
    table = pd.DataFrame({"plate": plate, "line": line, "value": values}).dropna()
    table["value"] -= table.groupby("plate")["value"].transform("median")
    medians = table.pivot_table("value", "plate", "line", aggfunc="median").reindex(columns=range(n_lines))
    return medians.to_numpy(dtype=np.float64)


def _means(profiles: Doubles) -> Doubles:
    """Return the mean over plates of each line; NaN where no plate has the line."""
    known = np.isfinite(profiles)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, profiles, 0).sum(axis=0) / np.maximum(n, 1), np.nan)
