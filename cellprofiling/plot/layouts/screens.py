"""The screen map: all plates side by side, each well colored by a value, on one scale."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, require
from cellprofiling.core.errors import InputError, PlateLayoutError, listed
from cellprofiling.core.plates import FORMATS, Wells, parse_wells
from cellprofiling.plot import style

WIDE = 1.6  # width over height of the figure, about
INCHES = (1.5, 12.0)  # of a plate, and of the whole figure at most
TEXT = 7.0  # points


def screen(
    wells: pd.DataFrame,
    value: str,
    *,
    order: str | None = None,
    well: str = WELL,
    n_columns: int | None = None,
    limits: tuple[float, float] | None = None,
    key: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """
    Draw all plates as thumbnails, each well colored by a value on one scale.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well, with Metadata_Plate.
    value : str
        Column with numbers: viridis from the 1st to the 99th percentile of the screen, or blue to vermilion around
        zero where values have both signs.
    order : str or None, default None
        Column that says when a plate was acquired; plates lie in this order, by name if None.
    well : str, default "Metadata_Well"
        Column with the well.
    n_columns : int or None, default None
        Plates side by side; as many as make a wide figure if None.
    limits : tuple of float or None, default None
        Lowest and highest number of the color scale.
    key : bool, default True
        Whether to draw the color scale.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.images[0]`` holds the wells of all plates, plates in reading order.

    Raises
    ------
    ColumnError
        If a column is missing.
    FeatureError
        If `value` is no number.
    PlateLayoutError
        If a well occurs twice on a plate, or is not written like A01.
    InputError
        If `n_columns` is less than 1, or there is no well.

    Notes
    -----
    Wells without a row or without a value are hatched. All plates have the smallest standard format that holds all
    wells of the table.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": ["P1", "P1", "P2"], "Metadata_Well": ["A01", "H12", "A01"],
    ...                       "Metadata_Object_Count": [180, 200, 20]})
    >>> ax = cpf.plot.screen(wells, "Metadata_Object_Count")
    >>> [text.get_text() for text in ax.texts]
    ['P1', 'P2']
    """
    checks.arguments(locals(), n_columns=checks.optional(checks.at_least(1)), key=checks.flag)
    require(wells, PLATE, "wells")
    require(wells, well, "well")
    require(wells, order, "order")
    values = style.numbers(wells, value)
    plates, code = in_order(wells, order)
    places = parse_wells(wells[well], well)
    _refuse_doubled(plates, code, places)
    height, width = FORMATS[places.format]
    across, down = width + max(1, width // 8), height + max(2, height // 3)  # with a gap, and room for the name
    if n_columns is None:
        n_columns = min(len(plates), int(np.ceil(np.sqrt(WIDE * len(plates) * down / across))))
    n_rows = -(-len(plates) // n_columns)
    top, left = np.divmod(np.arange(len(plates)), n_columns)
    grid = np.full((n_rows * down - (down - height), n_columns * across - (across - width)), np.nan)
    grid[top[code] * down + places.row, left[code] * across + places.column] = values
    inches = min(INCHES[0], INCHES[1] / n_columns)
    ax = style.axes(ax, 0.9 + inches * n_columns, 0.4 + inches * n_rows * down / across)
    norm, colors = style.scale(values, limits)
    image = ax.imshow(np.ma.masked_invalid(grid), norm=norm, cmap=colors, interpolation="none")
    for plate, y, x in zip(plates, top * down, left * across, strict=True):
        frame = Rectangle((x - 0.5, y - 0.5), width, height, lw=0, zorder=-1)
        frame.set(facecolor="none", edgecolor=style.HATCH, hatch="//////")
        ax.add_patch(frame)
        ax.text(
            x - 0.5,
            y - 0.8,
            _fitting(style.name(plate, 99), int(inches * 72 / (0.7 * TEXT))),
            fontsize=TEXT,
            color=style.MUTED,
            va="bottom",
            parse_math=False,
        )
    ax.set(xlim=(-0.5, grid.shape[1] - 0.5), ylim=(grid.shape[0] - 0.5, height - down - 0.5), aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.patch.set_alpha(0)
    if key:
        style.color_bar(ax, image, style.words(value), extend="both", extendfrac=0.03)
    return ax


def in_order(wells: pd.DataFrame, order: str | None) -> tuple[list[object], np.ndarray]:
    """Return the plates in the order of acquisition, by name where that is the same, and the number of each row's."""
    known = wells[PLATE].notna()
    if not known.all():
        raise InputError(f"{PLATE}: {(~known).sum()} wells do not say on which plate they lie.")
    first = wells.groupby(PLATE, sort=True)[order if order else PLATE].min()
    plates = list(first.sort_values(kind="stable").index)
    return plates, pd.Index(plates).get_indexer(wells[PLATE])


def _fitting(name: str, letters: int) -> str:
    """Return the end of a name that is too long: plates are told apart by it."""
    return name if len(name) <= letters else "…" + name[1 - letters :]


def _refuse_doubled(plates: list[object], code: np.ndarray, places: Wells) -> None:
    spots = pd.DataFrame({"plate": code, "row": places.row, "column": places.column})
    doubled = spots.duplicated().to_numpy()
    if doubled.any():
        names = [f"{plates[code[i]]} {places.names[i]}" for i in np.flatnonzero(doubled)[:4]]
        raise PlateLayoutError(f"wells {listed(names)} occur more than once: average them first.")
