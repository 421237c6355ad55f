"""Bad input on the command line: exit code 2, one clear sentence, and no file left behind."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import ReferenceRowsError
from cellprofiling.recipe.run import run_recipe
from tests.builders import NEGCON, noise_screen


@pytest.fixture
def refuse(run_cli: Callable, edit: Callable, tmp_path: Path) -> Callable[..., str]:
    """Give a function that runs a screen, checks that it is refused cleanly, and returns the sentence."""

    def run(**settings: object) -> str:
        result = run_cli("run", edit(**settings), "--out", tmp_path / "out")
        assert result.exit_code == 2, result.output
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(result.exception)
        return str(result.exception)

    return run


def feature(table: pd.DataFrame) -> str:
    """Return the name of a feature."""
    return next(name for name in table if name.startswith("Nuclei_Texture"))


def test_missing_column(refuse: Callable) -> None:
    """A column that does not exist is named, with those that do."""
    assert "by='Metadata_Drug': no such column. Metadata columns are 'Metadata_" in refuse(by=["Metadata_Drug"])


def test_misspelt_column_in_reference(refuse: Callable) -> None:
    """A misspelt column in the query is named, with the likely one."""
    sentence = refuse(reference="Metadata_Rolle == 'negcon'")
    assert "reference='Metadata_Rolle': no such column" in sentence
    assert "Did you mean 'Metadata_Role'?" in sentence


def test_option_of_another_package(run_cli: Callable, edit: Callable, tmp_path: Path) -> None:
    """An option that another package calls so is answered with our name for it, as in a notebook."""
    recipe = edit(normalize={"method": "mad_robustize", "samples": "all"})
    sentence = str(run_cli("run", recipe, "--out", tmp_path / "out").exception)
    assert "samples=...: normalize has no such argument" in sentence
    assert "Did you mean 'reference'? (pycytominer's samples is reference here)" in sentence


def test_unreadable_reference(refuse: Callable) -> None:
    """A query that is no query says how one is written."""
    assert "Write it like" in refuse(reference="Metadata_Role == = 'negcon'")


def test_empty_reference(refuse: Callable) -> None:
    """A query that matches nothing lists what the column holds."""
    sentence = refuse(reference="Metadata_Role == 'negcom'")
    assert "matches no row" in sentence
    assert "Metadata_Role holds 'negcon' (48 rows), 'treatment' (16 rows)" in sentence


def test_unpadded_wells_in_the_platemap(refuse: Callable, folder: Path) -> None:
    """A1 for A01 is refused, with the setting that accepts it."""
    platemap = pd.read_csv(folder / "platemap.csv")
    platemap["Well"] = platemap["Well"].str.replace("0(?=.$)", "", regex=True)
    platemap.to_csv(folder / "platemap.csv", index=False)
    sentence = refuse()
    assert "pad_wells: true" in sentence
    assert re.search(r"'[A-H][1-9]'", sentence)


def test_duplicate_wells(refuse: Callable, folder: Path) -> None:
    """A well that is in the platemap twice is named."""
    platemap = pd.read_csv(folder / "platemap.csv")
    pd.concat([platemap, platemap.iloc[[3]]]).to_csv(folder / "platemap.csv", index=False)
    assert str(platemap.loc[3, "Well"]) in refuse()


def test_text_among_the_values_of_a_feature(refuse: Callable, folder: Path) -> None:
    """A measurement that holds text is named, with the remedy."""
    for path in sorted((folder / "cells").glob("*.parquet")):
        pd.read_parquet(path).assign(Cells_AreaShape_Area="x").to_parquet(path)
    sentence = refuse()
    assert "'Cells_AreaShape_Area'" in sentence
    assert "pandas.to_numeric" in sentence


def test_truncated_parquet(refuse: Callable, folder: Path) -> None:
    """A damaged file is named."""
    path = sorted((folder / "cells").glob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:2000])
    assert path.name in refuse()


@pytest.mark.parametrize(
    "content", ["", "Metadata_Plate,Metadata_Well,Cells_AreaShape_Area\n"], ids=["empty", "header"]
)
def test_csv_without_rows(refuse: Callable, folder: Path, content: str) -> None:
    """An empty csv and one with a header only are named."""
    (folder / "cells.csv").write_text(content)
    assert "cells.csv" in refuse(cells="cells.csv")


def test_folder_without_tables(refuse: Callable, folder: Path) -> None:
    """A folder that holds no table says what was looked for."""
    (folder / "nothing").mkdir()
    assert "nothing" in refuse(cells="nothing")


@pytest.mark.parametrize(
    ("value", "words"), [(np.inf, "infinite"), (np.nan, "missing in all wells")], ids=["inf", "nan"]
)
def test_bad_features(refuse: Callable, folder: Path, value: float, words: str) -> None:
    """Infinite and all-missing features are named, with the setting that drops them."""
    for path in sorted((folder / "cells").glob("*.parquet")):
        table = pd.read_parquet(path)
        table[feature(table)] = value
        table.to_parquet(path)
    sentence = refuse()
    assert feature(table) in sentence
    assert words in sentence
    assert "bad_features: drop" in sentence


def test_bad_features_can_be_dropped(run_cli: Callable, edit: Callable, cells_of: Callable, tmp_path: Path) -> None:
    """With 'bad_features: drop' they leave with a ledger line instead."""
    path = cells_of(lambda table: table.assign(**{feature(table): np.inf}))
    result = run_cli("run", edit(bad_features="drop"), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    lines = pd.read_csv(tmp_path / "out" / "ledger.csv")
    assert feature(pd.read_parquet(path)) in lines.loc[lines["step"] == "bad_features", "name"].tolist()


def test_plate_with_one_control(refuse: Callable, folder: Path) -> None:
    """A plate with a single control well is named with its count."""
    platemap = pd.read_csv(folder / "platemap.csv")
    first = platemap["Plate"].iloc[0]
    controls = platemap.index[(platemap["Plate"] == first) & (platemap["Role"] == "negcon")]
    platemap.loc[controls[1:], ["Compound", "Role"]] = ["spare", "treatment"]
    platemap.to_csv(folder / "platemap.csv", index=False)
    sentence = refuse()
    assert str(first) in sentence
    assert "1" in sentence


def test_no_such_recipe(run_cli: Callable, tmp_path: Path) -> None:
    """A path that is no file is named."""
    result = run_cli("run", tmp_path / "none.yaml", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "none.yaml: cannot be read" in str(result.exception)


def test_lines_whose_controls_differ_stop_a_run_and_both_ways_out_work(tmp_path: Path) -> None:
    """What the sentence asks for is a line of screen.yaml."""
    wells = noise_screen(n_compounds=8, normalized=False)
    second = wells.groupby("Metadata_Plate").cumcount() % 2 == 1
    features = [name for name in wells if name.startswith("Cells_")]
    wells.loc[second, features] += 3 * np.linspace(-1, 1, len(features))
    wells.assign(Metadata_CellLine=np.where(second, "U2OS", "A549")).to_parquet(tmp_path / "wells.parquet")
    recipe = f'wells: wells.parquet\nreference: "{NEGCON}"\nby: Metadata_Compound\nhits: {{permutations: 99}}\n'
    path = tmp_path / "screen.yaml"
    path.write_text(recipe)
    with pytest.raises(ReferenceRowsError, match="within='Metadata_CellLine'"):
        run_recipe(path, tmp_path / "out")
    for number, line in enumerate(["within: Metadata_CellLine\n", "within: []\n"]):
        path.write_text(recipe + line)
        hits = run_recipe(path, tmp_path / f"out{number}")["hits"]
        assert ("Metadata_CellLine" in hits) == (number == 0)
