"""What each well is: by the labels of its cells, or by the platemap."""

import numpy as np
import pandas as pd

from cellprofiling.cells.sampling.plan import SamplePlan
from cellprofiling.core.columns import is_metadata
from cellprofiling.core.errors import ColumnError, KeyMatchError, PlateLayoutError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.plates import standard_wells
from cellprofiling.kernels.arrays import Indices


def describe_wells(table: pd.DataFrame, codes: Indices, plan: SamplePlan, step: str) -> tuple[pd.DataFrame, list[Line]]:
    """Return what each well is; `_known` says whether the platemap has it."""
    first = np.unique(codes, return_index=True)[1]
    for name in plan.labels:
        number = pd.factorize(table[name], use_na_sentinel=False)[0]
        if (number != number[first][codes]).any():
            raise ColumnError(f"{name!r}: has several values in a well; it must say what the well is.")
    wells = table[[*plan.place, *plan.labels]].iloc[first].reset_index(drop=True)
    if plan.platemap is None:
        return wells.assign(_known=True), []
    on = [name for name in plan.place if name in plan.platemap]
    if not on:
        raise ColumnError(f"platemap: has none of the columns {listed(plan.place)} that name a well.")
    platemap = plan.platemap.assign(**{plan.well: _spelled(plan.platemap[plan.well])} if plan.well in on else {})
    if platemap.duplicated(on).any():
        raise KeyMatchError(f"platemap: the same {' and '.join(on)} occurs more than once; give one row per well.")
    kept = [str(name) for name in platemap if name in on or (is_metadata(name) and name not in wells)]
    keys = wells[plan.place].assign(**{plan.well: _spelled(wells[plan.well])})
    found = keys.merge(platemap[kept].assign(_known=True), on=on, how="left").drop(columns=plan.place)
    beside = pd.concat([wells, found], axis=1)
    beside["_known"] = beside["_known"].eq(True)
    if not beside["_known"].any():
        raise KeyMatchError(
            f"platemap: has no row for any of the wells {listed(well_names(wells, plan))}; compare how "
            f"{' and '.join(on)} are written."
        )
    absent = beside[~beside["_known"]]
    return beside, lines(step, "well", well_names(absent, plan), "left out: not in the platemap")


def _spelled(wells: pd.Series) -> pd.Series:
    """Return names of wells as A01 if all are names of wells, so that A1 of one table is A01 of another."""
    try:
        return standard_wells(wells.astype(str))
    except PlateLayoutError:
        return wells


def well_names(wells: pd.DataFrame, plan: SamplePlan) -> list[str]:
    return [" ".join(map(str, row)) for row in wells[plan.place].itertuples(index=False)]
