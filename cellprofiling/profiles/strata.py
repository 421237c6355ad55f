"""Cell lines, time points, donors: groups in which rows are compared with their own controls, and what is not said."""

from collections.abc import Sequence

import pandas as pd

from cellprofiling.core.account.roles import Column, columns_of, one_of_role
from cellprofiling.core.account.strata import strata_of
from cellprofiling.core.account.vocabulary import FEATURE, PLATE, STRATUM, TIME
from cellprofiling.core.columns import By, Reference, groups, require, rows
from cellprofiling.core.ledgers import Line, lines


def group_columns(profiles: pd.DataFrame, by: By, within: By) -> list[str]:
    """Return the columns whose combinations are groups; a missing value is of the argument that names its column."""
    for argument, columns in (("by", by), ("within", within)):
        groups(profiles, columns, argument)
    return list(dict.fromkeys([*require(profiles, by, "by"), *require(profiles, within, "within")]))


def stratum_lines(
    step: str, profiles: pd.DataFrame, features: Sequence[str], *, by: By, within: By, reference: Reference
) -> list[Line]:
    """Return a ledger line for each stratum on a plate that nobody names and whose controls differ beyond chance.

    Parameters
    ----------
    features : the measured columns.
    within : as given; anything but None says that the user thought of it.
    reference : which rows are the controls; None, which is all rows, compares nothing.
    """
    if within is not None or reference is None:
        return []
    measured = set(features)
    columns = columns_of(profiles[[name for name in profiles.columns if name not in measured]])
    if not any(column.role in (STRATUM, TIME) for column in columns):
        return []
    labels = [column for column in columns if column.role != FEATURE]
    account = [*labels, *(Column(name, FEATURE, "named by the verb") for name in features)]
    names = require(profiles, by, "by")
    plate = one_of_role(columns, PLATE) or (names[0] if len(names) == 1 else None)
    strata = strata_of(profiles, plate, by=names, controls=rows(profiles, reference), columns=account)
    return [
        line
        for stratum in strata
        if stratum.level == "well" and stratum.differs
        for line in lines(step, "stratum", [stratum.column], stratum.sentence)
    ]
