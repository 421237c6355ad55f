"""A row is compared with controls of its own cell line, and what is not said about cell lines stands in the ledger."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError
from tests.builders import NEGCON, noise_screen

LINE = "Metadata_Cell_Line"
PLATE = "Metadata_Plate"

VERBS: dict[str, Callable[..., pd.DataFrame]] = {
    "normalize": cpf.normalize,
    "fit_normalization": lambda table, **more: cpf.fit_normalization(table, **more).apply(table),
    "pooled": lambda table, **more: cpf.normalize(table, pool_scale_by="Metadata_Batch", **more),
    "whiten": lambda table, **more: cpf.whiten(table, by=PLATE, **more),
    "fit_whitening": lambda table, **more: cpf.fit_whitening(table, by=PLATE, **more).apply(table),
    "correct_position": lambda table, **more: cpf.correct_position(table, ridge=1.0, **more),
    "one surface": lambda table, **more: cpf.correct_position(table, ridge=1.0, pool_by="Metadata_Batch", **more),
    "well_mean": lambda table, **more: cpf.correct_position(
        table, "well_mean", perturbation="Metadata_Compound", min_plates=1, max_fixed=1.0, **more
    ),
    "regress_out": lambda table, **more: cpf.regress_out(table, "Metadata_Object_Count", by=PLATE, **more),
    "single_batch": lambda table, **more: cpf.run_steps(table, "single_batch", **more),
}
SAYS = [name for name in VERBS if not name.startswith("fit_")]  # verbs that return a table of their own


def features_of(table: pd.DataFrame) -> list[str]:
    return [name for name in table if not str(name).startswith("Metadata_")]


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """Two cell lines on each of two plates, far apart in level and spread; each has 24 controls on a plate."""
    table = noise_screen(n_compounds=8, n_same=2, n_controls=48, n_features=8, n_plates=2, normalized=False)
    order = table.groupby(PLATE).cumcount()
    second = (order % 2 == 1).to_numpy()
    names = features_of(table)
    table.loc[second, names] = 3 * table.loc[second, names] + 40 * np.arange(1, len(names) + 1)
    count = np.random.default_rng(1).integers(80, 120, len(table))
    return table.assign(
        Metadata_Cell_Line=np.where(second, "U2OS", "A549"), Metadata_Batch="B1", Metadata_Object_Count=count
    )


@pytest.mark.parametrize("verb", [name for name in VERBS if name != "single_batch"])  # selection sees all rows
def test_each_line_is_as_if_it_were_alone(lines: pd.DataFrame, verb: str) -> None:
    """With `within`, what is done to one cell line does not depend on the other; without, it does."""
    alone = lines[lines[LINE] == "A549"]
    function, names = VERBS[verb], features_of(lines)
    expected = function(alone, reference=NEGCON, within=LINE)
    both = function(lines, reference=NEGCON, within=LINE).loc[alone.index]
    pd.testing.assert_frame_equal(both[names], expected[names], rtol=1e-9, atol=1e-9)
    pooled = function(lines, reference=NEGCON, within=[]).loc[alone.index]
    assert not np.allclose(pooled[names], expected[names], rtol=1e-3)


def test_controls_of_each_line_are_the_origin(lines: pd.DataFrame) -> None:
    scores = cpf.run_steps(lines, "single_batch", reference=NEGCON, by="Metadata_Compound", within=LINE)
    controls = scores[scores["Metadata_Role"] == "negcon"]
    centers = controls.groupby([PLATE, LINE])[features_of(scores)].median()
    assert centers.abs().to_numpy().max() < 1e-9
    with pytest.raises(ColumnError, match=r"^within='Metadata_CellLine': no such column"):
        cpf.run_steps(lines, "single_batch", reference=NEGCON, within="Metadata_CellLine")


@pytest.mark.parametrize("verb", SAYS)
def test_lines_that_nobody_names_stand_in_the_ledger(lines: pd.DataFrame, verb: str) -> None:
    """The remedy in the sentence ends it, and so does saying that there are none."""
    told = cpf.ledger(VERBS[verb](lines, reference=NEGCON)).query("item == 'stratum'")
    assert set(told["name"]) == {LINE}
    assert told["reason"].str.contains("controls differ beyond chance").all()
    assert told["reason"].str.contains("say within='Metadata_Cell_Line', or within=[]", regex=False).all()
    for within in (LINE, [LINE], []):
        again = cpf.ledger(VERBS[verb](lines, reference=NEGCON, within=within))
        assert not (again["item"] == "stratum").any()


def test_lines_named_in_by_are_named(lines: pd.DataFrame) -> None:
    by = cpf.normalize(lines, by=[PLATE, LINE], reference=NEGCON)
    assert not (cpf.ledger(by)["item"] == "stratum").any()
    pd.testing.assert_frame_equal(by, cpf.normalize(lines, within=LINE, reference=NEGCON))


def test_lines_whose_controls_are_alike_are_not_told(lines: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    alike = lines.assign(**{name: rng.normal(size=len(lines)) for name in features_of(lines)})
    assert not (cpf.ledger(cpf.normalize(alike, reference=NEGCON))["item"] == "stratum").any()


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_line_is_of_the_argument_that_names_it(lines: pd.DataFrame, verb: str) -> None:
    table = lines.copy()
    table.iloc[3, table.columns.get_loc(LINE)] = np.nan
    with pytest.raises(ColumnError, match=r"within='Metadata_Cell_Line': 1 of \d+ rows have no value there"):
        VERBS[verb](table, reference=NEGCON, within=LINE)
