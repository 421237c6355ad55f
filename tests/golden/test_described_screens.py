"""Published tables under the names they were published with: what describe takes them for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import cellprofiling as cpf

PAGE = (Path(__file__).parents[2] / "docs" / "what_is_what.md").read_text(encoding="utf-8")
FILES = {
    "dyes": "cdot_dyes_jumpmoa/paper/profiles/BR00122247_normalized_feature_select_negcon_batch.csv.gz",
    "jump": "jump_multisource_mammary/jump_profiles_per_compound_source.parquet",
    "bbbc021": "bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz",
    "lincs": "lincs_cell_counts/2017_12_05_Batch2_cell_counts.parquet",
    "nuclei": "nucleus_columbus_screen/single_cell/secondary_screen_single_cells.parquet",
}

PRINTED = re.findall("```text\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.real


@pytest.mark.parametrize(("name", "printed"), [*zip(FILES, PRINTED, strict=True)])
def test_the_page_shows_what_is_printed(real_data: Callable[[str], Path], name: str, printed: str):
    lines = repr(cpf.describe(real_data(FILES[name]))).splitlines()
    shown = [line for line in printed.splitlines() if line != "  ..."]
    assert [line for line in shown if line not in lines] == []


@pytest.mark.parametrize(
    ("name", "by_grammar", "every"), [("dyes", 581, 703), ("bbbc021", 452, 516), ("jump", 748, 748)]
)
def test_all_takes_the_features_as_published(real_data: Callable[[str], Path], name: str, by_grammar: int, every: int):
    table = cpf.read_profiles(real_data(FILES[name]))
    roles = [cpf.describe(table, features=features).columns["role"] for features in (None, "all")]
    assert [int((role == "feature").sum()) for role in roles] == [by_grammar, every]


def test_published_controls_are_found(real_data: Callable[[str], Path]):
    """24 DMSO wells on each plate of the dyes, the wells without a sample in LINCS."""
    assert cpf.describe(real_data(FILES["dyes"])).layout["n_controls"].tolist() == [24]
    assert cpf.describe(real_data(FILES["lincs"])).layout["n_controls"].sum() == 2946
