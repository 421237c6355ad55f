"""What a verdict does to a table: leave wells out, blank their features, or mark them."""

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL, groups
from cellprofiling.core.errors import KeyMatchError, one_of
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.plates import standard_wells

ACTIONS = ("drop", "mask", "flag")
STEP = "quality"
STATUS, REASONS = "Metadata_QC_status", "Metadata_QC_reasons"


def act(
    table: pd.DataFrame, action: str, wells: pd.DataFrame, plates: pd.DataFrame, plate: str, well: str
) -> pd.DataFrame:
    """Return the table after an action; `wells` and `plates` are the flags of each level."""
    one_of("action", action, ACTIONS)
    groups(table, [plate, well], "plate and well")
    keys = pd.DataFrame({PLATE: table[plate].astype(str), WELL: standard_wells(table[well])}, index=table.index)
    said = keys.merge(wells.drop_duplicates([PLATE, WELL]), on=[PLATE, WELL], how="left").set_axis(table.index)
    if said[STATUS].isna().all():
        raise KeyMatchError(
            f"table: none of its {len(table)} wells was checked; the first is {first_key(keys)}, the first that was "
            f"checked {first_key(wells)}."
        )
    if action == "flag":
        flags = {STATUS: said[STATUS].fillna("skipped"), REASONS: said[REASONS].fillna("not checked")}
        return written(table.assign(**flags), table)
    failed_plates = plates[plates[STATUS] == "fail"]
    on_failed = keys[PLATE].isin(failed_plates[PLATE]).to_numpy()
    failed = (said[STATUS] == "fail").to_numpy()
    new = [*_of_plates(failed_plates, keys, action), *_of_wells(said[failed & ~on_failed], action)]
    if action == "drop":
        return written(table[~(failed | on_failed)].copy(), table, new=new)
    names = feature_columns(table)
    blank = table[names].astype(np.float64) if not _floats(table[names]) else table[names].copy()
    blank.loc[failed | on_failed] = np.nan
    return written(pd.concat([table.drop(columns=names), blank], axis=1)[list(table.columns)], table, new=new)


def first_key(keys: pd.DataFrame) -> str:
    """Return plate and well of the first row, as text."""
    return " ".join(str(value) for value in keys[[PLATE, WELL]].iloc[0])


def _of_plates(failed: pd.DataFrame, keys: pd.DataFrame, action: str) -> list[Line]:
    found: list[Line] = []
    for name, reasons in zip(failed[PLATE], failed[REASONS], strict=True):
        n = int((keys[PLATE] == name).sum())
        found += lines(STEP, "plate", [name], f"{DONE[action]}: {reasons}", n=n) if n else []
    return found


def _of_wells(failed: pd.DataFrame, action: str) -> list[Line]:
    named = zip(failed[PLATE], failed[WELL], failed[REASONS], strict=True)
    return [line for p, w, why in named for line in lines(STEP, "well", [f"{p} {w}"], f"{DONE[action]}: {why}")]


DONE = {"drop": "left out", "mask": "features set to missing"}


def _floats(values: pd.DataFrame) -> bool:
    return all(np.issubdtype(dtype, np.floating) for dtype in values.dtypes if isinstance(dtype, np.dtype)) and all(
        isinstance(dtype, np.dtype) for dtype in values.dtypes
    )
