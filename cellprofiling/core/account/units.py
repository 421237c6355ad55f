"""What one row is, and whether two rows are the same well."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.account.roles import NUMBER, Column, Named, columns_of, names_of, one_of_role
from cellprofiling.core.account.spelling import canonical
from cellprofiling.core.account.vocabulary import (
    BOOKKEEPING,
    PERTURBATION,
    PLATE,
    POSITION,
    SITE,
    STRATUM,
    TIME,
    WELL,
    words,
)
from cellprofiling.core.columns import By
from cellprofiling.core.errors import KeyMatchError
from cellprofiling.kernels.arrays import Indices, Mask

CELL, SITE_UNIT, WELL_UNIT, PERTURBATION_UNIT = "cell", "site", "well", "perturbation"
MANY = 20  # rows of one well without any site number: more than sites, so they are cells

OBJECT = re.compile(r"\b(?:object|cell|nucleus|label|track|spot|particle|roi)s?\b|^(?:id|no|nr)$")
PLACE = re.compile(r"(?:^|\b)[xy]\b|centroid|bbox|bounding box")


class Unit(NamedTuple):
    """What one row of a table is.

    Attributes
    ----------
    name : "cell", "site", "well" or "perturbation".
    why : what says so.
    keys : the columns that name a well: plate, well, and strata and time points that differ inside a well.
    shared : which rows share all keys with another.
    pooled : columns of time points and strata in which rows of one well differ.
    """

    name: str
    why: str
    keys: tuple[Any, ...]
    shared: Mask
    pooled: tuple[Any, ...] = ()

    @property
    def n_shared(self) -> int:
        """How many rows share their well with another."""
        return int(self.shared.sum())


def unit_of(
    profiles: pd.DataFrame,
    plate: str | None = None,
    well: str | None = None,
    within: By = None,
    *,
    columns: Sequence[Column] | None = None,
) -> Unit:
    """Return what one row of a table is: a cell, a site, a well or a perturbation.

    Parameters
    ----------
    plate, well : the columns that name them; None finds them under usual names.
    within : columns in which rows of one plate and well may differ and still be different wells (time points).
    columns : the account of the columns, if it is there already.

    Notes
    -----
    Rows of which no two share plate and well (and `within`) are wells, whatever else the table holds. Rows that share
    them are sites if a column of sites tells each from the others, cells if a column numbers objects or says where
    they lie in the image, wells at several time points or of several strata if such a column tells them apart;
    otherwise they are cells where a well has 20 rows and more, and wells that are there more than once where it has
    fewer. A table without wells holds perturbations if a
    column names them. Wells and plates are compared in one spelling (A1 is A01).
    """
    columns = columns if columns is not None else columns_of(profiles, Named(plate=plate, well=well, within=within))
    plate, well = plate or one_of_role(columns, PLATE), well or one_of_role(columns, WELL)
    if well is None:
        return _without_wells(profiles, columns, plate)
    strata = [within] if isinstance(within, str) else list(within or [])
    keys = [name for name in dict.fromkeys([plate, well, *strata]) if name is not None]
    codes = label_codes(profiles, keys, well)
    shared = shares_code(codes)
    if not shared.any():
        return Unit(WELL_UNIT, "no two rows share plate and well", tuple(keys), shared)
    pooled = tuple(_telling(profiles, codes, [*names_of(columns, TIME), *names_of(columns, STRATUM)]))
    sites = _telling(profiles, codes, names_of(columns, SITE))
    if sites and not shares_code(label_codes(profiles, [*keys, *sites], well)).any():
        why = f"rows share plate and well and differ in {str(sites[0])!r}"
        return Unit(SITE_UNIT, why, tuple(keys), shared, pooled)
    objects = _objects(profiles, columns)
    if objects:
        why = f"rows share plate and well, and {str(objects[0])!r} tells objects apart"
        return Unit(CELL, why, tuple(keys), shared, pooled)
    if pooled:
        longer = label_codes(profiles, [*keys, *pooled], well)
        why = f"rows that share plate and well differ in {', '.join(repr(str(name)) for name in pooled)}"
        return Unit(WELL_UNIT, why, (*keys, *pooled), shares_code(longer), pooled)
    typical = float(np.median(np.bincount(codes[codes >= 0])))
    if typical >= MANY:
        return Unit(CELL, f"{typical:,.0f} rows share a plate and well, as cells do", tuple(keys), shared)
    why = "rows have a plate and a well, and nothing tells those apart that share them"
    return Unit(WELL_UNIT, why, tuple(keys), shared)


def refuse_shared_wells(
    profiles: pd.DataFrame, *, plate: str | None = None, well: str | None = None, within: By = None
) -> Unit:
    """Return the unit of a table of wells; refuse rows that share plate and well (and stratum).

    Raises
    ------
    KeyMatchError
        The first such well is named, and the remedy that fits.
    """
    unit = unit_of(profiles, plate, well, within)
    problem = shared_wells_problem(profiles, unit)
    if problem:
        raise KeyMatchError(problem)
    return unit


def shared_wells_problem(profiles: pd.DataFrame, unit: Unit) -> str:
    """Return the sentence on rows that share a well, with the remedy; empty if there are none."""
    if unit.pooled and unit.name == WELL_UNIT:
        names = ", ".join(repr(str(name)) for name in unit.pooled)
        values = "; ".join(_few(profiles[name]) for name in unit.pooled)
        return (
            f"rows that share plate and well differ in {names} ({values}): they are no replicates of each other; "
            f"take one with a query, or name the column in by= and within=."
        )
    if unit.name == PERTURBATION_UNIT or not unit.n_shared:
        return ""
    first = _first(profiles, unit)
    start = f"profiles: {unit.n_shared:,} of {len(profiles):,} rows share plate and well with another, first {first}"
    if unit.name in (CELL, SITE_UNIT):
        what = "cells" if unit.name == CELL else "imaging sites"
        return f"{start}: they are {what}, no replicates; make one row per well with aggregate(profiles)."
    if _equal_rows(profiles, unit):
        return f"{start}, and are equal: a plate was read twice; drop the copies with profiles.drop_duplicates()."
    return (
        f"{start}: one well is one replicate; make one row per well with aggregate(profiles), or, if they are "
        "different plates, give each its own plate name."
    )


def label_codes(profiles: pd.DataFrame, keys: Sequence[Any], well: Any = None) -> Indices:
    """Return a number for each row that rows with the same labels share, -1 where one is missing.

    Labels are compared in one spelling; `well` is the one of `keys` that names wells.
    """
    texts = pd.DataFrame(
        {i: canonical(profiles[name], well=well is not None and name == well) for i, name in enumerate(keys)}
    )
    codes = texts.groupby(list(texts), sort=True, dropna=True).ngroup().to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(codes), -1, codes).astype(np.intp)


def shares_code(codes: Indices) -> Mask:
    """Return which rows have a number that another row has, too."""
    if not len(codes) or codes.max() < 0:
        return np.zeros(len(codes), dtype=bool)
    counts = np.bincount(codes[codes >= 0])
    return (codes >= 0) & (counts[np.maximum(codes, 0)] > 1)


def _without_wells(profiles: pd.DataFrame, columns: Sequence[Column], plate: Any) -> Unit:
    none = np.zeros(len(profiles), dtype=bool)
    keys = () if plate is None else (plate,)
    objects = _objects(profiles, columns)
    if objects:
        return Unit(CELL, f"no column names a well, and {str(objects[0])!r} tells objects apart", keys, none)
    name = one_of_role(columns, PERTURBATION)
    if name is not None and plate is None:
        return Unit(
            PERTURBATION_UNIT, f"no column names a plate or a well; {str(name)!r} names perturbations", keys, none
        )
    return Unit(WELL_UNIT, "no column names a well: each row is taken for one", keys, none)


def _objects(profiles: pd.DataFrame, columns: Sequence[Column]) -> list[Any]:
    """Return columns that number objects, or say where they lie in an image."""
    numbering = [
        column.name
        for column in columns
        if column.role == BOOKKEEPING and OBJECT.search(words(str(column.name))) and column.kind == NUMBER
    ]
    positions = [
        column.name
        for column in columns
        if column.role == POSITION and column.kind == NUMBER and PLACE.search(words(str(column.name)))
    ]
    return [name for name in [*numbering, *positions] if _varies(profiles[name])]


def _telling(profiles: pd.DataFrame, codes: Indices, names: Sequence[Any]) -> list[Any]:
    """Return the columns in which rows of one well differ."""
    there = codes >= 0
    return [name for name in names if _varies_in(canonical(profiles[name]).to_numpy()[there], codes[there])]


def _varies(values: pd.Series) -> bool:
    present = values.dropna().to_numpy()
    return bool(len(present)) and bool((present != present[0]).any())


def _varies_in(values: NDArray[Any], codes: Indices) -> bool:
    """Return whether some group holds different values; a missing one differs from none."""
    pairs = pd.DataFrame({"code": codes, "value": values}).dropna().drop_duplicates()
    return bool(pairs["code"].duplicated().any())


def _first(profiles: pd.DataFrame, unit: Unit) -> str:
    """Return the first well that rows share, by name, as words."""
    well = unit.keys[1] if len(unit.keys) > 1 else unit.keys[0]
    texts = pd.DataFrame(
        {i: canonical(profiles[name], well=well is not None and name == well) for i, name in enumerate(unit.keys)}
    )
    shared = texts[unit.shared]
    counts = shared.groupby(list(shared)).size()
    values = counts.index[0] if isinstance(counts.index[0], tuple) else (counts.index[0],)
    named = ", ".join(f"{name}={value!r}" for name, value in zip(unit.keys, values, strict=True))
    return f"{named} ({int(counts.iloc[0])} rows)"


def _equal_rows(profiles: pd.DataFrame, unit: Unit) -> bool:
    """Return whether all rows that share a well are copies of each other."""
    rows = profiles[unit.shared]
    try:
        return bool(rows.duplicated(keep=False).all())
    except TypeError:  # lists
        return False


def _few(values: pd.Series) -> str:
    texts = sorted(set(canonical(values).dropna()))
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")
