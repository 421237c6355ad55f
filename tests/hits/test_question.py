"""What one row is and which wells are exchangeable: asked before anything is tested."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import KeyMatchError, ReferenceRowsError
from tests.builders import NEGCON, noise_screen

CALL = {"by": "Metadata_Compound", "reference": NEGCON}
VERBS = {
    "activity": lambda table, **more: cpf.activity(table, **CALL, permutations=99, **more),
    "rank_hits": lambda table, **more: cpf.rank_hits(table, **CALL, permutations=99, **more),
    "audit_controls": lambda table, **more: cpf.audit_controls(table, **CALL, permutations=99, **more),
}


def sites(wells: pd.DataFrame, n: int = 3) -> pd.DataFrame:
    """Return one row per imaging site: fields of one well are nearly alike."""
    rng = np.random.default_rng(1)
    features = [name for name in wells if name.startswith("Cells_")]
    parts = [wells.assign(Metadata_Site=site) for site in range(1, n + 1)]
    table = pd.concat(parts, ignore_index=True)
    table[features] += 0.2 * rng.normal(size=(len(table), len(features)))
    return table


def two_lines(seed: int = 0, shift: float = 3.0, **options) -> pd.DataFrame:
    """Return a screen without effects of two cell lines on each plate, each with half of the controls and compounds."""
    table = noise_screen(seed, **{"n_compounds": 16, "n_same": 2, "normalized": False} | options)
    number = table["Metadata_Compound"].str.extract(r"c(\d+)")[0].astype(float)
    order = number.fillna(table.groupby("Metadata_Plate").cumcount())
    second = (order % 2 == 1).to_numpy()
    features = [name for name in table if name.startswith("Cells_")]
    table.loc[second, features] += shift * np.linspace(-1, 1, len(features))
    return table.assign(Metadata_CellLine=np.where(second, "U2OS", "A549"))


@pytest.mark.parametrize("verb", VERBS)
def test_sites_are_no_replicates(verb: str) -> None:
    table = sites(noise_screen(n_compounds=6))
    with pytest.raises(KeyMatchError, match=r"share plate and well.*first.*imaging sites.*aggregate\(profiles\)"):
        VERBS[verb](table)


def test_the_remedy_for_sites_works() -> None:
    """One row per well again, and no compound without effect is a hit."""
    wells = noise_screen(n_compounds=6)
    labels = wells[["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Role"]]
    again = cpf.annotate(cpf.aggregate(sites(wells)), labels)
    assert len(again) == len(wells)
    assert not cpf.rank_hits(again, **CALL, permutations=999)["hit"].any()


@pytest.mark.parametrize("verb", VERBS)
def test_a_plate_read_twice_is_refused_and_the_remedy_works(verb: str) -> None:
    wells = noise_screen(n_compounds=6)
    twice = pd.concat([wells, wells[wells["Metadata_Plate"] == "P1"]], ignore_index=True)
    with pytest.raises(KeyMatchError, match=r"read twice; drop the copies with profiles.drop_duplicates\(\)"):
        VERBS[verb](twice)
    pd.testing.assert_frame_equal(VERBS[verb](twice.drop_duplicates()), VERBS[verb](wells))


@pytest.mark.parametrize("verb", VERBS)
def test_one_well_written_two_ways_is_one(verb: str) -> None:
    wells = noise_screen(n_compounds=6)
    other = wells[wells["Metadata_Plate"] == "P1"].copy()
    other["Metadata_Well"] = other["Metadata_Well"].str.replace(r"(?<=[A-P])0", "", regex=True)
    other["Metadata_Plate"] = "P1 "
    with pytest.raises(KeyMatchError, match="share plate and well"):
        VERBS[verb](pd.concat([wells, other], ignore_index=True))


@pytest.mark.parametrize("verb", VERBS)
def test_lines_whose_controls_differ_are_refused_with_two_ways_out(verb: str) -> None:
    table = two_lines()
    with pytest.raises(ReferenceRowsError, match=r"'Metadata_CellLine'.*within='Metadata_CellLine', or within=\[\]"):
        VERBS[verb](table)
    assert len(VERBS[verb](table, within="Metadata_CellLine"))
    assert len(VERBS[verb](table, within=[]))


def test_lines_that_do_not_differ_are_said() -> None:
    """Nothing is refused, and nothing is pooled in silence."""
    wells = noise_screen(n_compounds=6)
    wells["Metadata_CellLine"] = np.where(np.arange(len(wells)) % 2, "A549", "U2OS")
    found = cpf.rank_hits(wells, **CALL, permutations=99)
    assert any("'Metadata_CellLine' holds 'A549', 'U2OS' on one plate" in text for text in found.attrs["sentences"])
    assert cpf.ledger(cpf.activity(wells, **CALL, permutations=99))["item"].eq("stratum").any()


def test_lines_on_plates_of_their_own_are_said() -> None:
    wells = noise_screen(n_compounds=6)
    wells["Metadata_CellLine"] = np.where(wells["Metadata_Plate"].isin(["P0", "P1"]), "A549", "U2OS")
    found = cpf.rank_hits(wells, **CALL, permutations=99)
    assert any("each on plates of its own" in text for text in found.attrs["sentences"])
    rows = cpf.rank_hits(wells, **CALL, permutations=99, within="Metadata_CellLine")
    assert rows.groupby("Metadata_CellLine")["n_plates"].unique().map(list).to_dict() == {"A549": [2], "U2OS": [2]}


def test_each_stratum_is_tested_as_if_it_were_alone() -> None:
    """The rows of one line are those of a table of that line: nothing of the other comes into them."""
    table = two_lines()
    together = cpf.activity(table, **CALL, within="Metadata_CellLine", permutations=400)
    for line, rows in together.groupby("Metadata_CellLine"):
        alone = cpf.activity(table[table["Metadata_CellLine"] == line], **CALL, permutations=400)
        columns = ["Metadata_Compound", "score", "statistic", "p_value", "n_wells", "n_plates", "n_controls"]
        pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True), alone[columns])


@pytest.mark.parametrize("seed", range(20))
def test_two_lines_make_no_hits(seed: int) -> None:
    """Refused, or compared inside each line: then at most what the false discovery rate allows."""
    table = two_lines(seed + 1, n_plates=3)
    with pytest.raises(ReferenceRowsError, match="differ beyond chance"):
        cpf.rank_hits(table, **CALL, permutations=99)
    assert cpf.activity(table, **CALL, within="Metadata_CellLine", permutations=1999)["q_value"].le(0.05).sum() <= 1


def test_controls_of_all_lines_together_make_hits() -> None:
    """The variant that must fail: among the controls of both lines, wells of one line find each other."""
    screens = [two_lines(seed) for seed in range(3)]
    pooled = [cpf.activity(table, **CALL, within=[], permutations=1999)["q_value"] for table in screens]
    assert np.mean([(q <= 0.05).mean() for q in pooled]) > 0.2
    inside = [
        cpf.activity(table, **CALL, within="Metadata_CellLine", permutations=1999)["q_value"] for table in screens
    ]
    assert sum((q <= 0.05).sum() for q in inside) <= 1


def test_order_of_columns_and_rows_changes_nothing_to_the_byte() -> None:
    """Whatever is random or summed is in the order of what wells hold and how features are called."""
    wells = noise_screen(n_compounds=8, effect=1.0, n_features=90)
    again = wells.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    one, other = (cpf.rank_hits(table, **CALL, permutations=499) for table in (wells, again))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert str(one.attrs["audit"]) == str(other.attrs["audit"])
    blocks = {"a": list(wells.filter(like="Cells_").columns[:40]), "b": list(wells.filter(like="Cells_").columns[40:])}
    turned = {name: names[::-1] for name, names in blocks.items()}
    pd.testing.assert_frame_equal(
        cpf.activity(wells, **CALL, permutations=199, blocks=blocks),
        cpf.activity(again, **CALL, permutations=199, blocks=turned),
        check_exact=True,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_named_features_are_the_table_of_these(verb: str) -> None:
    """And a column that the names do not call a feature is one if it is named."""
    wells = noise_screen(n_compounds=6)
    names = list(wells.filter(like="Cells_").columns[:7])
    few = wells[[name for name in wells if name.startswith("Metadata_") or name in names]]
    pd.testing.assert_frame_equal(VERBS[verb](wells, features=names[::-1]), VERBS[verb](few))
    other = few.rename(columns={names[0]: "Cells_Location_Center_X"})
    named = VERBS[verb](other, features=[*names[1:], "Cells_Location_Center_X"])
    assert not named.equals(VERBS[verb](other))
    assert len(named) == len(VERBS[verb](other))
