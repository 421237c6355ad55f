"""A real siRNA screen, from Columbus' text files to the hit list: published counts, means, z-scores and positives.

Schibler et al., eLife (2023), https://doi.org/10.7554/eLife.80653: nuclear size and shape, two plates, 768 wells.
"""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import cellprofiling as cpf
from cellprofiling.recipe.run import run_recipe

pytestmark = pytest.mark.real

FOLDER = "nucleus_columbus_screen"
PREFIX = "Nuclei Selected - "
SUFFIX = " - Mean per Well"


@pytest.fixture(scope="module")
def exports(real_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the 768 original text files."""
    folder = tmp_path_factory.mktemp("columbus")
    with tarfile.open(real_data(f"{FOLDER}/single_cell/columbus_original_768_object_files.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    return folder / "input"


@pytest.fixture(scope="module")
def columbus(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return Columbus' own table of wells, with our key columns."""
    table = pd.read_csv(real_data(f"{FOLDER}/single_cell/secondary_screen_columbus_per_well.csv.gz"))
    return table.assign(Metadata_Plate=table["PlateName"], Metadata_Well=padded(table["WellName"]))


@pytest.fixture(scope="module")
def published(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return the authors' normalized wells, with our key columns."""
    table = pd.read_csv(
        real_data(f"{FOLDER}/published_secondary/validation_LMNA_LMNB_normalized_results.txt"), sep="\t"
    )
    return table.assign(Metadata_Plate=table["PlateName"], Metadata_Well=padded(table["WellName"]))


def padded(wells: pd.Series) -> pd.Series:
    """Return A1 as A01."""
    return wells.str[0] + wells.str[1:].str.zfill(2)


def test_wells_agree_with_columbus(exports: Path, columbus: pd.DataFrame) -> None:
    """Counts equal Columbus' own in 768 of 768 wells, means within 1e-6 relative (its text has six digits)."""
    wells = cpf.aggregate(cpf.open_cells(exports), statistics="mean")
    both = wells.merge(columbus, on=["Metadata_Plate", "Metadata_Well"], validate="one_to_one")
    assert len(both) == len(wells) == 768
    assert (both["Metadata_Object_Count"] == both[f"{PREFIX}Number of Objects"]).sum() == 768
    names = [name for name in wells if name.startswith(PREFIX) and f"{name}{SUFFIX}" in columbus]
    assert len(names) == 7
    for name in names:
        np.testing.assert_allclose(both[name], both[f"{name}{SUFFIX}"], rtol=1e-6)


Z_SCORES = {
    "n_cells_z_score": f"{PREFIX}Number of Objects",
    "area_z_score": f"{PREFIX}Nucleus Area [µm²]{SUFFIX}",
    "round_z_score": f"{PREFIX}Nucleus Roundness{SUFFIX}",
    "nuc_red_z_score": f"{PREFIX}Intensity Nucleus Region Exp3Cam2 Mean{SUFFIX}",
    "nuc_green_z_score": f"{PREFIX}Intensity Nucleus Region Exp2Cam1 Mean{SUFFIX}",
}


def test_z_scores_of_the_authors(columbus: pd.DataFrame, published: pd.DataFrame) -> None:
    """The published z-scores, to 1e-9: each plate against its own negative controls, sample standard deviation."""
    keys = ["Metadata_Plate", "Metadata_Well"]
    wells = columbus.merge(published[[*keys, "treatment"]], on=keys)
    wells = wells.rename(columns={"treatment": "Metadata_Treatment"})
    table = wells[[*keys, "Metadata_Treatment", *Z_SCORES.values()]]
    scores = cpf.normalize(
        table,
        "standardize",
        by="Metadata_Plate",
        reference="Metadata_Treatment == 'negative'",
        features=list(Z_SCORES.values()),
        ddof=1,
    )
    both = scores.merge(published, on=keys, validate="one_to_one")
    assert len(both) == 762
    for theirs, ours in Z_SCORES.items():
        np.testing.assert_allclose(both[f"{ours}_x" if f"{ours}_x" in both else ours], both[theirs], atol=1e-9)


@pytest.fixture(scope="module")
def results(exports: Path, published: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """Run the whole screen from the text files; genes and controls are the perturbations."""
    folder = tmp_path_factory.mktemp("screen")
    write_recipe(exports, published, folder)
    return run_recipe(folder / "screen.yaml", folder / "out"), folder / "out"


def write_recipe(exports: Path, published: pd.DataFrame, folder: Path) -> None:
    """Write the platemap and the screen.yaml of the screen, as its authors would."""
    sample = published["treatment"] == "sample"
    platemap = pd.DataFrame(
        {
            "Plate": published["Metadata_Plate"],
            "Well": published["Metadata_Well"],
            "Gene": published["gene_symbol"].where(sample, published["treatment"]),
            "Role": published["treatment"],
        }
    )
    platemap.to_csv(folder / "platemap.csv", index=False)
    recipe = {
        "name": "nuclear size and shape",
        "cells": str(exports),
        "platemap": {"path": "platemap.csv", "how": "left"},
        "exclude": "Metadata_Role.isna()",
        "reference": "Metadata_Role == 'negative'",
        "by": ["Metadata_Gene"],
        "aggregate": {"statistics": "mean"},
    }
    (folder / "screen.yaml").write_text(yaml.safe_dump(recipe))


def test_known_positives_are_hits(results: tuple[dict, Path]) -> None:
    """The positive controls are found, and the report names them."""
    tables, out = results
    hits = tables["hits"].set_index("Metadata_Gene")
    assert hits.loc[["LMNA", "LMNB1"], "hit"].all()
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "LMNA" in report
    assert "LMNB1" in report


def test_wells_the_authors_dropped_are_in_the_ledger(results: tuple[dict, Path]) -> None:
    """Six wells have no entry in the authors' table; each has a line."""
    lines = pd.read_csv(results[1] / "ledger.csv")
    dropped = lines.loc[lines["step"] == "exclude", "name"].tolist()
    assert sorted(dropped) == [f"HTIF00183 {well}" for well in ("M07", "N07", "O07", "O08", "P07", "P08")]
