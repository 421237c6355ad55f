"""Verbs that compare wells compare them inside cell lines, and a table of two lines is two tables."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import KeyMatchError, ReferenceRowsError
from tests.builders import NEGCON
from tests.hits.test_dosed import DOSE, series
from tests.hits.test_question import two_lines

LINE = "Metadata_CellLine"
CALL = {"by": "Metadata_Compound", "reference": NEGCON}
DOSES = CALL | {"dose": DOSE}


def summary(table: pd.DataFrame, **more) -> pd.DataFrame:
    return cpf.summarize_hits(cpf.explain(table, **CALL, **more), table, **CALL, **more)


AGAINST_CONTROLS = {
    "compare_features": lambda table, **more: cpf.compare_features(table, **CALL, **more),
    "explain": lambda table, **more: cpf.explain(table, **CALL, **more),
    "summarize_hits": summary,
}
OF_DOSES = {
    "fit_doses": lambda table, **more: cpf.fit_doses(table, **DOSES, **more, permutations=99, bootstraps=0),
    "dose_responses": lambda table, **more: cpf.dose_responses(table, **DOSES, **more),
    "titration_similarity": lambda table, **more: cpf.titration_similarity(table, **DOSES, **more),
}


def doses_of_two_lines() -> pd.DataFrame:
    """Return dose series in two lines on the same plates, whose features lie apart."""
    one, other = series(0), series(1)
    features = list(other.filter(like="Cells_"))
    other[features] += 5.0
    other["Metadata_Well"] = other["Metadata_Well"].str.replace("A", "C").str.replace("B", "D")
    return pd.concat([one.assign(**{LINE: "A549"}), other.assign(**{LINE: "U2OS"})], ignore_index=True)


def table_of(verb: str) -> pd.DataFrame:
    return two_lines() if verb in AGAINST_CONTROLS else doses_of_two_lines()


@pytest.mark.parametrize("verb", AGAINST_CONTROLS | OF_DOSES)
def test_lines_whose_controls_differ_are_refused_with_two_ways_out(verb: str) -> None:
    call, table = (AGAINST_CONTROLS | OF_DOSES)[verb], table_of(verb)
    with pytest.raises(ReferenceRowsError, match=r"'Metadata_CellLine'.*within='Metadata_CellLine', or within=\[\]"):
        call(table)
    assert len(call(table, within=[]))
    assert len(call(table, within=LINE))


@pytest.mark.parametrize("verb", AGAINST_CONTROLS | OF_DOSES)
def test_rows_that_share_a_well_are_refused(verb: str) -> None:
    call, table = (AGAINST_CONTROLS | OF_DOSES)[verb], table_of(verb)
    with pytest.raises(KeyMatchError, match="read twice"):
        call(pd.concat([table, table.iloc[:5]]), within=LINE)


@pytest.mark.parametrize("verb", ["compare_features", "explain", "fit_doses", "dose_responses"])
def test_each_line_is_as_if_it_were_alone(verb: str) -> None:
    call, table = (AGAINST_CONTROLS | OF_DOSES)[verb], table_of(verb)
    together = call(table, within=LINE)
    columns = {
        "compare_features": ["Metadata_Compound", "feature", "difference"],
        "explain": ["Metadata_Compound", "group", "n_wells", "n_controls"],
        "fit_doses": ["Metadata_Compound", "n_wells", "n_controls"],
        "dose_responses": ["Metadata_Compound", DOSE],
    }[verb]
    for line, rows in together.groupby(LINE):
        alone = call(table[table[LINE] == line])
        pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True), alone[columns].reset_index(drop=True))


def test_a_column_of_features_is_fitted_inside_each_line() -> None:
    """Responses are differences from the controls of the line: five lower than where both lines are pooled."""
    table = doses_of_two_lines()
    inside = cpf.dose_responses(table, **DOSES, response="Cells_f0", within=LINE)
    pooled = cpf.dose_responses(table, **DOSES, response="Cells_f0", within=[])
    for line, rows in inside.groupby(LINE):
        alone = cpf.dose_responses(table[table[LINE] == line], **DOSES, response="Cells_f0")
        np.testing.assert_allclose(rows["response"], alone["response"], rtol=1e-9)
    assert (inside["response"] - pooled["response"]).abs().min() > 2


@pytest.mark.parametrize("verb", ["compare_features", "explain", *OF_DOSES])
def test_named_features_are_the_table_of_these(verb: str) -> None:
    call, table = (AGAINST_CONTROLS | OF_DOSES)[verb], table_of(verb)
    names = list(table.filter(like="Cells_"))[:5]
    few = table[[name for name in table if name.startswith("Metadata_") or name in names]]
    pd.testing.assert_frame_equal(call(table, within=LINE, features=names), call(few, within=LINE))


@pytest.mark.parametrize("seed", [0, 1])
def test_wells_find_each_other_only_inside_their_line(seed: int) -> None:
    """Each line is as if it were alone, and q-values are of all rows."""
    table = two_lines(seed, n_plates=2)
    treated = table[table["Metadata_Role"] != "negcon"]
    call = {"by": "Metadata_Compound", "permutations": 199}
    together = cpf.distinctiveness(treated, **call, within=LINE)
    assert list(together)[:2] == ["Metadata_Compound", LINE]
    for line, rows in together.groupby(LINE):
        alone = cpf.distinctiveness(treated[treated[LINE] == line], **call)
        columns = ["Metadata_Compound", "score", "p_value", "n_controls"]
        pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True), alone[columns])
    pooled = cpf.distinctiveness(treated, **call)
    assert pooled["n_controls"].max() > together["n_controls"].max()
    assert cpf.ledger(pooled)["item"].eq("stratum").any()
    with pytest.raises(KeyMatchError, match="read twice"):
        cpf.distinctiveness(pd.concat([treated, treated.iloc[:3]]), **call)


def test_labels_are_dealt_only_inside_a_line() -> None:
    table = two_lines()
    treated = table[table["Metadata_Role"] != "negcon"].assign(Metadata_Target="x")
    treated.loc[treated["Metadata_Compound"] < "c008", "Metadata_Target"] = "y"
    call = {"by": "Metadata_Compound", "label": "Metadata_Target", "permutations": 99}
    together = cpf.consistency(treated, **call, within=LINE)
    assert list(together)[:2] == ["Metadata_Target", LINE]
    for line, rows in together.groupby(LINE):
        alone = cpf.consistency(treated[treated[LINE] == line], **call)
        pd.testing.assert_series_equal(rows["p_value"].reset_index(drop=True), alone["p_value"])


def test_pairs_that_vanish_for_missing_labels_are_said() -> None:
    table = two_lines(n_plates=2)
    table["Metadata_Control"] = np.where(table["Metadata_Role"] == "negcon", "negcon", None)
    call = {"positives": {"same": ["Metadata_Compound"]}, "negatives": {"different": ["Metadata_Control"]}}
    scores = cpf.average_precision(table, **call)
    assert scores["average_precision"].isna().all()
    lines = cpf.ledger(scores)
    assert lines.loc[lines["item"] == "label", "name"].tolist() == ["Metadata_Control"]
    filled = cpf.average_precision(table.fillna({"Metadata_Control": "treated"}), **call)
    assert filled["average_precision"].notna().any()
    assert not cpf.ledger(filled)["item"].eq("label").any()


def test_replicates_agree_inside_their_line() -> None:
    table = two_lines(n_plates=2)
    treated = table[table["Metadata_Role"] != "negcon"]
    call = {"by": "Metadata_Compound", "draws": 50}
    together = cpf.percent_replicating(treated, **call, within=LINE)
    assert together[LINE].tolist() == ["A549", "A549", "U2OS", "U2OS"]
    for line, rows in together.groupby(LINE):
        alone = cpf.percent_replicating(treated[treated[LINE] == line], **call)
        pd.testing.assert_frame_equal(rows.drop(columns=LINE).reset_index(drop=True), alone)
        assert together.attrs["distributions"][line] == alone.attrs["distributions"]


def test_neighbors_are_those_by_the_features_that_are_named() -> None:
    table = two_lines(n_plates=2).assign(Metadata_Target=lambda wells: wells["Metadata_Compound"].str[-1])
    names = list(table.filter(like="Cells_"))[:5]
    few = table[[name for name in table if name.startswith("Metadata_") or name in names]]
    call = {"by": "Metadata_Compound", "label": "Metadata_Target", "not_same": []}
    for verb in (cpf.enrich_neighbors, lambda wells, **more: cpf.predict_mechanism(wells, permutations=9, **more)):
        pd.testing.assert_frame_equal(verb(table, **call, features=names), verb(few, **call))
        assert not verb(table, **call).equals(verb(few, **call))
