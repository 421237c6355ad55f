"""The plate map: every well where it lies on the plate."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, require
from cellprofiling.core.errors import InputError, PlateLayoutError, listed
from cellprofiling.core.plates import FORMATS, LETTERS, Wells, parse_wells
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.plot import style

MARK_SIZE = {6: 60, 12: 50, 24: 40, 48: 24, 96: 16, 384: 9, 1536: 2}


def platemap(
    table: pd.DataFrame,
    value: str,
    *,
    plate: object = None,
    well: str = WELL,
    limits: tuple[float, float] | None = None,
    key: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw one plate, each well colored by a value.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per well, with Metadata_Plate if it holds several plates.
    value : str
        Column to show. Numbers get a color scale: viridis from the 1st to the 99th percentile, or blue to vermilion
        around zero where values have both signs. Text gets a color and a mark per value; beyond seven values the
        rarest are "other".
    plate : object, default None
        Which plate; not needed if the table holds one.
    well : str, default "Metadata_Well"
        Column with the well.
    limits : tuple of float or None, default None
        Lowest and highest number of the color scale, so that several plates can share it.
    key : bool, default True
        Whether to draw the color scale or the legend.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.images[0]`` holds the values by row and column of the plate.

    Raises
    ------
    InputError
        If the plate is not in the table, or not named while there are several.
    ColumnError
        If a column is missing.
    PlateLayoutError
        If a well occurs twice on the plate, or is not written like A01.

    Notes
    -----
    Wells without a row or without a value are hatched. The plate is the smallest standard one that holds all wells of
    the table, so a plate that lost its last rows keeps its format.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "B02", "H12"], "Metadata_Object_Count": [180, 200, 20]})
    >>> ax = cpf.plot.platemap(wells, "Metadata_Object_Count")
    >>> ax.images[0].get_array().shape
    (8, 12)
    """
    checks.arguments(
        locals(), plate=checks.optional(checks.either(checks.column, checks.number(-np.inf))), key=checks.flag
    )
    require(table, [value], "value")
    require(table, [well], "well")
    here, title = _one_plate(table, plate)
    n_wells = parse_wells(table[well], well).format
    wells = parse_wells(table.loc[here, well], well)
    _refuse_doubled(wells, title)
    ax = style.axes(ax, 6.4, 4.4)
    if style.is_text(table[value]):
        _draw_names(ax, table[value], here, wells, n_wells, key)
    else:
        _draw_numbers(ax, table[value], here, wells, n_wells, limits, key)
    _draw_plate(ax, n_wells)
    ax.set_title(style.name(title, 40), loc="left", fontsize=9, color=style.INK, parse_math=False)
    return ax


def _one_plate(table: pd.DataFrame, plate: object) -> tuple[Mask, str]:
    if plate is None and PLATE not in table.columns:
        return np.ones(len(table), dtype=bool), ""
    require(table, PLATE, "plate")
    known = table[PLATE].unique()
    if plate is None and len(known) > 1:
        raise InputError(f"plate=None: the table holds {len(known)} plates, name one of {listed(known)}.")
    plate = known[0] if plate is None else plate
    here = (table[PLATE] == plate).to_numpy(dtype=bool)
    if not here.any():
        raise InputError(f"plate={plate!r}: not in the table, which holds {listed(known)}.")
    return here, str(plate)


def _refuse_doubled(wells: Wells, plate: str) -> None:
    names = pd.Series(wells.names)
    doubled = names[names.duplicated()].unique()
    if len(doubled):
        raise PlateLayoutError(f"wells {listed(doubled)} occur more than once on plate {plate!r}: average them first.")


def _grid(wells: Wells, values: Doubles, n_wells: int) -> np.ma.MaskedArray:
    grid = np.full(FORMATS[n_wells], np.nan)
    grid[wells.row, wells.column] = values
    return np.ma.masked_invalid(grid)


def _draw_numbers(
    ax: Axes,
    column: pd.Series,
    here: Mask,
    wells: Wells,
    n_wells: int,
    limits: tuple[float, float] | None,
    key: bool,
) -> None:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    norm, colors = style.scale(values, limits)
    image = ax.imshow(_grid(wells, values[here], n_wells), norm=norm, cmap=colors, interpolation="none")
    if key:
        style.color_bar(ax, image, style.words(column.name), extend="both", extendfrac=0.03)


def _draw_names(ax: Axes, column: pd.Series, here: Mask, wells: Wells, n_wells: int, key: bool) -> None:
    drawn, shown = style.categories(column)
    numbers = {each.name: float(code) for code, each in enumerate(drawn)}
    codes = np.array([numbers.get(value, np.nan) for value in shown[here]], dtype=np.float64)
    colors = ListedColormap([each.color for each in drawn] or [style.GREY])
    norm = BoundaryNorm(np.arange(max(len(drawn), 1) + 1) - 0.5, colors.N)
    ax.imshow(_grid(wells, codes, n_wells), norm=norm, cmap=colors, interpolation="none")
    look: dict[str, Any] = {"s": MARK_SIZE[n_wells], "c": style.BLACK, "alpha": 0.6, "lw": 0}
    most = shown.value_counts().index[:1]  # the commonest value stays plain, so that the marks of the others are seen
    for code, each in enumerate(drawn):
        if each.name not in most:
            ax.scatter(wells.column[codes == code], wells.row[codes == code], **look, marker=each.marker)
    if key:
        _draw_legend(ax, [(each, "" if each.name in most else each.marker) for each in drawn])


def _draw_legend(ax: Axes, drawn: list[tuple[style.Category, str]]) -> None:
    marks = [Line2D([], [], color=style.BLACK, marker=marker, ls="", ms=4, alpha=0.6) for _, marker in drawn]
    handles = [(Patch(color=each.color), mark) for (each, _), mark in zip(drawn, marks, strict=True)]
    labels = [style.name(each.name) for each, _ in drawn]
    style.legend(ax, handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncol=4)


def _draw_plate(ax: Axes, n_wells: int) -> None:
    n_rows, n_columns = FORMATS[n_wells]
    step = 2 if n_wells == 1536 else 1
    ax.add_patch(
        Rectangle(
            (-0.5, -0.5), n_columns, n_rows, facecolor="none", edgecolor=style.HATCH, hatch="////", lw=0, zorder=-1
        )
    )
    ax.set_xticks(range(0, n_columns, step), [str(column + 1) for column in range(0, n_columns, step)])
    ax.set_yticks(range(0, n_rows, step), LETTERS[:n_rows:step])
    ax.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=style.PAPER, lw=0.8)
    ax.set(xlim=(-0.5, n_columns - 0.5), ylim=(n_rows - 0.5, -0.5), aspect="equal", axisbelow=False)
    ax.tick_params(
        which="both", length=0, labelsize=7, labelcolor=style.MUTED, top=True, labeltop=True, labelbottom=False
    )
    ax.spines[:].set_visible(False)
    ax.patch.set_alpha(0)
