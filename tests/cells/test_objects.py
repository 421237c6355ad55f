"""Units are counted within what they lie in, and a cell that is there twice is found."""

import pandas as pd
import pytest

from cellprofiling.cells.objects import count_objects
from cellprofiling.core.errors import ColumnError, KeyMatchError


def cells():
    rows = [("P1", "A01", 1, 2), ("P1", "A02", 2, 1), ("P2", "A01", 1, 4)]
    keys = [
        {"Metadata_Plate": p, "Metadata_Well": w, "Metadata_Site": s, "Metadata_ObjectNumber": o}
        for p, w, sites, n in rows
        for s in range(sites)
        for o in range(n)
    ]
    return pd.DataFrame(keys)


def test_counts_by_hand():
    found = count_objects(cells()).set_index("level")
    assert found["n"].to_dict() == {
        "Metadata_Plate": 2,
        "Metadata_Well": 3,
        "Metadata_Site": 4,
        "Metadata_ObjectNumber": 8,
        "row": 8,
    }
    assert found.loc["Metadata_Well", ["per_parent_min", "per_parent_max"]].tolist() == [1, 2]
    assert found.loc["Metadata_ObjectNumber", "per_parent_median"] == 1.5


def test_a_cell_read_twice_is_named():
    table = cells()
    with pytest.raises(KeyMatchError, match=r"2 of 9 rows share .* with another: 'P1 A01 0 0'; a file was read twice"):
        count_objects(pd.concat([table, table.head(1)]))


def test_levels_that_are_not_there():
    with pytest.raises(ColumnError, match="levels=None: none of"):
        count_objects(pd.DataFrame({"Cells_Area": [1.0]}))
    with pytest.raises(ColumnError, match="Metadata_Donor"):
        count_objects(cells(), ["Metadata_Donor"])


def test_coarse_levels_may_hold_many_rows():
    found = count_objects(cells(), ["Metadata_Plate"])
    assert found["n"].tolist() == [2, 8]
