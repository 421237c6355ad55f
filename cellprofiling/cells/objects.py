"""How many plates, wells, images and cells there are, one within the other, and whether each cell is there once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, groups, require
from cellprofiling.core.errors import ColumnError, KeyMatchError, listed

LEVELS = (
    ("Metadata_Batch",),
    (PLATE,),
    (WELL,),
    ("Metadata_Site", "Metadata_Field", "Metadata_ImageNumber"),
    ("Metadata_ObjectNumber",),
)


def count_objects(cells: pd.DataFrame, levels: Sequence[str] | None = None) -> pd.DataFrame:
    """
    Return how many units each level of a screen has, and how many lie in each unit of the level above.

    Parameters
    ----------
    cells : pandas.DataFrame
        One row per cell.
    levels : list of str or None, default None
        The columns that name a cell, the coarsest first. None takes, as far as they are there, ``Metadata_Batch``,
        ``Metadata_Plate``, ``Metadata_Well``, the first of ``Metadata_Site``, ``Metadata_Field`` and
        ``Metadata_ImageNumber``, and ``Metadata_ObjectNumber``.

    Returns
    -------
    pandas.DataFrame
        One row per level, the coarsest first, and one for the rows of the table: ``level``, ``n`` (units, each told by
        its name and the names of what it lies in), ``per_parent_median``, ``per_parent_min`` and ``per_parent_max``
        (how many lie in one unit of the level above; of the first level all).

    Raises
    ------
    ColumnError
        If a level is not there, or has no value in some rows.
    KeyMatchError
        If the levels end with ``Metadata_ObjectNumber`` and name two rows alike: the cell was read twice.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=2, compounds=4, controls=4, cells_per_well=20, features=20)
    >>> cpf.count_objects(screen.cells)[["level", "n"]].head(3)
                level   n
    0  Metadata_Plate   2
    1   Metadata_Well  16
    2   Metadata_Site  32
    """
    checks.arguments(locals(), cells=checks.table, levels=checks.optional(checks.columns))
    chosen = _present(cells) if levels is None else require(cells, list(levels), "levels")
    if not chosen:
        raise ColumnError(f"levels=None: none of {listed([name for level in LEVELS for name in level])} is there.")
    units = [groups(cells, chosen[: i + 1], "levels")[0] for i in range(len(chosen))]
    _refuse_doubled(cells, chosen, units[-1])
    above = [np.zeros(len(cells), dtype=np.intp), *units]
    rows = [_counted(name, *pair) for name, *pair in zip(chosen, above, units, strict=False)]
    return pd.DataFrame([*rows, _counted("row", units[-1], np.arange(len(cells)))])


def _present(cells: pd.DataFrame) -> list[str]:
    found = ([name for name in level if name in cells][:1] for level in LEVELS)
    return [name for level in found for name in level]


def _counted(level: str, parent: np.ndarray, unit: np.ndarray) -> dict[str, object]:
    first = np.unique(unit, return_index=True)[1]
    inside = np.bincount(parent[first])
    inside = inside[inside > 0]
    return {
        "level": level,
        "n": len(first),
        "per_parent_median": float(np.median(inside)) if len(inside) else 0.0,
        "per_parent_min": int(inside.min(initial=len(first))),
        "per_parent_max": int(inside.max(initial=0)),
    }


def _refuse_doubled(cells: pd.DataFrame, levels: Sequence[str], unit: np.ndarray) -> None:
    if levels[-1] != LEVELS[-1][0]:
        return
    doubled = np.bincount(unit)[unit] > 1
    if doubled.any():
        keys = cells.loc[doubled, list(levels)].drop_duplicates().itertuples(index=False, name=None)
        raise KeyMatchError(
            f"cells: {int(doubled.sum())} of {len(cells)} rows share {listed(levels)} with another: "
            f"{listed([' '.join(map(str, key)) for key in keys])}; a file was read twice, or another column is needed "
            "in levels=."
        )
