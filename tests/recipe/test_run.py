"""A run from cells to report: its files, its record, and what --resume keeps."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.digests import file_sha256
from cellprofiling.recipe.run import run_recipe

FILES = [
    *("embedding.parquet", "exemplars.parquet", "explanations.parquet", "hits.csv", "hits.json", "ledger.csv"),
    *("profiles.parquet", "provenance.json"),
    *(f"quality/{name}" for name in ("checks.csv", "checks.parquet", "flags_plates.parquet", "flags_wells.parquet")),
    *("quality/junit.xml", "quality.json", "report.html", "wells.parquet"),
]


def files_in(folder: Path) -> list[str]:
    """Return all files of a folder and the folders in it."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def words() -> list[str]:
    """Return a list to collect what a run tells."""
    return []


def test_writes_every_result_and_nothing_else(first_run: Path) -> None:
    """All files of the contract, no temporary ones."""
    assert sorted(files_in(first_run)) == sorted(FILES)


def test_progress_counts_plates(edit: Callable, tmp_path: Path) -> None:
    """While cells are read, each plate is told."""
    told: list = []
    run_recipe(edit(), tmp_path / "out", progress=told.append)
    assert [(now.done, now.total) for now in told] == [(1, 2), (2, 2)]
    assert told[-1].cells > 0


def test_results_are_those_of_the_verbs(first_run: Path, small_screen: object) -> None:
    """What a run writes is what the verbs give, called one after the other."""
    wells = cpf.annotate(cpf.aggregate(small_screen.cells), small_screen.platemap)
    negcon = "Metadata_Role == 'negcon'"
    profiles = cpf.select_features(cpf.normalize(wells, "mad_robustize", reference=negcon))
    hits = cpf.rank_hits(profiles, by="Metadata_Compound", reference=negcon, permutations=50)
    written = pd.read_csv(first_run / "hits.csv")
    assert written["Metadata_Compound"].tolist() == hits["Metadata_Compound"].tolist()
    pd.testing.assert_series_equal(written["p_value"], hits["p_value"])
    stored = cpf.read_profiles(first_run / "profiles.parquet")
    pd.testing.assert_frame_equal(stored[profiles.columns], profiles, check_dtype=False)


def test_steps_in_place_of_the_usual_ones(edit: Callable, tmp_path: Path) -> None:
    """A pipeline in screen.yaml gives what run_steps gives, with the roles of the screen."""
    steps = [
        {"normalize": {"method": "standardize", "reference": "@reference"}},
        {"select_features": {"steps": ["missing"]}},
    ]
    run_recipe(edit(steps=steps), tmp_path / "out")
    wells = cpf.read_profiles(tmp_path / "out" / "wells.parquet")
    expected = cpf.run_steps(wells, steps, reference="Metadata_Role == 'negcon'", by="Metadata_Compound")
    stored = cpf.read_profiles(tmp_path / "out" / "profiles.parquet")
    pd.testing.assert_frame_equal(stored[expected.columns], expected, check_dtype=False)


def test_hits_from_fingerprints(edit: Callable, tmp_path: Path) -> None:
    """With fingerprint the hits are those of its blocks, of the wells that were kept; nothing else changes."""
    out = "Metadata_Well == 'C06'"
    run_recipe(edit(fingerprint=True, exclude=out), tmp_path / "out")
    hits = pd.read_csv(tmp_path / "out" / "hits.csv")
    assert {"p_level", "p_spread", "p_dependence", "block"} <= set(hits)
    table = cpf.read_profiles(tmp_path / "out" / "fingerprint.parquet")
    wells = cpf.read_profiles(tmp_path / "out" / "wells.parquet")
    keys = ["Metadata_Plate", "Metadata_Well"]
    assert table[keys].to_numpy().tolist() == wells[keys].to_numpy().tolist()
    expected = cpf.rank_hits(
        table, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=50, blocks=True
    )
    pd.testing.assert_series_equal(hits["p_value"], expected["p_value"])


def test_suspect_cells_are_left_out_and_counted(edit: Callable, tmp_path: Path, folder: Path) -> None:
    """With flag_cells the wells are those of the cells that are not flagged."""
    run_recipe(edit(flag_cells=["missing", "large"]), tmp_path / "out")
    wells = cpf.read_profiles(tmp_path / "out" / "wells.parquet")
    flagged = cpf.flag_cells(cpf.open_cells(folder / "cells").to_frame(), ["missing", "large"])
    kept = flagged[~flagged["Metadata_QC_Flagged"]].groupby(["Metadata_Plate", "Metadata_Well"]).size()
    assert wells.set_index(["Metadata_Plate", "Metadata_Well"])["Metadata_Object_Count"].to_dict() == kept.to_dict()
    assert wells["Metadata_Excluded_Count"].sum() == flagged["Metadata_QC_Flagged"].sum()


def test_record(first_run: Path, folder: Path) -> None:
    """provenance.json names every input with its sha256, all settings, versions, seed, and the files of each stage."""
    record = json.loads((first_run / "provenance.json").read_text())
    inputs = {entry["path"]: entry["sha256"] for entry in record["inputs"]}
    expected = [*sorted((folder / "cells").glob("*.parquet")), folder / "platemap.csv"]
    assert inputs == {str(path.relative_to(folder)): file_sha256(path) for path in expected}
    assert record["parameters"]["normalize"]["method"] == "mad_robustize"
    assert record["seed"] == 0
    assert {"cellprofiling", "numpy", "pandas", "python"} <= set(record["versions"])
    files = {name: digest for stage in record["stages"].values() for name, digest in stage["files"].items()}
    assert files == {name: file_sha256(first_run / name) for name in files}


def test_record_of_a_pattern(edit: Callable, tmp_path: Path) -> None:
    """Inputs named by a pattern are all in the record."""
    run_recipe(edit(cells="c*/Plate*.parquet"), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert len(record["inputs"]) == 3


def test_two_runs_give_the_same_bytes(edit: Callable, tmp_path: Path, first_run: Path) -> None:
    """Same inputs, settings and seed: the same files, byte for byte."""
    run_recipe(edit(), tmp_path / "again")
    for name in FILES:
        assert file_sha256(first_run / name) == file_sha256(tmp_path / "again" / name), name


def kept(words: list[str]) -> set[str]:
    """Return which stages a run kept, by what it told."""
    return {word.split(":")[0] for word in words if word.endswith("unchanged, kept")}


ALL = {
    *("cells to wells", "checking quality", "normalizing, selecting features", "embedding wells"),
    *("testing perturbations", "explaining hits", "choosing cells to look at"),
}
FROM_HITS = {"testing perturbations", "explaining hits", "choosing cells to look at", "checking quality"}


def test_resume_keeps_what_is_unchanged(edit: Callable, done: Path, words: list[str]) -> None:
    """Nothing changed: every stage is kept, and the results stay the same."""
    before = {name: file_sha256(done / name) for name in FILES}
    run_recipe(edit(), done, resume=True, tell=words.append)
    assert kept(words) == ALL
    assert {name: file_sha256(done / name) for name in FILES} == before


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"embed": {"method": "tsne"}}, {"embedding wells"}),
        ({"by": ["Metadata_Compound", "Metadata_Dose"]}, FROM_HITS),
        ({"reference": {"Metadata_Role": "negcon"}}, ALL - {"cells to wells"}),
        ({"hits": {"permutations": 60}}, FROM_HITS),
        ({"normalize": {"method": "standardize"}}, ALL - {"cells to wells"}),
        ({"aggregate": {"statistics": "mean"}}, ALL),
        ({"steps": "single_batch"}, ALL - {"cells to wells"}),
        ({"flag_cells": True}, ALL),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_resume_redoes_only_what_changed(
    edit: Callable, done: Path, words: list[str], change: dict, redone: set
) -> None:
    """A changed setting redoes its stage and those that build on it."""
    run_recipe(edit(**change), done, resume=True, tell=words.append)
    assert kept(words) == ALL - redone


def test_resume_notices_changed_inputs_and_results(
    edit: Callable, cells_of: Callable, done: Path, words: list[str]
) -> None:
    """A changed input redoes everything; a result that was tampered with is made again."""
    (done / "hits.csv").write_text("rank\n1\n")
    run_recipe(edit(), done, resume=True, tell=words.append)
    assert kept(words) == ALL - {"testing perturbations"}
    cells_of(lambda table: table.iloc[5:])
    words.clear()
    run_recipe(edit(), done, resume=True, tell=words.append)
    assert kept(words) == set()


def test_resume_carries_the_ledger(edit: Callable, tmp_path: Path, small_screen: object) -> None:
    """Lines of stages that were kept are still in the ledger of the resumed run."""
    edit(exclude=_query(small_screen.platemap.iloc[0]))
    run_recipe(edit(), tmp_path / "out")
    before = (tmp_path / "out" / "ledger.csv").read_text()
    assert "exclude" in before
    run_recipe(edit(hits={"permutations": 60}), tmp_path / "out", resume=True)
    assert (tmp_path / "out" / "ledger.csv").read_text() == before


def _query(well: pd.Series) -> str:
    return f"Metadata_Plate == '{well.Metadata_Plate}' and Metadata_Well == '{well.Metadata_Well}'"


def test_excluded_wells_have_ledger_lines(edit: Callable, tmp_path: Path, small_screen: object) -> None:
    """Wells left out are out of every result and named in the ledger."""
    out = small_screen.platemap.iloc[0]
    tables = run_recipe(edit(exclude=_query(out)), tmp_path / "out")
    assert len(tables["wells"]) == len(small_screen.platemap) - 1
    lines = pd.read_csv(tmp_path / "out" / "ledger.csv")
    assert f"{out.Metadata_Plate} {out.Metadata_Well}" in lines.loc[lines["step"] == "exclude", "name"].tolist()


def test_failed_run_leaves_earlier_results_alone(edit: Callable, done: Path) -> None:
    """A mistake in a later screen.yaml does not touch what an earlier run wrote."""
    before = {name: file_sha256(done / name) for name in FILES}
    with pytest.raises(ValueError, match="matches no row"):
        run_recipe(edit(reference="Metadata_Role == 'none'"), done)
    assert {name: file_sha256(done / name) for name in files_in(done)} == before


def test_starts_from_wells(edit: Callable, tmp_path: Path, folder: Path, small_screen: object) -> None:
    """A table of wells that is aggregated already is a start as good as cells."""
    cpf.write_profiles(cpf.aggregate(small_screen.cells), folder / "aggregated.parquet")
    from_wells = run_recipe(edit(cells=None, wells="aggregated.parquet"), tmp_path / "one")
    from_cells = run_recipe(edit(cells="cells", wells=None), tmp_path / "two")
    pd.testing.assert_frame_equal(from_wells["hits"], from_cells["hits"])
