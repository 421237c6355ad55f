"""Cell lines, time points, donors, and whether their controls differ."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.account.strata import strata_of
from tests.builders import wells


def two_lines(shift: float, seed: int = 0, n_plates: int = 4) -> pd.DataFrame:
    """Return plates that hold two lines, half of the controls each, `shift` spreads apart."""
    table = wells(n_plates, seed=seed)
    line = np.tile(["A", "B"], len(table) // 2)
    features = [name for name in table if name.startswith("Cells_")]
    moved = table[features].add(1e-3 * shift * (line == "B"), axis=0)
    return pd.concat([table.drop(columns=features).assign(Metadata_Cell_Line=line), moved], axis=1)


def strata(table: pd.DataFrame, **options):
    controls = (table["Metadata_Role"] == "negcon").to_numpy()
    return strata_of(table, "Metadata_Plate", controls=controls, **options)


def test_lines_on_one_plate_whose_controls_differ_are_said_with_the_two_ways_out():
    (line,) = strata(two_lines(2.0))
    assert (line.column, line.values, line.level) == ("Metadata_Cell_Line", ("A", "B"), "well")
    assert line.differs
    assert "say within='Metadata_Cell_Line', or within=[]" in line.sentence


def test_named_columns_and_constant_ones_are_no_matter():
    table = two_lines(2.0).assign(Metadata_Donor="d")
    assert strata(table, within="Metadata_Cell_Line") == []
    assert strata(table, by=["Metadata_Compound", "Metadata_Cell_Line"]) == []


def test_lines_on_plates_of_their_own_are_no_replicates():
    table = wells(4)
    table = table.assign(Metadata_Line=table["Metadata_Plate"].map({"P1": "A", "P2": "A", "P3": "B", "P4": "B"}))
    (line,) = strata(table)
    assert line.level == "plate"
    assert np.isnan(line.p_value)
    assert "are no replicates; name it in by= or within=" in line.sentence


def test_controls_of_equal_lines_differ_as_often_as_chance_says():
    p = [strata(two_lines(0.0, seed), permutations=99)[0].p_value for seed in range(200)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 200)
    assert min(p) >= 1 / 100


def test_order_and_names_change_nothing():
    table = two_lines(0.6)
    (line,) = strata(table)
    renamed = table.sample(frac=1, random_state=1).replace(
        {"Metadata_Cell_Line": {"A": "z"}, "Metadata_Plate": {"P1": "Z9"}}
    )
    assert strata(renamed[list(renamed.columns)[::-1]])[0].p_value == line.p_value


@pytest.mark.parametrize("size", [0, 1])
def test_strata_without_controls_are_not_compared(size: int):
    table = two_lines(2.0)
    few = table[(table["Metadata_Role"] != "negcon") | (table.groupby("Metadata_Plate").cumcount() < size)]
    (line,) = strata(few)
    assert np.isnan(line.p_value)
    assert "their controls were not compared" in line.sentence
