"""screen.yaml: every problem is named with its line and with what would do."""

from pathlib import Path

import pytest

from cellprofiling.core.errors import InputError, RecipeError
from cellprofiling.recipe.schema import Recipe, load_recipe

GOOD = """\
cells: cells
reference: "Metadata_Role == 'negcon'"
by: Metadata_Compound
"""


def load(text: str, tmp_path: Path) -> Recipe:
    """Return the recipe of a text."""
    path = tmp_path / "screen.yaml"
    path.write_text(text)
    return load_recipe(path)


def test_defaults(tmp_path: Path) -> None:
    """Three lines are enough; a single `by` becomes a list."""
    recipe = load(GOOD, tmp_path)
    assert recipe.by == ["Metadata_Compound"]
    assert recipe.normalize.method == "mad_robustize"
    assert recipe.hits.fdr == 0.05


def test_short_and_long_platemap(tmp_path: Path) -> None:
    """A platemap is a path or a section."""
    short = load(GOOD + "platemap: map.csv\n", tmp_path).platemap
    assert short == load(GOOD + "platemap: {path: map.csv}\n", tmp_path).platemap


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD + "plate_map: x.csv\n", r"line 4: 'plate_map': no such setting.*Did you mean 'platemap'\?"),
        (GOOD + "hits:\n  frd: 0.1\n", r"line 5: 'hits.frd': no such setting. Settings here are 'fdr', 'permutations'"),
        (GOOD + "hits:\n  method: mpa\n", r"line 5: hits.method='mpa': choose one of 'map'"),
        (GOOD + "hits:\n  fdr: 2\n", r"line 5: hits.fdr=2: input should be less than 1"),
        (GOOD + "normalize: {method: madrob}\n", r"line 4: normalize.method='madrob': choose one of 'mad_robustize'"),
        (GOOD + "embed: {method: umpa}\n", r"line 4: embed.method='umpa': choose one of .* Did you mean 'umap'"),
        (
            GOOD + "select_features: {steps: [mising]}\n",
            r"line 4: select_features.steps='mising': choose one of 'missing'",
        ),
        (GOOD + "normalize: {to: controls}\n", r"line 4: normalize.to='controls': choose 'reference' or 'all'"),
        (GOOD + "platemap: {pad_wells: true}\n", r"line 4: 'platemap.path' is missing: the file"),
        (GOOD.replace("by: Metadata_Compound\n", ""), r"'by' is missing: the columns that name a perturbation"),
        (GOOD + "wells: w.parquet\n", r"'cells' and 'wells': both given; name one"),
        (GOOD.replace("cells: cells\n", ""), r"'cells' and 'wells': neither given"),
        (GOOD + "steps: multi_bach\n", r"line 4: steps='multi_bach': choose one of .* Did you mean 'multi_batch'"),
        (GOOD + "steps: [normalise]\n", r"line 4: steps='normalise': choose one of .* Did you mean 'normalize'"),
        (GOOD + "steps: [whiten]\nnormalize: {}\n", r"'steps' and 'normalize': both given; write normalize as one of"),
        (GOOD + "seed: -1\n", r"line 4: seed=-1: input should be greater than or equal to 0"),
        ("- a\n- b\n", r"expected settings such as 'cells: folder'"),
        ("cells: [\n", r"not valid YAML"),
    ],
)
def test_each_problem_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """The message names the file, the line, the setting, and what would do."""
    with pytest.raises(RecipeError, match=sentence) as caught:
        load(text, tmp_path)
    assert "screen.yaml" in str(caught.value)


def test_every_problem_is_listed(tmp_path: Path) -> None:
    """Two problems are two lines."""
    with pytest.raises(RecipeError) as caught:
        load(GOOD + "seed: -1\nplate_map: x\n", tmp_path)
    assert len(str(caught.value).splitlines()) == 2


def test_binary_file(tmp_path: Path) -> None:
    """A file that is no text is refused in words."""
    (tmp_path / "screen.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a text file"):
        load_recipe(tmp_path / "screen.yaml")
