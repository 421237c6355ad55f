"""Where each cell sits among others: how crowded it is there, how far the next cell is, whether an islet ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cellprofiling.cells.source import opened
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, columns_once, groups, require
from cellprofiling.core.errors import ColumnError, InputError, listed
from cellprofiling.core.ledgers import written
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.derived import Derived, with_derived
from cellprofiling.io.objects.partitions import stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.cells.surroundings import surroundings

DENSITY, NEAREST, EDGE = "Metadata_Local_Density", "Metadata_Nearest_Distance", "Metadata_Islet_Edge"
COLUMNS = (DENSITY, NEAREST, EDGE)
EXPECTED = 10  # neighbors in the disc of the default radius; fewer say little, more are no neighbors
WIDE = 120  # degrees without a neighbor that make the edge of an islet
IMAGE = ("Metadata_Site", "Metadata_Field", "Metadata_ImageNumber")
CENTERS = (
    *(f"{part}_{group}_Center_" for part in ("Nuclei", "Cells", "Cytoplasm") for group in ("Location", "AreaShape")),
    *("Location_Center_", "AreaShape_Center_", "Metadata_Center_", "Metadata_Position_", "Position "),
)


@dataclass(frozen=True)
class Images:
    """Which columns say where a cell lies, and what an image spans.

    Attributes
    ----------
    by : columns whose values make an image.
    place : columns of x and y.
    low, high : smallest and largest x and y of all cells.
    radius : how far neighbors lie at most.
    """

    by: list[str]
    place: list[str]
    low: Doubles
    high: Doubles
    radius: float

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        return [*self.by, *self.place]

    def places(self, cells: pd.DataFrame) -> Doubles:
        """Return x and y of each cell; one that is not finite is missing."""
        places = cells[self.place].to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(places), places, np.nan)

    def codes(self, cells: pd.DataFrame) -> Indices:
        """Return the number of the image of each cell."""
        return groups(cells, self.by, "image")[0]


def measure_neighborhood(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    radius: float | None = None,
    image: By = None,
    x: str | None = None,
    y: str | None = None,
) -> pd.DataFrame | Cells:
    """
    Add to each cell how crowded it is around it, how far the next cell is, and whether it sits at the edge of an islet.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells opened by `open_cells`, or what it can open.
    radius : float or None, default None
        How far neighbors lie at most, in the unit of the positions. None takes the radius within which the median
        image would hold ten neighbors.
    image : str or list of str or None, default None
        The columns whose values make an image. None takes plate, well and the first of ``Metadata_Site``,
        ``Metadata_Field`` and ``Metadata_ImageNumber`` that there is.
    x, y : str or None, default None
        The columns with the center of each cell. None looks for ``Nuclei_Location_Center_X`` and its like.

    Returns
    -------
    pandas.DataFrame or Cells
        The cells with three more columns of metadata: ``Metadata_Local_Density`` (neighbors within the radius by the
        area of that disc that lies in the image), ``Metadata_Nearest_Distance`` (to the nearest cell of the image;
        infinite where there is none) and ``Metadata_Islet_Edge`` (whether 120 degrees and more around the cell are free
        of neighbors; a cell without any sits at an edge). A cell without a position has missing values and no islet
        edge. Cells in files are measured whenever they are read. ``attrs["neighborhood"]`` (of ``.schema`` for `Cells`)
        holds ``radius``, ``low`` and ``high`` of the positions.

    Raises
    ------
    ColumnError
        If the columns of positions or images are not there, or the cells have been measured already.
    InputError
        If `radius` is not positive, or no cell has a position.

    See Also
    --------
    correct_context : Features less what crowding explains of them.
    measure_clustering : Whether cells that are alike lie together.

    Notes
    -----
    These are no features, for they say where a cell is and not what it is like; a treatment that kills cells changes
    all of them. Images are taken to span from the smallest to the largest position of all cells. What lies beyond the
    border of an image is unknown: the disc is cut there, and directions in which the image ends within the radius do
    not count as free.

    References
    ----------
    Snijder and others (2009), doi 10.1038/nature08282, for what the context of a cell explains.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> cells = pd.DataFrame({
    ...     "Metadata_Well": "A01",
    ...     "Nuclei_Location_Center_X": [0.0, 50.0, 53.0, 100.0],
    ...     "Nuclei_Location_Center_Y": [0.0, 50.0, 54.0, 100.0],
    ... })
    >>> cpf.measure_neighborhood(cells, radius=10).filter(like="Metadata_").drop(columns="Metadata_Well").round(4)
       Metadata_Local_Density  Metadata_Nearest_Distance  Metadata_Islet_Edge
    0                  0.0000                    70.7107                 True
    1                  0.0032                     5.0000                 True
    2                  0.0032                     5.0000                 True
    3                  0.0000                    65.7647                 True
    """
    checks.arguments(locals())
    cells = opened(cells)
    if isinstance(cells, Cells):
        return _measure_files(cells, radius, image, x, y)
    _refuse_measured(cells)
    images = find_images(cells, radius, image, x, y)
    measured = pd.concat([cells, _measure(images, cells, COLUMNS)], axis=1)
    measured.attrs = {**cells.attrs, "neighborhood": _record(images)}
    return written(measured, cells, new=[])


def find_images(cells: pd.DataFrame, radius: float | None, image: By, x: str | None, y: str | None) -> Images:
    """Return where the cells lie, and how far neighbors do."""
    columns_once(cells)
    if radius is not None and not (np.isfinite(radius) and radius > 0):
        raise InputError(f"radius={radius}: give a positive length, in the unit of the positions.")
    by = require(cells, _image_columns(cells) if image is None else image, "image")
    found = Images(by, _place_columns(cells, x, y), np.zeros(2), np.zeros(2), 1.0)
    places = found.places(cells)
    known = np.isfinite(places).all(axis=1)
    if not known.any():
        raise InputError(f"cells: none of {len(cells)} cells has a position in {listed(found.place)}.")
    low, high = places[known].min(axis=0), places[known].max(axis=0)
    usual = _usual_radius(found.codes(cells)[known], low, high)
    return replace(found, low=low, high=high, radius=usual if radius is None else float(radius))


def _measure(images: Images, cells: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
    around = surroundings(images.places(cells), images.codes(cells), images.radius, images.low, images.high)
    found = {DENSITY: around.density, NEAREST: around.nearest, EDGE: around.gap >= np.deg2rad(WIDE)}
    return pd.DataFrame(found, index=cells.index)[list(asked)]


def _measure_files(cells: Cells, radius: float | None, image: By, x: str | None, y: str | None) -> Cells:
    _refuse_measured(cells.schema)
    by = require(cells.schema, _image_columns(cells.schema) if image is None else image, "image")
    place = _place_columns(cells.schema, x, y)
    everywhere = stacked([partition.read([*by, *place]) for partition in cells.partitions])
    images = find_images(everywhere, radius, by, *place)
    derived = Derived(COLUMNS, tuple(images.columns), partial(_measure, images))
    added = pd.DataFrame({DENSITY: [0.0], NEAREST: [0.0], EDGE: [False]}).iloc[:0]
    schema = pd.concat([cells.schema, added], axis=1)
    schema.attrs = {**cells.schema.attrs, "neighborhood": _record(images)}
    return replace(cells, partitions=tuple(with_derived(piece, derived) for piece in cells.partitions), schema=schema)


def _refuse_measured(schema: pd.DataFrame) -> None:
    there = [name for name in COLUMNS if name in schema]
    if there:
        raise ColumnError(f"cells: columns {listed(there)} are there already; drop them to measure anew.")


def _image_columns(cells: pd.DataFrame) -> list[str]:
    keys = [name for name in (PLATE, WELL) if name in cells]
    keys += [name for name in IMAGE if name in cells][:1]
    if not keys:
        raise ColumnError(
            f"image=None: none of {listed([PLATE, WELL, *IMAGE])} is there; name the columns of an image."
        )
    return keys


def _place_columns(cells: pd.DataFrame, x: str | None, y: str | None) -> list[str]:
    if x is not None and y is not None:
        return [*require(cells, x, "x"), *require(cells, y, "y")]
    if (x is None) != (y is None):
        raise InputError(f"x={x!r}, y={y!r}: name both columns of the position, or none.")
    for start in CENTERS:
        pair = [f"{start}X", f"{start}Y"]
        if all(name in cells for name in pair):
            return pair
    raise ColumnError(
        "x=None: no columns such as 'Nuclei_Location_Center_X' and 'Nuclei_Location_Center_Y' say where a cell lies; "
        "name them with x= and y=."
    )


def _usual_radius(image: Indices, low: Doubles, high: Doubles) -> float:
    cells_per_image = np.bincount(image)
    density = np.median(cells_per_image[cells_per_image > 0]) / max(float(np.prod(high - low)), 1e-300)
    span = float(np.max(high - low))
    return float(min(np.sqrt(EXPECTED / (np.pi * density)), span)) if span > 0 else 1.0


def _record(images: Images) -> dict[str, float | list[float]]:
    return {"radius": images.radius, "low": images.low.tolist(), "high": images.high.tolist()}
