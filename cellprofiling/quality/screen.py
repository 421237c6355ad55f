"""What the checks look at: the wells, which of them are controls, and what the platemap promised."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.core.frame import COUNT, PLATE, WELL, Reference, columns_once, feature_columns, groups, require, rows
from cellprofiling.core.plates import parse_wells, standard_wells

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Screen:
    """One row per well, in the order given.

    Attributes
    ----------
    keys : Metadata_Plate and Metadata_Well as text, well names as `A01`.
    count : cells per well; missing where unknown.
    controls, positives : masks of control wells; nothing where they were not named.
    edge : whether a well lies at the plate edge.
    finite : which features a well has, shape (n_wells, n_features).
    expected : plates and wells of the platemap.
    hits : the hit list; empty if none was given.
    absent : what was not given (count, controls, positives, platemap, features, hits), each with the reason.
    """

    keys: pd.DataFrame
    count: Floats
    controls: Mask
    positives: Mask
    edge: Mask
    finite: Mask
    expected: pd.DataFrame
    hits: pd.DataFrame
    absent: Mapping[str, str]

    def plates(self) -> Iterator[tuple[str, Mask]]:
        """Yield each plate and the mask of its rows, sorted by name."""
        plate = self.keys[PLATE].to_numpy(dtype=object)
        for name in sorted(set(plate)):
            yield name, plate == name

    def lacks(self, *needs: str) -> str:
        """Return why the first of `needs` is absent, or nothing."""
        return next((self.absent[name] for name in needs if name in self.absent), "")


def look(
    wells: pd.DataFrame,
    *,
    platemap: pd.DataFrame | None,
    reference: Reference,
    positive: Reference,
    hits: pd.DataFrame | None,
    plate: str,
    well: str,
    count: str,
) -> Screen:
    """Gather what the checks look at; metadata that only the platemap knows is looked up there."""
    columns_once(wells)
    if not len(wells):
        raise InputError("wells: the table has no rows.")
    keys = _keys(wells, plate, well, "wells")
    expected = keys.iloc[:0] if platemap is None else _expected(platemap, keys, plate, well)
    annotated = wells if platemap is None else _annotated(wells, keys, platemap, plate, well)
    counts, no_count = _counts(wells, count)
    finite, no_features = _finite(wells, count)
    absent = {
        "count": no_count,
        "features": no_features,
        "platemap": NO_PLATEMAP if platemap is None else "",
        "controls": NO_REFERENCE if reference is None else "",
        "positives": NO_POSITIVE if positive is None else "",
        "hits": NO_HITS if hits is None or not hits.attrs.get("audit") else "",
    }
    return Screen(
        keys=keys,
        count=counts,
        controls=_named(annotated, reference, "reference"),
        positives=_named(annotated, positive, "positive"),
        edge=(parse_wells([*keys[WELL], *expected[WELL]], well).edge_distance() == 0)[: len(keys)],
        finite=finite,
        expected=expected,
        hits=pd.DataFrame() if hits is None else hits,
        absent={name: why for name, why in absent.items() if why},
    )


NO_PLATEMAP = "No platemap was given."
NO_REFERENCE = "No negative controls were named: give reference=, as in \"Metadata_Role == 'negcon'\"."
NO_POSITIVE = "No positive controls were named, so there is nothing to hold the negative ones against."
NO_HITS = "No hit list with its audit was given: rank_hits() makes one."
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


def _counts(wells: pd.DataFrame, count: str) -> tuple[Floats, str]:
    if count not in wells.columns and count == COUNT:
        return np.full(len(wells), np.nan), NO_COUNT
    require(wells, count, "count")
    return wells[count].to_numpy(dtype=np.float64, na_value=np.nan), ""


def _finite(wells: pd.DataFrame, count: str) -> tuple[Mask, str]:
    try:
        names = [name for name in feature_columns(wells) if name != count]
    except FeatureError as error:  # a table of counts alone can be checked for all else
        return np.empty((len(wells), 0), dtype=bool), str(error)
    return np.isfinite(wells[names].to_numpy(dtype=np.float64, na_value=np.nan)), ""
