"""What one row is, and the refusal of rows that share a well."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.account.units import refuse_shared_wells, unit_of
from cellprofiling.core.errors import KeyMatchError
from tests.builders import wells


def sites(n: int = 3) -> pd.DataFrame:
    table = wells()
    return pd.concat([table.assign(Metadata_Site=i) for i in range(n)], ignore_index=True)


def test_one_row_per_well_is_a_well():
    unit = unit_of(wells())
    assert unit.name == "well"
    assert unit.keys == ("Metadata_Plate", "Metadata_Well")
    assert not unit.shared.any()
    assert refuse_shared_wells(wells()).name == "well"


def test_rows_that_a_column_of_sites_tells_apart_are_sites_and_refused():
    unit = unit_of(sites())
    assert unit.name == "site"
    assert unit.shared.all()
    with pytest.raises(
        KeyMatchError, match=r"144 of 144 rows .*first Metadata_Plate='P1', Metadata_Well='.+' \(3 rows\).*aggregate"
    ):
        refuse_shared_wells(sites())


def test_a_plate_read_twice_is_refused_and_dropping_copies_is_right():
    twice = pd.concat([wells(), wells()], ignore_index=True)
    assert unit_of(twice).name == "well"
    with pytest.raises(
        KeyMatchError, match=r"are equal: a plate was read twice; drop the copies with profiles\.drop_dup"
    ):
        refuse_shared_wells(twice)
    assert not refuse_shared_wells(twice.drop_duplicates()).shared.any()


def test_a_plate_imaged_twice_is_refused_and_another_plate_name_is_right():
    again = wells(seed=1).assign(Metadata_Well=wells()["Metadata_Well"])
    twice = pd.concat([wells(), again], ignore_index=True)
    with pytest.raises(KeyMatchError, match="give each its own plate name"):
        refuse_shared_wells(twice)
    renamed = pd.concat([wells(), again.assign(Metadata_Plate=again["Metadata_Plate"] + "b")], ignore_index=True)
    assert not refuse_shared_wells(renamed).shared.any()


@pytest.mark.parametrize("column", ["ObjectNumber", "Nuclei_Location_Center_X", "cell_label"])
def test_rows_that_number_or_place_objects_are_cells(column: str):
    table = pd.concat([wells(), wells()], ignore_index=True)
    assert unit_of(table.assign(**{column: np.arange(len(table)) % 5})).name == "cell"


def test_many_rows_of_a_well_without_any_numbering_are_cells():
    assert unit_of(pd.concat([wells()] * 25, ignore_index=True)).name == "cell"


def test_time_points_of_a_well_are_no_replicates_until_they_are_named():
    table = pd.concat([wells().assign(Metadata_Time=h) for h in (24, 48)], ignore_index=True)
    unit = unit_of(table)
    assert unit.name == "well"
    assert unit.pooled == ("Metadata_Time",)
    with pytest.raises(KeyMatchError, match=r"differ in 'Metadata_Time' \(24, 48\): they are no replicates"):
        refuse_shared_wells(table)
    assert not refuse_shared_wells(table, within="Metadata_Time").shared.any()
    assert not refuse_shared_wells(table.query("Metadata_Time == 24")).shared.any()


def test_a_well_written_two_ways_is_one_well():
    table = wells()
    again = table.assign(
        Metadata_Well=table["Metadata_Well"].str.replace("(?<=[A-P])0", "", regex=True),
        Metadata_Plate=table["Metadata_Plate"] + " ",
    )
    assert unit_of(pd.concat([table, again])).shared.sum() == 2 * len(table)


def test_tables_without_wells():
    consensus = pd.DataFrame({"Metadata_Compound": ["a", "b"], "Cells_AreaShape_Area": [1.0, 2.0]})
    assert unit_of(consensus).name == "perturbation"
    assert unit_of(pd.DataFrame({"mystery": [1.0, 2.0]})).name == "well"
    assert unit_of(pd.DataFrame({"label": [1, 2, 3], "area": [1.0, 2.0, 3.0]})).name == "cell"


def test_no_rows_share_nothing():
    assert not unit_of(wells().iloc[:0]).shared.any()
