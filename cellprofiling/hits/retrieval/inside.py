"""A verb that compares wells with each other, called inside each stratum: no pair spans two cell lines."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cellprofiling.core.account.strata import strata_of
from cellprofiling.core.account.units import refuse_shared_wells
from cellprofiling.core.columns import PLATE, By, groups, require
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg


def strata_lines(profiles: pd.DataFrame, step: str, by: By, plate: str | None, within: By) -> list[Line]:
    """Return ledger lines on strata that the user does not name; rows that share a well are refused."""
    refuse_shared_wells(profiles, plate=plate, within=within)
    if within is not None:
        return []
    plate = PLATE if plate is None and PLATE in profiles else plate
    strata = strata_of(profiles, plate, by=by)
    return [line for stratum in strata for line in lines(step, "stratum", ["all"], stratum.sentence)]


def in_strata(
    profiles: pd.DataFrame, within: By, at: int, call: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Return the results of all strata, one after the other; q-values are of all rows together.

    Parameters
    ----------
    at : where the columns of the stratum go.
    call : takes the wells of a stratum.
    """
    names = require(profiles, within, "within")
    codes, keys = groups(profiles, names, "within")
    parts = []
    for code, key in enumerate(keys.itertuples(index=False)):
        part = call(profiles[codes == code])
        for place, (name, value) in enumerate(zip(keys, key, strict=True)):
            if name not in part:
                part.insert(min(at + place, part.shape[1]), name, value)
        parts.append(part)
    result = pd.concat(parts, ignore_index=True)
    if "q_value" in result:
        result["q_value"] = benjamini_hochberg(result["p_value"].to_numpy(np.float64))
    return written(result, *parts)
