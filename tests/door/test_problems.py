"""What stands in the way: each problem is said, and is gone when its remedy is followed."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from tests.builders import whole_plates

FEATURES = [name for name in whole_plates() if name.startswith("Cells_")]
Change = Callable[[pd.DataFrame], pd.DataFrame]


def moved(t: pd.DataFrame, rows: pd.Series, by: float = 0.01) -> pd.DataFrame:
    """Return a table with the features of some rows shifted by ten spreads."""
    return t.assign(**{name: t[name] + by * rows for name in FEATURES})


def two_lines(t: pd.DataFrame) -> pd.DataFrame:
    line = pd.Series(np.tile(["A", "B"], len(t) // 2), index=t.index)
    return moved(t.assign(Metadata_Cell_Line=line), line == "B")


def edge_controls(t: pd.DataFrame) -> pd.DataFrame:
    edge = t["Metadata_Well"].isin(["A01", "A12", "H01", "H12"])
    compound = np.where(edge, "DMSO", "c1")
    return t.assign(
        Metadata_Role=np.where(edge, "negcon", "treatment"),
        Metadata_Compound=compound,
        Metadata_Dose=np.where(edge, np.nan, 1.0),
    )


def without(t: pd.DataFrame, column: str, rows: pd.Series) -> pd.DataFrame:
    return t.assign(**{column: t[column].astype(object).where(~rows)})


TREATED = lambda t: t["Metadata_Role"] == "treatment"  # noqa: E731

# What is done to a table in order, what is said of it, and what makes it right again.
CASES: dict[str, tuple[Change, str, Change]] = {
    "sites": (
        lambda t: pd.concat([moved(t.assign(Metadata_Site=i), TREATED(t), i / 100) for i in (1, 2)]),
        r"64 of 64 rows share plate and well with another, first .*they are imaging sites, no replicates; make one row",
        lambda t: cpf.aggregate(
            t.drop(columns="Metadata_Object_Count"),
            by=["Metadata_Plate", "Metadata_Well", "Metadata_Role", "Metadata_Compound"],
        ),
    ),
    "a plate read twice": (
        lambda t: pd.concat([t, t[t["Metadata_Plate"] == "1001"]]),
        r"32 of 48 rows share .*are equal: a plate was read twice; drop the copies with profiles\.drop_dup",
        lambda t: t.drop_duplicates(),
    ),
    "copies under other names": (
        lambda t: pd.concat([t, t.assign(Metadata_Plate="1003")]).drop_duplicates(["Metadata_Plate", "Metadata_Well"]),
        r"hold the same measurements as another",
        lambda t: t.drop_duplicates(subset=FEATURES),
    ),
    "two lines on a plate": (
        two_lines,
        r"'Metadata_Cell_Line' holds 'A', 'B' on one plate, and their controls differ beyond chance \(p = 0\.00",
        lambda t: t[t["Metadata_Cell_Line"] == "A"],
    ),
    "lines on plates of their own": (
        lambda t: t.assign(Metadata_Line=t["Metadata_Plate"].map({"1001": "A", "1002": "B"})),
        r"'Metadata_Line' holds 'A', 'B', each on plates of its own",
        lambda t: t[t["Metadata_Line"] == "A"],
    ),
    "time points in a well": (
        lambda t: pd.concat([moved(t.assign(Metadata_Hours=h), TREATED(t), h / 100) for h in (6, 24)]),
        r"rows that share plate and well differ in 'Metadata_Hours' \(24, 6\): they are no replicates",
        lambda t: t.query("Metadata_Hours == 24"),
    ),
    "a well written two ways": (
        lambda t: t.assign(Metadata_Well=["A1", *t["Metadata_Well"][1:]]),
        r"'Metadata_Well' writes 1 well in several ways \('A01' as 'A01', 'A1'\): they are taken as one",
        lambda t: t.assign(Metadata_Well=["A01", *t["Metadata_Well"][1:]]),
    ),
    "no well names": (
        lambda t: t.assign(Metadata_Well=["well 7", *t["Metadata_Well"][1:]]),
        r"'Metadata_Well' holds 'well 7': no well names",
        lambda t: t.assign(Metadata_Well=["A01", *t["Metadata_Well"][1:]]),
    ),
    "numbers taken as labels": (
        lambda t: t.assign(mystery=np.linspace(0, 1, len(t))),
        r"number columns 'mystery' are taken for labels.* name them in features=\[\.\.\.\]",
        lambda t: t.rename(columns={"mystery": "Metadata_mystery"}),
    ),
    "measurements of the field": (
        lambda t: t.assign(Image_Granularity_1_DNA=0.5, Image_Texture_Contrast_DNA_3_0=0.5),
        r"2 measurements of the field are left aside .*take them with features=\"all\"",
        lambda t: t.drop(columns=["Image_Granularity_1_DNA", "Image_Texture_Contrast_DNA_3_0"]),
    ),
    "a spreadsheet's error": (
        lambda t: t.assign(Cells_AreaShape_Area=["#DIV/0!", *["1.5"] * (len(t) - 1)]),
        r"'Cells_AreaShape_Area' is left aside: '#DIV/0!' in row 0 is no number: make what is no number missing",
        lambda t: t.assign(Cells_AreaShape_Area=pd.to_numeric(t["Cells_AreaShape_Area"], errors="coerce")),
    ),
    "numbers held as objects": (
        lambda t: t.assign(**{FEATURES[0]: t[FEATURES[0]].astype(object)}),
        r"hold numbers as objects or texts; make them numbers with pandas\.to_numeric",
        lambda t: t.assign(**{FEATURES[0]: pd.to_numeric(t[FEATURES[0]])}),
    ),
    "lower case": (
        lambda t: t.rename(columns={"Metadata_Role": "metadata_Role"}),
        r"columns 'metadata_Role' are metadata written in another case.* rename them, as 'Metadata_Role'",
        lambda t: t.rename(columns={"metadata_Role": "Metadata_Role"}),
    ),
    "logarithms": (
        lambda t: t.assign(Metadata_Dose=np.where(TREATED(t), np.arange(len(t)) % 4 - 2.0, np.nan)),
        r"dose='Metadata_Dose': the doses from -2 to 1 look like logarithms; give 10 \*\* dose",
        lambda t: t.assign(Metadata_Dose=10.0 ** t["Metadata_Dose"]),
    ),
    "a dose of zero": (
        lambda t: t.assign(Metadata_Dose=np.where(TREATED(t), np.where(t.index % 2, 0.0, 1.0), np.nan)),
        r"8 treated rows with dose 0: wells without compound are controls",
        lambda t: t.assign(Metadata_Dose=t["Metadata_Dose"].fillna(1.0).replace(0.0, 2.0)),
    ),
    "a compound without dose": (
        lambda t: t.assign(Metadata_Dose=t["Metadata_Dose"].where(t["Metadata_Compound"] != "c01")),
        r"4 treated rows without dose: they are ranked without one",
        lambda t: t.assign(Metadata_Dose=t["Metadata_Dose"].fillna(0.5)),
    ),
    "units that differ": (
        lambda t: t.assign(Metadata_Dose=np.where(TREATED(t), np.where(t.index % 2, "10 nM", "3 µg/ml"), None)),
        r"cannot be converted into each other without a molar mass",
        lambda t: t.assign(Metadata_Dose=np.where(TREATED(t), "10 nM", None)),
    ),
    "a partly used plate": (
        lambda t: t[~t["Metadata_Well"].isin(["A01", "A12", "H01"])],
        r"the plates are taken for 96-well plates: no well lies in the first row",
        lambda t: whole_plates(),
    ),
    "controls at the edge": (
        edge_controls,
        r"all controls lie in edge wells and most other wells do not",
        lambda t: whole_plates(),
    ),
    "no controls": (
        lambda t: t.assign(Metadata_Role="x", Metadata_Compound="c1", Metadata_Dose=1.0),
        r"no controls are named, and no value sounds like one: say reference=",
        lambda t: whole_plates(),
    ),
    "a plate without controls": (
        lambda t: t[~((t["Metadata_Plate"] == "1002") & (t["Metadata_Role"] == "negcon"))],
        r"plates '1002' have no controls \(1 of 2\)",
        lambda t: t[t["Metadata_Plate"] == "1001"],
    ),
    "a missing control type": (
        lambda t: without(t, "Metadata_Role", TREATED(t)),
        r"'Metadata_Role' has no value in 16 rows outside the controls: a missing label matches nothing",
        lambda t: t.assign(Metadata_Role=t["Metadata_Role"].fillna("treatment")),
    ),
    "a missing plate": (
        lambda t: without(t, "Metadata_Plate", t.index == 0),
        r"'Metadata_Plate' has no value in 1 row: they belong to no plate",
        lambda t: t.dropna(subset="Metadata_Plate"),
    ),
    "no wells at all": (
        lambda t: t.assign(Metadata_Well=None),
        r"'Metadata_Well' has no value in 32 rows: they belong to no well",
        lambda t: whole_plates(),
    ),
    "two names of one thing": (
        lambda t: t.assign(batch="B1", Metadata_Batch=["B2", *["B1"] * (len(t) - 1)]),
        r"'batch' and 'Metadata_Batch' have one name and disagree in 1 row; drop the wrong one",
        lambda t: t.drop(columns="batch"),
    ),
    "rows and columns that disagree": (
        lambda t: t.assign(Row=np.arange(len(t)) % 8 + 1, Column=1),
        r"'Metadata_Well' and 'Row', 'Column' name different wells",
        lambda t: t.drop(columns=["Row", "Column"]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_problem_is_said_and_gone_when_its_remedy_is_followed(case: str):
    spoil, sentence, mend = CASES[case]
    spoiled = spoil(whole_plates()).reset_index(drop=True)
    described = cpf.describe(spoiled)
    assert not described.ok
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError("\n".join(described.problems))
    assert not [line for line in cpf.describe(mend(spoiled)).problems if "plates are taken for" not in line]


def test_the_ways_out_of_strata_are_arguments():
    lines = two_lines(whole_plates())
    assert cpf.describe(lines, within="Metadata_Cell_Line").ok
    assert cpf.describe(lines, within=[]).ok
    layout = cpf.describe(lines, within="Metadata_Cell_Line").layout
    assert layout[["plate", "Metadata_Cell_Line", "n_wells"]].values.tolist() == [
        ["1001", "A", 8],
        ["1001", "B", 8],
        ["1002", "A", 8],
        ["1002", "B", 8],
    ]


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("Metadata_Plate > ''", "matches 100% of the rows"),
        ("Metadata_Role == 'poscon'", "matches no row; name a value that occurs"),
        ({"Metadata_Role": ["negcon", "treatment"]}, "matches 100% of the rows"),
    ],
)
def test_a_reference_that_sets_nothing_apart_is_said(reference, sentence: str):
    assert sentence in "\n".join(cpf.describe(whole_plates(), reference=reference).problems)


def test_row_and_column_numbers_may_count_from_0_or_be_letters():
    row, column = whole_plates()["Metadata_Well"].str[0], whole_plates()["Metadata_Well"].str[1:].astype(int)
    number = row.map("ABCDEFGH".index)
    for rows, columns in ((row, column), (number, column - 1), (number + 1, column)):
        assert cpf.describe(whole_plates().assign(Row=rows, Column=columns)).ok


def test_features_that_are_named_are_no_problem():
    described = cpf.describe(whole_plates().assign(mystery=np.linspace(0, 1, 32)), features=[*FEATURES, "mystery"])
    assert described.ok


def test_a_stratum_that_is_named_must_have_values():
    line = np.where(np.arange(32) % 2, "A", None)
    described = cpf.describe(whole_plates().assign(Metadata_Line=line), within="Metadata_Line")
    assert "'Metadata_Line' has no value in 16 rows: they belong to no stratum" in "\n".join(described.problems)


@pytest.mark.parametrize("column", ["Metadata_Compound", "Metadata_Plate", "Metadata_Role", "Metadata_Line"])
def test_lists_in_metadata_stop_nobody(column: str):
    assert "each a well" in repr(cpf.describe(whole_plates().assign(**{column: [["a", "b"]] * 32})))
