"""The tables that were given, made into what the checks look at."""

from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, columns_once, groups, is_there, require, rows
from cellprofiling.core.errors import ColumnError, FeatureError, KeyMatchError, listed
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.plates import Wells, parse_wells, plate_shape, standard_wells
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.quality.actions import first_key
from cellprofiling.quality.checks.tables.declared import Declared, find_readouts
from cellprofiling.quality.screen import Screen, Texts
from cellprofiling.quality.sources import flagged_shares, image_measures

BATCH = "Metadata_Batch"


def look(
    wells: pd.DataFrame,
    *,
    platemap: pd.DataFrame | None,
    reference: Reference,
    positive: Reference,
    hits: pd.DataFrame | None,
    profiles: pd.DataFrame | None,
    readouts: Declared,
    by: By,
    order: str | None,
    batch: str,
    cells: Any,
    images: Any,
    plate: str,
    well: str,
    count: str,
) -> Screen:
    """Gather what the checks look at; metadata that only the platemap knows is looked up there."""
    columns_once(wells)
    require(wells, plate, "plate")
    require(wells, well, "well")
    given = _keys(wells, plate, well, "wells")
    expected = given.iloc[:0] if platemap is None else _expected(platemap, given, plate, well)
    annotated = wells if platemap is None else _annotated(wells, given, platemap, plate, well)
    counts, no_count = _counts(wells, count)
    names, no_features = _feature_names(wells, count)
    declared = find_readouts(readouts, [str(name) for name in names])
    n = _sorted_rows(given, counts, wells, names)
    keys, counts = given.iloc[n], counts[n]
    position = parse_wells([*keys[WELL], *expected[WELL]], well)
    x, infinite = _values(wells, names)
    normal, normal_infinite, normal_names, no_profiles = _profiles(profiles, keys, plate, well, count)
    by, no_treatment = _perturbation(by, hits, annotated)
    ranks, no_order = _order(annotated, given, order)
    flagged, no_cells = flagged_shares(cells, wells, given, plate, well, count)
    measured, no_images = image_measures(images, plate, well)
    absent = {
        "count": no_count,
        "features": no_features,
        "readouts": "" if len(declared) else NO_READOUTS,
        "platemap": NO_PLATEMAP if platemap is None else "",
        "controls": NO_REFERENCE if reference is None else "",
        "positives": NO_POSITIVE if positive is None else "",
        "hits": NO_HITS if hits is None or not hits.attrs.get("audit") else "",
        "profiles": no_profiles,
        "treatment": no_treatment,
        "batch": "" if is_there(annotated, batch, BATCH, "batch") else f"The wells have no column {batch!r}.",
        "order": no_order,
        "cells": no_cells,
        "images": no_images,
    }
    return Screen(
        metadata=annotated[[name for name in annotated.columns if name not in set(names)]].iloc[n],
        row=n,
        keys=keys,
        position=Wells(position.row[: len(keys)], position.column[: len(keys)]),
        shape=plate_shape(position.format),
        count=counts,
        controls=_named(annotated, reference, "reference")[n],
        positives=_named(annotated, positive, "positive")[n],
        edge=(position.edge_distance() == 0)[: len(keys)],
        x=x[n],
        infinite=infinite,
        features=tuple(map(str, names)),
        declared=declared,
        profiles=normal,
        profile_features=normal_names,
        profile_infinite=normal_infinite,
        by=tuple(by),
        treatment=_texts(annotated, by)[n],
        batch=_texts(annotated, [batch] if batch in annotated.columns else [])[n],
        order=ranks[n],
        cells=flagged,
        images=measured,
        expected=expected,
        hits=pd.DataFrame() if hits is None else hits,
        absent={name: why for name, why in absent.items() if why},
    )


NO_PLATEMAP = "No platemap was given."
NO_REFERENCE = "No negative controls were named: give reference=, as in \"Metadata_Role == 'negcon'\"."
NO_POSITIVE = "No positive controls were named, so there is nothing to hold the negative ones against."
NO_HITS = "No hit list with its audit was given: rank_hits() makes one."
NO_READOUTS = "No readouts were declared (readouts=), features that controls must differ in."
NO_TREATMENT = 'What is in the wells was not said: give by=, as in by="Metadata_Compound".'
NO_ORDER = "The order in which plates were acquired was not given (order=): plates are taken by name."
NO_PROFILES = "No normalized profiles were given (profiles=)."
NO_COUNT = f"The table has no column {COUNT!r}: aggregate() adds it, or name yours with count=."


def _keys(table: pd.DataFrame, plate: str, well: str, argument: str) -> pd.DataFrame:
    groups(table, [plate, well], argument)  # a key that is missing is an error
    return pd.DataFrame({PLATE: table[plate].astype(str), WELL: standard_wells(table[well])}, index=table.index)


def _expected(platemap: pd.DataFrame, keys: pd.DataFrame, plate: str, well: str) -> pd.DataFrame:
    if plate in platemap.columns:
        return _keys(platemap, plate, well, "platemap")
    require(platemap, well, "platemap")
    every = standard_wells(platemap[well]).rename(WELL).to_frame()
    return keys[[PLATE]].drop_duplicates().merge(every, how="cross")  # one layout for all plates


def _annotated(wells: pd.DataFrame, keys: pd.DataFrame, platemap: pd.DataFrame, plate: str, well: str) -> pd.DataFrame:
    """Return the metadata of the wells with the columns that only the platemap has; a doubled key counts once."""
    on = [PLATE, WELL] if plate in platemap.columns else [WELL]
    known = {WELL: standard_wells(platemap[well])}
    if plate in platemap.columns:
        known[PLATE] = platemap[plate].astype(str)
    new = [name for name in platemap.columns if name not in wells.columns]
    lookup = platemap[new].assign(**known).drop_duplicates(subset=on)
    found = keys[on].merge(lookup, on=on, how="left", validate="many_to_one").set_axis(wells.index)
    return pd.concat([wells, found[new]], axis=1)


def _named(annotated: pd.DataFrame, reference: Reference, argument: str) -> Mask:
    return np.zeros(len(annotated), dtype=bool) if reference is None else rows(annotated, reference, argument)


def _counts(wells: pd.DataFrame, count: str) -> tuple[Doubles, str]:
    if count not in wells.columns and count == COUNT:
        return np.full(len(wells), np.nan), NO_COUNT
    require(wells, count, "count")
    return wells[count].to_numpy(dtype=np.float64, na_value=np.nan), ""


def _feature_names(wells: pd.DataFrame, count: str) -> tuple[list[str], str]:
    """Return the names of the features, or why there are none."""
    try:
        names = [name for name in feature_columns(wells) if name != count]
    except FeatureError as error:  # a table of counts alone can be checked for all else
        return [], str(error)
    return names, "" if names else "The table has no features."


def _values(table: pd.DataFrame, names: list[str]) -> tuple[Floats, Indices]:
    """Return features with infinite values set to missing, and how many of each there were."""
    if not names:
        return np.empty((len(table), 0)), np.zeros(0, dtype=np.intp)
    single = bool((table.dtypes[names] == np.float32).all())
    x = np.array(table[names].to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan), order="C")
    infinite = np.isinf(x)
    x[infinite] = np.nan
    return x, infinite.sum(axis=0)


def _sorted_rows(keys: pd.DataFrame, counts: Doubles, wells: pd.DataFrame, names: list[str]) -> Indices:
    """Return row numbers sorted by plate and well, those of one well by what they hold."""
    content = np.zeros(len(keys), dtype=np.intp)
    doubled = keys.duplicated([PLATE, WELL], keep=False).to_numpy()
    if doubled.any():
        held = np.column_stack([counts[doubled], _values(wells[doubled], names)[0]])
        content[np.flatnonzero(doubled)[content_order(held)]] = np.arange(doubled.sum())
    return np.lexsort((content, keys[WELL].to_numpy(dtype=str), keys[PLATE].to_numpy(dtype=str)))


def _profiles(
    profiles: pd.DataFrame | None, keys: pd.DataFrame, plate: str, well: str, count: str
) -> tuple[Floats | None, Indices, tuple[str, ...], str]:
    """Return the normalized features of the wells of `keys`, where they were infinite, and their names."""
    none = np.zeros(0, dtype=np.intp)
    if profiles is None:
        return None, none, (), NO_PROFILES
    there = _keys(profiles, plate, well, "profiles").reset_index(drop=True)
    first = there.reset_index().drop_duplicates([PLATE, WELL])
    row = keys.merge(first, on=[PLATE, WELL], how="left")["index"].to_numpy(dtype=float)
    known = ~np.isnan(row)
    if not known.any():
        raise KeyMatchError(
            f"profiles: none of the {len(keys)} wells is in it; its first is {first_key(there)}, that of wells "
            f"{first_key(keys)}."
        )
    names = [name for name in feature_columns(profiles) if name != count]
    values, infinite = _values(profiles, names)
    x = np.full((len(keys), len(names)), np.nan, dtype=values.dtype)
    x[known] = values[row[known].astype(np.intp)]
    return x, infinite, tuple(map(str, names)), ""


def _perturbation(by: By, hits: pd.DataFrame | None, annotated: pd.DataFrame) -> tuple[list[str], str]:
    """Return the columns that name a perturbation: those that were given, or those of the hit list."""
    if by is not None:
        return require(annotated, by, "by"), ""
    asked = [] if hits is None else hits.attrs.get("parameters", {}).get("by", [])
    found = [name for name in asked if name in annotated.columns]
    return (found, "") if found and len(found) == len(asked) else ([], NO_TREATMENT)


def _texts(annotated: pd.DataFrame, names: list[str]) -> Texts:
    """Return some columns as one text per row, "" where one of them is missing."""
    if not names:
        return np.full(len(annotated), "", dtype=object)
    known = annotated[names].notna().all(axis=1).to_numpy()
    texts = np.full(len(annotated), "", dtype=object)
    words = [annotated[name].to_numpy(dtype=object)[known] for name in names]
    texts[known] = [" | ".join(map(str, row)) for row in zip(*words, strict=True)]
    return texts


def _order(annotated: pd.DataFrame, keys: pd.DataFrame, order: str | None) -> tuple[Indices, str]:
    """Return the rank of each well's plate in acquisition; the first value of a plate counts."""
    if order is None:
        plates = np.unique(keys[PLATE].to_numpy(dtype=object), return_inverse=True)[1]
        return plates.astype(np.intp), NO_ORDER
    require(annotated, order, "order")
    values = annotated[order]
    lacking = sorted(keys.loc[values.isna(), PLATE].unique())
    if lacking:
        raise ColumnError(f"order={order!r}: wells of plates {listed(lacking)} have no value there; fill it in.")
    first = values.groupby(keys[PLATE].to_numpy()).min()
    return (keys[PLATE].map(first.rank(method="dense")).to_numpy(dtype=np.float64) - 1).astype(np.intp), ""
