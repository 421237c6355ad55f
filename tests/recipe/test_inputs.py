"""What decides a result: the settings that its stage reads and the files they name, no more and no less."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.cells.flags import cell_flags
from cellprofiling.cells.kinds import exemplar_cells
from cellprofiling.cells.sampling import sampling
from cellprofiling.recipe.provenance import Provenance
from cellprofiling.recipe.run import run_recipe
from cellprofiling.recipe.schema import Quality, Recipe, load_recipe
from cellprofiling.recipe.stages import STAGES, Run

ALL_HITS = {"permutations": 50, "fdr": 0.99}  # so that there are cells to show


class Recording:
    """A recipe that notes which of its settings are read."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self.names = recipe, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.names.add(name)
        return getattr(self._recipe, name)


@pytest.fixture
def images(folder: Path) -> Path:
    """Return a file of image measurements: the focus of three images of each well."""
    wells = cpf.read_platemap(folder / "platemap.csv")
    rng = np.random.default_rng(0)
    table = wells[["Metadata_Plate", "Metadata_Well"]].loc[np.repeat(wells.index, 3)]
    table["ImageQuality_PowerLogLogSlope_DNA"] = rng.normal(-2, 0.05, len(table))
    path = folder / "images.csv"
    table.to_csv(path, index=False)
    return path


def out_of_focus(images: Path) -> None:
    """Put a quarter of the wells out of focus."""
    table = pd.read_csv(images)
    table.loc[: len(table) // 4, "ImageQuality_PowerLogLogSlope_DNA"] = -4
    table.to_csv(images, index=False)


def checks_of(out: Path) -> list[tuple[str, str]]:
    """Return name and verdict of each line about images."""
    record = json.loads((out / "quality.json").read_text(encoding="utf-8"))
    return [(check["id"], check["status"]) for check in record["checks"] if check["id"].startswith("images.")]


def test_a_changed_file_of_images_is_judged_anew(edit: Callable, images: Path, tmp_path: Path) -> None:
    """A resumed run says what a fresh one says, makes only the verdict anew, and names the file as its input."""
    path = edit(quality={"images": images.name})
    run_recipe(path, tmp_path / "out")
    sharp = checks_of(tmp_path / "out")
    out_of_focus(images)
    said: list[str] = []
    run_recipe(path, tmp_path / "out", resume=True, tell=said.append)
    run_recipe(path, tmp_path / "fresh")
    assert checks_of(tmp_path / "out") == checks_of(tmp_path / "fresh") != sharp
    assert [words for words in said if words in {stage.words for stage in STAGES}] == ["checking quality"]
    record = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert [file["path"] for file in record["inputs"] if "quality" in file["settings"]] == [images.name]


def recipes(edit: Callable, images: Path, folder: Path) -> Iterator[Recipe]:
    """Yield recipes that between them ask for everything that a stage can do."""
    wells = cpf.aggregate(cpf.open_cells(folder / "cells"))
    wells.iloc[0, -1] = np.inf
    cpf.write_profiles(wells, folder / "aggregated.parquet")
    everything = {"flag_cells": ["missing"], "fingerprint": ["level"], "quality": {"images": images.name}}
    yield load_recipe(edit(hits=ALL_HITS, **everything))
    usual = dict.fromkeys(everything)
    given = {"wells": "aggregated.parquet", "exclude": "Metadata_Well == 'C06'", "bad_features": "drop"}
    yield load_recipe(edit(cells=None, **given, **usual))
    yield load_recipe(edit(cells="cells", wells=None, steps=[{"normalize": {"reference": "@reference"}}], **usual))


@pytest.fixture
def read(edit: Callable, images: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Return which settings each stage reads, in any of the recipes."""
    monkeypatch.setattr(sampling, "FEWEST_CELLS", 2)  # the wells of the small screen have 8
    names: dict[str, set[str]] = {stage.name: set() for stage in STAGES}
    for recipe in recipes(edit, images, folder):
        tables: dict[str, Any] = {}
        for stage in STAGES:
            if stage.asked(recipe):
                recording = Recording(recipe)
                tables[stage.name] = stage.make(Run(recording, folder, tables))  # type: ignore[arg-type]
                names[stage.name] |= recording.names
    return names


def test_settings_are_those_that_a_stage_reads(read: dict[str, set[str]]) -> None:
    """The settings a stage is fingerprinted by are the settings that it reads."""
    assert read == {stage.name: set(stage.settings) for stage in STAGES}


def test_every_setting_is_read_by_some_stage(read: dict[str, set[str]]) -> None:
    """A setting that no stage reads does nothing; the name stands in the report, steps in what they depend on."""
    fields = set(Recipe.model_fields) - {"name"}
    assert fields - set().union(*read.values()) == {"steps"}


def test_every_path_is_an_input() -> None:
    """Paths are found wherever they stand in screen.yaml."""
    recipe = Recipe(
        cells="cells", platemap="map.csv", reference="x", by="y", quality=Quality(images="images.csv"), name="name"
    )
    assert recipe.inputs == {"cells": ["cells"], "platemap": ["map.csv"], "quality": ["images.csv"]}


def test_files_beside_the_one_that_is_named(tmp_path: Path) -> None:
    """What the reader of the cells needs beside the file in screen.yaml is an input, too, each file once."""
    files = [tmp_path / "Nuclei.csv", tmp_path / "Image.csv"]
    for file in files:
        file.write_text(file.name)
    recipe = Recipe(cells="Nuclei.csv", reference="x", by="y")
    provenance = Provenance.begin(recipe, tmp_path, files)
    assert [name for name, _ in provenance.inputs_of(["cells"])] == ["Nuclei.csv", "Image.csv"]
    assert provenance.inputs_of(["quality"]) == []


def test_limits_of_flags_are_learned_once(edit: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wells, fingerprints and exemplars leave out cells by the same limits, learned once for each plate."""
    learned = []
    learn = cell_flags._learn_files

    def count(partitions: Any, *others: Any) -> Any:
        learned.append([partition.plate for partition in partitions])
        return learn(partitions, *others)

    monkeypatch.setattr(cell_flags, "_learn_files", count)
    made = []
    monkeypatch.setattr(
        exemplar_cells, "exemplars", lambda cells, **_: made.append(cells) or pd.DataFrame({"rank": [1]})
    )
    run_recipe(edit(flag_cells=["missing"], fingerprint=["level"], hits=ALL_HITS), tmp_path / "out")
    assert made
    assert len(learned) == len({*map(tuple, learned)}) == 2
