"""Plates as patterns that can be laid over each other: cell counts and the first principal components, well by well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, By, groups, is_metadata, is_there, require
from cellprofiling.core.errors import ColumnError, InputError, PlateLayoutError, listed
from cellprofiling.core.frame import split
from cellprofiling.core.plates import parse_wells, plate_shape
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.plate_components import plate_components
from cellprofiling.kernels.plates.layouts import layouts_by_content
from cellprofiling.kernels.plates.patterns import polished
from cellprofiling.kernels.scale.missing import fill_with_median

N_COMPONENTS = 3


@dataclass(frozen=True)
class Plates:
    """Plates as grids.

    Attributes
    ----------
    names : of the plates, sorted.
    layout : number of the layout of each plate.
    layout_names : of the layouts.
    patterns : one per measure, each of shape (n_plates, n_rows, n_columns), wells that are not there NaN.
    """

    names: list[str]
    layout: Indices
    layout_names: list[str]
    patterns: list[Doubles]


def find_plates(
    profiles: pd.DataFrame,
    *,
    by: By,
    plate: str,
    well: str,
    count: str,
    platemaps: pd.DataFrame | str | None = None,
    features: Sequence[str] | None = None,
    x: Doubles | None = None,
) -> Plates:
    """Take a table of wells apart into plates and their patterns; `x` are its features where these have been read."""
    require(profiles, [plate, well], "plate and well")
    code, keys = groups(profiles, plate, "plate")
    wells = parse_wells(profiles[well], well)
    shape = plate_shape(wells.format)
    place = wells.row * shape[1] + wells.column
    _refuse_doubled(profiles, code, place, plate, well)
    layout, layout_names = _find_layouts(
        profiles, platemaps, by=by, plate=plate, well=well, code=code, keys=keys, place=place
    )
    patterns = []
    measures = [*_counts(profiles, count), *_components(profiles, code, (plate, well, count), features, x)]
    if not measures:
        raise ColumnError(
            f"profiles: neither {count!r} nor features to compare plates by; name the column of cell counts with "
            f"count=. Columns are {listed(profiles.columns, limit=20)}."
        )
    for values in measures:
        grids = np.full((len(keys), shape[0] * shape[1]), np.nan)
        grids[code, place] = values
        patterns.append(polished(grids.reshape(-1, *shape)))
    return Plates(keys[plate].astype(str).tolist(), layout, layout_names, patterns)


def _refuse_doubled(profiles: pd.DataFrame, code: Indices, place: Indices, plate: str, well: str) -> None:
    doubled = pd.DataFrame({"plate": code, "place": place}).duplicated().to_numpy()
    if doubled.any():
        first = profiles.loc[doubled, [plate, well]].iloc[0]
        raise PlateLayoutError(
            f"profiles: {int(doubled.sum())} rows share plate and well with another, the first {first.iloc[0]} "
            f"{first.iloc[1]}: give one row per well, or name the columns with plate= and well=."
        )


def _counts(profiles: pd.DataFrame, count: str) -> list[Doubles]:
    """Return the logarithm of the cell count of each well, if there is one."""
    if not is_there(profiles, count, COUNT, "count"):
        return []
    cells = profiles[count].to_numpy(dtype=np.float64, na_value=np.nan)
    if (cells < 0).any() or np.isinf(cells).any():
        raise InputError(f"count={count!r}: cell counts are 0 or more and finite.")
    return [np.log1p(cells)]


def _components(
    profiles: pd.DataFrame,
    code: Indices,
    labels: Sequence[str],
    features: Sequence[str] | None,
    x: Doubles | None,
) -> list[Doubles]:
    """Return the first components of the features of each well; none where there are no features."""
    if x is None:
        rest = profiles.drop(columns=[name for name in labels if name in profiles])
        if features is None and all(is_metadata(name) for name in rest):
            features = ()
        if features is not None and not len(features):
            return []
        x = fill_with_median(split(rest, features).x, code)
    return list(plate_components(x, code, N_COMPONENTS).T)


def _find_layouts(
    profiles: pd.DataFrame,
    platemaps: pd.DataFrame | str | None,
    *,
    by: By,
    plate: str,
    well: str,
    code: Indices,
    keys: pd.DataFrame,
    place: Indices,
) -> tuple[Indices, list[str]]:
    """Return the number of the layout of each plate, and the names of layouts."""
    if isinstance(platemaps, str):
        return _named(profiles, require(profiles, platemaps, "platemaps")[0], plate, keys[plate])
    if platemaps is not None:
        require(platemaps, plate, "platemaps")
        labels = [str(name) for name in platemaps if name not in (plate, well)]
        if well in platemaps:
            return _alike(_beside(profiles, platemaps, plate, well), labels, code, place)
        if len(labels) != 1:
            raise ColumnError(
                f"platemaps: has {len(labels)} columns beside {plate!r}; give one with the name of the map of each "
                f"plate, or one row per well with {well!r}."
            )
        return _named(platemaps, labels[0], plate, keys[plate])
    if by is None:
        raise InputError(
            "platemaps=None: say which plates share a layout: platemaps= with the column that names the map of each "
            "plate, or by= with the columns that name what is in a well."
        )
    return _alike(profiles, require(profiles, by, "by"), code, place)


def _beside(profiles: pd.DataFrame, platemap: pd.DataFrame, plate: str, well: str) -> pd.DataFrame:
    """Return what the platemap says of each row of the profiles."""
    doubled = platemap.duplicated([plate, well])
    if doubled.any():
        raise PlateLayoutError(f"platemaps: {int(doubled.sum())} rows share plate and well with another row.")
    return profiles[[plate, well]].merge(platemap, on=[plate, well], how="left")


def _named(table: pd.DataFrame, name: str, plate: str, plates: pd.Series) -> tuple[Indices, list[str]]:
    """Return layouts by name; a plate has one."""
    pairs = table[[plate, name]].drop_duplicates().set_index(plate)[name]
    doubled = pairs.index[pairs.index.duplicated()].unique()
    known = set(pairs.index[pairs.notna()])
    missing = [each for each in plates if each not in known]
    if len(doubled) or missing:
        what, bad = ("more than one map", list(doubled)) if len(doubled) else ("no map", missing)
        raise ColumnError(f"platemaps: plates {listed(map(str, bad))} have {what} in {name!r}.")
    codes, names = pd.factorize(pairs.loc[plates].astype(str), sort=True)
    return codes.astype(np.intp), [str(each) for each in names]


def _alike(table: pd.DataFrame, by: list[str], code: Indices, place: Indices) -> tuple[Indices, list[str]]:
    """Return layouts by content: plates are one if nearly all wells that they share hold the same."""
    label = table[by].reset_index(drop=True).groupby(by, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    layout, n_layouts = layouts_by_content(label.astype(np.intp), code, place)
    return layout, [f"layout {i + 1}" for i in range(n_layouts)]
