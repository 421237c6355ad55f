"""A commented screen.yaml drafted by looking at a folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.io.cells import open_cells
from cellprofiling.io.platemaps import read_platemap
from cellprofiling.io.storage.files import atomic

NAME = "screen.yaml"
FILL_IN = "FILL IN"
PLATEMAP_NAMES = ("platemap", "plate_map", "plate-map", "layout", "worklist")
CONTROL_NAMES = ("negcon", "negative", "neg", "dmso", "control", "ntc", "non-targeting", "mock", "untreated", "vehicle")
COMPOUND_NAMES = ("compound", "perturbation", "treatment", "gene", "drug", "sirna", "guide", "oligo", "broad_sample")
DOSE_NAMES = ("dose", "concentration", "conc")


@dataclass(frozen=True)
class Findings:
    """What was found in a folder; paths are relative to it."""

    cells: str
    format: str
    n_plates: int
    n_features: int
    platemap: str | None
    columns: pd.DataFrame | None


def draft_recipe(folder: Path, *, overwrite: bool = False) -> Path:
    """Look at a folder of feature tables and write a commented screen.yaml into it; return its path."""
    folder = Path(folder)
    path = folder / NAME
    if not folder.is_dir():
        raise FileFormatError(f"{folder}: not a folder; give the folder that holds the feature tables.")
    if path.exists() and not overwrite:
        raise FileFormatError(f"{path}: exists already; --overwrite replaces it.")
    text = _write_draft(folder.resolve().name, _look(folder))
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _look(folder: Path) -> Findings:
    """Find the per-cell tables and the platemap in a folder."""
    platemap, columns = _find_platemap(folder)
    problems = []
    for candidate in _candidates(folder, platemap):
        try:
            cells = open_cells(folder / candidate)
        except InputError as error:
            problems.append(str(error))
            continue
        return Findings(candidate, cells.format, len(cells.partitions), len(cells.features), platemap, columns)
    raise FileFormatError(f"{folder}: no feature tables found. {problems[-1] if problems else 'The folder is empty.'}")


def _candidates(folder: Path, platemap: str | None) -> list[str]:
    """Return where cells may lie: subfolders, all files of an ending, single files."""
    children = [child for child in sorted(folder.iterdir()) if not child.name.startswith(".")]
    files = [child for child in children if child.is_file() and child.name not in (platemap, NAME)]
    endings = {file.suffix for file in files} - ({Path(platemap).suffix} if platemap else set())
    folders = [child.name for child in children if child.is_dir()]
    return [*folders, *(f"*{ending}" for ending in sorted(endings)), *(file.name for file in files)]


def _find_platemap(folder: Path) -> tuple[str | None, pd.DataFrame | None]:
    """Return the first file named like a platemap that reads as one, and its content."""
    for child in sorted(folder.iterdir()):
        if child.is_file() and any(word in child.name.lower() for word in PLATEMAP_NAMES):
            try:
                return child.name, read_platemap(child, pad_wells=True)
            except InputError:
                continue
    return None, None


def _guess_reference(columns: pd.DataFrame | None) -> str | None:
    """Return a query for the wells that a platemap calls controls, by the likeliest word that occurs in it."""
    if columns is None:
        return None
    found = {
        str(value).strip().lower(): f"{column} == {value!r}"
        for column in columns.columns.drop([PLATE, WELL], errors="ignore")
        for value in columns[column].dropna().unique()
    }
    return next((found[word] for word in CONTROL_NAMES if word in found), None)


def _guess_column(columns: pd.DataFrame | None, words: tuple[str, ...]) -> str | None:
    """Return the first column whose name holds one of the words, the likeliest word first."""
    names = [] if columns is None else [str(name) for name in columns.columns]
    return next((name for word in words for name in names if word in name.lower()), None)


def _write_draft(name: str, found: Findings) -> str:
    """Return the text of screen.yaml."""
    reference, by = _guess_reference(found.columns), _guess_column(found.columns, COMPOUND_NAMES)
    dose = _guess_column(found.columns, DOSE_NAMES)
    known = "" if found.columns is None else ", ".join(map(str, found.columns.columns))
    return DRAFT.format(
        name=json.dumps(name),
        cells=json.dumps(found.cells),
        found=f"{found.format}: {found.n_plates} plates or files, {found.n_features} features",
        format=found.format,
        platemap=f"platemap: {json.dumps(found.platemap)}" if found.platemap else "# platemap: platemap.csv",
        columns=f"# its columns: {known}" if known else "# no file named like a platemap was found beside the cells",
        reference=json.dumps(reference or FILL_IN),
        guessed="found in the platemap" if reference else "not found: write a query for the control wells",
        by=json.dumps(by or FILL_IN),
        dose=f"dose: {json.dumps(dose)}" if dose else "# dose: Metadata_Dose",
    )


DRAFT = """\
# A screen, described for `cellprofiling run`. Paths are relative to this file. Lines that start with # are defaults
# or hints; every setting is explained in the documentation under "screen.yaml".
name: {name}

# Per-cell feature tables ({found}).
cells: {cells}
format: {format}

# What was put into which well. Wells are written A01; 'platemap: {{path: file.csv, pad_wells: true}}' accepts A1.
{platemap}
{columns}

# The negative control wells ({guessed}).
reference: {reference}

# The columns that name a perturbation; wells that share them are replicates.
by: [{by}]
{dose}

# Wells to leave out, as a query: exclude: "Metadata_Well in ['A01', 'P24']"
# bad_features: error          # or drop: features that are infinite somewhere or missing everywhere
# flag_cells: true             # leave out debris, merged and cut cells
# aggregate: {{statistics: median, min_cells: 1}}
# normalize: {{method: mad_robustize, by: Metadata_Plate, to: reference, zero_scale: drop}}
# steps: multi_batch           # a preset or a list of steps, in place of normalize and select_features
# embed: {{method: pca}}         # or umap
# hits: {{fdr: 0.05, permutations: 10000}}
# quality: {{positive: "Metadata_Role == 'poscon'", order: Metadata_Date, fail_on: fail}}   # exit code 3 if it fails
seed: 0
"""
