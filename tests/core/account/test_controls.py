"""The likeliest negative controls."""

import pandas as pd

from cellprofiling.core.account.controls import guess_controls
from cellprofiling.core.account.roles import columns_of
from cellprofiling.core.columns import matches
from tests.builders import wells


def guess(table: pd.DataFrame):
    return guess_controls(table, columns_of(table))


def test_the_word_of_the_control_column_is_taken_and_its_query_means_the_same_rows():
    table = wells()
    likely = guess(table)
    assert likely.query == "Metadata_Role == 'negcon'"
    assert (matches(table, likely.query) == likely.rows(table)).all()


def test_a_solvent_that_every_well_has_is_no_control():
    table = (
        wells()
        .drop(columns="Metadata_Role")
        .assign(Metadata_Solvent="DMSO", Metadata_Compound=wells()["Metadata_Compound"])
    )
    assert guess(table).query == "Metadata_Compound == 'DMSO'"
    bare = table.assign(Metadata_Compound=table["Metadata_Compound"].where(table["Metadata_Compound"] != "DMSO"))
    assert guess(bare).query == "Metadata_Compound.isna()"
    assert (matches(bare, guess(bare).query) == guess(bare).rows(bare)).all()


def test_one_row_or_no_word_is_no_guess():
    table = wells().drop(columns="Metadata_Role").assign(Metadata_Compound="x")
    assert guess(table) is None
    table.iloc[0, table.columns.get_loc("Metadata_Compound")] = "DMSO"
    assert guess(table) is None


def test_a_name_with_a_blank_stands_between_backticks():
    table = wells().rename(columns={"Metadata_Role": "Control Type"})
    assert guess(table).query == "`Control Type` == 'negcon'"
    assert matches(table, guess(table).query).sum() == 16
