"""The language of queries: what it means, and that nothing else can be reached from it."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.columns import matches, named, rows
from cellprofiling.core.errors import ReferenceRowsError
from cellprofiling.core.queries import METHODS, columns_of


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 60
    role = rng.choice(np.array(["negcon", "poscon", "treatment", None], dtype=object), n)
    return pd.DataFrame(
        {
            "Metadata_Role": role,
            "Metadata_Plate": rng.choice([1001, 1002, 1003], n),
            "Metadata_Well": [f"{'ABCDEF'[i % 6]}{i // 6 + 1:02d}" for i in range(n)],
            "Metadata_Dose": np.where(rng.random(n) < 0.2, np.nan, rng.choice([0.1, 1, 10], n)),
            "Metadata_Flagged": rng.random(n) < 0.3,
            "Metadata_Cell line": pd.Categorical(rng.choice(["A549", "U2OS"], n)),
            "Metadata_Date": pd.to_datetime("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
            "Metadata_Größe": rng.integers(0, 5, n),
            "Cells_Area": rng.normal(100, 20, n),
            "Nuclei_Area": rng.normal(50, 5, n),
        },
        index=rng.permutation(n) + 7,
    )


FORMS = {
    "Metadata_Role == 'negcon'": lambda t: t.Metadata_Role == "negcon",
    '"negcon" == Metadata_Role': lambda t: t.Metadata_Role == "negcon",
    "Metadata_Role in ['negcon', 'poscon']": lambda t: t.Metadata_Role.isin(["negcon", "poscon"]),
    "Metadata_Role == ['negcon', 'poscon']": lambda t: t.Metadata_Role.isin(["negcon", "poscon"]),
    "Metadata_Role not in ('negcon',)": lambda t: ~t.Metadata_Role.isin(["negcon"]),
    "Metadata_Role is missing": lambda t: t.Metadata_Role.isna(),
    "Metadata_Role is not missing": lambda t: t.Metadata_Role.notna(),
    "Metadata_Role.isna() | Metadata_Dose.isnull()": lambda t: t.Metadata_Role.isna() | t.Metadata_Dose.isna(),
    "Metadata_Dose between 1 and 10": lambda t: t.Metadata_Dose.between(1, 10),
    "Metadata_Dose not between 1 and 10": lambda t: ~t.Metadata_Dose.between(1, 10),
    "0.1 < Metadata_Dose <= 1.0": lambda t: (t.Metadata_Dose > 0.1) & (t.Metadata_Dose <= 1),
    "Metadata_Well startswith 'A'": lambda t: t.Metadata_Well.str.startswith("A"),
    "Metadata_Well not endswith '01'": lambda t: ~t.Metadata_Well.str.endswith("01"),
    "Metadata_Well contains '0'": lambda t: t.Metadata_Well.str.contains("0", regex=False),
    "Metadata_Well.str.contains('^[AB]0')": lambda t: t.Metadata_Well.str.contains("^[AB]0"),
    "lower(Metadata_Well) == 'a01'": lambda t: t.Metadata_Well.str.lower() == "a01",
    "Metadata_Flagged": lambda t: t.Metadata_Flagged,
    "not Metadata_Flagged": lambda t: ~t.Metadata_Flagged,
    "~Metadata_Flagged & Metadata_Plate == 1001": lambda t: ~t.Metadata_Flagged & (t.Metadata_Plate == 1001),
    "`Metadata_Cell line` == 'U2OS'": lambda t: t["Metadata_Cell line"] == "U2OS",
    "Metadata_Größe >= 3": lambda t: t["Metadata_Größe"] >= 3,
    "Metadata_Date > '2026-02-01'": lambda t: t.Metadata_Date > "2026-02-01",
    "Cells_Area / Nuclei_Area > 2 and Cells_Area > -1e3": lambda t: t.Cells_Area / t.Nuclei_Area > 2,
    "Metadata_Role == 'a | b & c == @d'": lambda t: t.Metadata_Role == "a | b & c == @d",
    "str(Metadata_Plate) startswith '100'": lambda t: t.Metadata_Plate > 0,
    "Metadata_Plate.astype('str') == '1002'": lambda t: t.Metadata_Plate == 1002,
}


@pytest.mark.parametrize("query", FORMS)
def test_each_form_means_what_it_says(table: pd.DataFrame, query: str) -> None:
    np.testing.assert_array_equal(matches(table, query), FORMS[query](table).to_numpy(bool))


def test_what_pandas_takes_means_the_same_here(table: pd.DataFrame) -> None:
    """2,000 innocent queries, built at random, select the rows that pandas' own language selects."""
    rng = np.random.default_rng(1)
    atoms = [
        *(f"Metadata_Role {o} 'negcon'" for o in ("==", "!=")),
        *(f"Metadata_Plate {o} {v}" for o in ("==", "!=", "<", "<=", ">", ">=") for v in (1001, 1002.5)),
        *(f"Metadata_Dose {o} {v}" for o in ("<", ">=", "==") for v in (0.1, 1, 1e1)),
        "Metadata_Well in ['A01', 'B02']", "Metadata_Well not in ['A01', 'B02']", "Metadata_Plate == [1001, 1003]",
        "Metadata_Flagged", "~Metadata_Flagged", "not Metadata_Flagged", "Metadata_Dose.isna()",
        "Metadata_Role.notna()", "`Metadata_Cell line` == 'A549'", "Cells_Area > Nuclei_Area * 2",
        "90 < Cells_Area < 110", "-Cells_Area < -100", "Metadata_Well.str.startswith('B')",
        "Metadata_Date >= '2026-01-20'", "Metadata_Plate.isin([1002])", "Cells_Area + Nuclei_Area - 3 > 150",
        "Metadata_Well.str.contains('1')", "Metadata_Well.str.lower() == 'c03'",
    ]  # fmt: skip
    for _ in range(2000):
        query = str(rng.choice(atoms))
        for _ in range(rng.integers(0, 4)):
            sign = rng.choice(["and", "or", "&", "|"])
            other = str(rng.choice(atoms))
            query = f"({query}) {sign} ({other})" if sign in "&|" or rng.random() < 0.5 else f"{query} {sign} {other}"
        if rng.random() < 0.2:
            query = f"not ({query})"
        expected = table.eval(query, engine="python").to_numpy(bool)
        np.testing.assert_array_equal(matches(table, query), expected, err_msg=query)


COMMANDS = [
    "@pd.io.common.os.system('{}') == 0",
    "@os.system('{}') == 0",
    "@__import__('os').system('{}') == 0",
    "__import__('os').system('{}') == 0",
    "Metadata_Role.to_csv('{}') == 0",
    "Metadata_Role.to_pickle('{}') == 0",
    "Metadata_Role.to_json('{}') == 0",
    "Metadata_Role.str.to_csv('{}') == 0",
    "Metadata_Role.__class__ == 0",
    "Metadata_Role.__init__.__globals__['os'].system('{}') == 0",
    "Metadata_Role.pipe(print) == 0",
    "Metadata_Role.apply(exec, args=('{}',)) == 0",
    "Metadata_Role.map('{}'.format) == 0",
    "Metadata_Role.str.replace('n', '{}') == 'a'",
    "'{}'.format(Metadata_Role) == 'a'",
    "open('{}', 'w') == 0",
    "eval('{}') == 0",
    "exec('{}') == 0",
    "getattr(Metadata_Role, 'to_csv')('{}') == 0",
    "(lambda: open('{}', 'w'))() == 0",
    "[open('{}', 'w') for i in [1]] == 0",
    "(x := open('{}', 'w')) == 0",
    "f'{{open(\"{}\")}}' == Metadata_Role",
    "Metadata_Role[0] == 0",
    "Metadata_Role.values.tofile('{}') == 0",
    "Metadata_Role.index.to_frame().to_csv('{}') == 0",
    "pd.read_pickle('{}') == 0",
    "np.save('{}', Metadata_Role) == 0",
    "Metadata_Role.isna.__self__ == 0",
    "Metadata_Role.isna(*['{}']) == 0",
    "Metadata_Role.isna(**{{'a': '{}'}}) == 0",
    "Metadata_Role.between(0, 1, inclusive=open('{}', 'w')) == 0",
    "await Metadata_Role == 0",
    "Metadata_Role if open('{}', 'w') else 0",
    "{{'{}': Metadata_Role}} == 0",
    "Metadata_Role @ Metadata_Role",
    "Metadata_Plate ** 99999 > 0",
    "9 ** 9 ** 9 ** 9 > Metadata_Plate",
    "Metadata_Plate << 999999999 > 0",
    "'a' * 999999999 == Metadata_Role",
    "Metadata_Role is 'negcon'",
    "1 == 1",
    "'a' == 'a'",
    "True",
    "...",
    "",
    "   ",
    "import os",
    "Metadata_Role == 'a'; import os",
    "Metadata_Role = 'negcon'",
    "Metadata_Role == 'negcon",
    "Metadata_Role == ",
    "index == 0",
    "level_0 == 0",
    "negcon",
    "Metadata_Role == negcon",
    "Metadata_Role > 3",
    "Metadata_Role and Metadata_Flagged",
    "Metadata_Plate + 'a' == 3",
    "Metadata_Plate",
    "Metadata_Plate in 3",
    "3 in [3]",
    "Metadata_Flagged == " + "9" * 400,
    "(" * 150 + "Metadata_Flagged" + ")" * 150 + " and",
    "not " * 5000 + "Metadata_Flagged",
    "~" * 300 + "Metadata_Flagged",
    "Metadata_Flagged " + "and (Metadata_Flagged " * 80 + ")" * 80,
    "Metadata_Role == 'x'" + " or Metadata_Role == 'x'" * 2000,
    "Metadata_Role.str.contains('(?=a)') ",
    "Metadata_Role.str.contains('(')",
    "column0ˍ == 3",
    "formˍmissing() == 3",
    "⟨0⟩ == 3",
]
SURROUNDED = ["{}", "Metadata_Role == 'negcon' and {}", "not ({})"]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_else_can_be_reached(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Some 200 queries that are none: one sentence of ours for each, and no file is written, none is read."""
    target = tmp_path / "made"
    written = command.replace("{}", str(target)).replace("{{", "{").replace("}}", "}")
    monkeypatch.chdir(tmp_path)
    for around in SURROUNDED:
        with pytest.raises(ReferenceRowsError, match=r"^reference="):
            rows(table, around.replace("{}", written))
    assert list(tmp_path.iterdir()) == []


def test_every_method_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    assert [name for name in METHODS if f".{name}(" not in page] == []


def test_a_pattern_takes_no_longer_than_its_text_is_long(table: pd.DataFrame) -> None:
    """A pattern that a backtracking search never finishes is answered; time is not measured, the test would hang."""
    evil = table.assign(Metadata_Well="a" * 5000 + "!")
    assert not matches(evil, "Metadata_Well.str.contains('^(a+)+$')").any()


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("Metadata_A == 'Metadata_B'", ["Metadata_A"]),
        ("`Metadata_Cell line` == 'x' and Cells_Area > 3", ["Metadata_Cell line", "Cells_Area"]),
        ("lower(Metadata_A) == 'x'", ["Metadata_A"]),
        ("Metadata_A.str.lower() == 'x' or Metadata_A is missing", ["Metadata_A"]),
        ("Metadata_A ==", []),
    ],
)
def test_columns_of_a_query_are_known_without_a_table(query: str, columns: list[str]) -> None:
    assert columns_of(query) == columns


def test_a_reader_is_asked_for_the_columns_of_a_query_only(table: pd.DataFrame) -> None:
    assert named("Metadata_New == 3 and Cells_Area > 3 and Other > 3", table) == ["Metadata_New", "Cells_Area"]


def test_a_word_that_is_no_column_is_told_from_a_value(table: pd.DataFrame) -> None:
    with pytest.raises(ReferenceRowsError, match=r"'negcon' is no column; if it is a value, put it in quotes"):
        rows(table, "Metadata_Role == negcon")
    assert rows(table, "Metadata_Role == 'negcon'").any()


def test_the_remedy_for_a_variable_works(table: pd.DataFrame) -> None:
    with pytest.raises(ReferenceRowsError, match="@ names a variable of a program"):
        rows(table, "Metadata_Role == @wanted")
    assert rows(table, {"Metadata_Role": "negcon"}).sum() == (table.Metadata_Role == "negcon").sum()


def test_missing_values_are_asked_for_by_name_only() -> None:
    """A comparison with a missing value is not true, whatever kind of missing it is."""
    for dtype, kind in itertools.product(["object", "string", "category"], ["==", "in"]):
        table = pd.DataFrame({"Metadata_Role": pd.Series(["a", None], dtype=dtype)})
        value = "'a'" if kind == "==" else "['a']"
        np.testing.assert_array_equal(matches(table, f"Metadata_Role {kind} {value}"), [True, False])
        np.testing.assert_array_equal(matches(table, "Metadata_Role is missing"), [False, True])
