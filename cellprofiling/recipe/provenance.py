"""What a result was made from: inputs, settings, versions, seed and ledger, in provenance.json."""

import glob
import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core.digests import file_sha256
from cellprofiling.core.ledgers import KEY
from cellprofiling.io.storage.records import write_json
from cellprofiling.recipe.schema import Recipe

FILE = "provenance.json"
SCHEMA = "cellprofiling.provenance/1"
LIBRARIES = ("cellprofiling", "numpy", "pandas", "scipy", "scikit-learn", "numba", "pyarrow", "statsmodels")


@dataclass
class Provenance:
    """The record of a run, growing stage by stage."""

    recipe: Recipe
    inputs: list[dict[str, Any]]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def begin(cls, recipe: Recipe, folder: Path, cells: Iterable[Path] = ()) -> "Provenance":
        """Start a record with the sha256 of every input file; `cells` are those that hold the cells."""
        named = {
            setting: [file for path in paths for file in _files(folder / path)]
            for setting, paths in recipe.inputs.items()
        }
        if recipe.cells is not None:
            named["cells"] += cells  # what lies beside the file that is named, such as the table of images
        settings: dict[Path, list[str]] = {}
        for setting, files in named.items():
            for file in dict.fromkeys(files):
                settings.setdefault(file, []).append(setting)
        return cls(recipe, [_describe(file, folder, of) for file, of in settings.items()])

    def inputs_of(self, settings: Iterable[str]) -> list[tuple[str, str]]:
        """Return path and sha256 of the input files that some settings name."""
        names = set(settings)
        return [(file["path"], file["sha256"]) for file in self.inputs if names & set(file["settings"])]

    def record(self, stage: str, print_so_far: str, table: Any, out: Path, files: tuple[str, ...]) -> None:
        """Note what a stage wrote, and the ledger its table carries."""
        carried = list(table.attrs.get(KEY, [])) if isinstance(table, pd.DataFrame) else []
        digests = {name: file_sha256(out / name) for name in files}
        self.stages[stage] = {"fingerprint": print_so_far, "files": digests, "ledger": carried}

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "schema": SCHEMA,
            "parameters": self.recipe.model_dump(mode="json"),
            "seed": self.recipe.seed,
            "inputs": self.inputs,
            "versions": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
            "stages": self.stages,
        }

    def write(self, out: Path) -> None:
        """Write provenance.json."""
        write_json(self.as_dict(), out / FILE)


def is_intact(out: Path, files: dict[str, str]) -> bool:
    """Return whether all files are there, as they were written."""
    return all((out / name).exists() and file_sha256(out / name) == digest for name, digest in files.items())


def read_stages(out: Path) -> dict[str, Any]:
    """Return the stages of an earlier run into `out`, or nothing."""
    try:
        return dict(json.loads((out / FILE).read_text(encoding="utf-8"))["stages"])
    except (OSError, ValueError, KeyError):
        return {}


def _files(source: Path) -> list[Path]:
    """Return the files of an input: itself, those of a folder, or those that a pattern matches."""
    paths = source.rglob("*") if source.is_dir() else map(Path, glob.glob(str(source), recursive=True))
    return sorted(path for path in paths if path.is_file())


def _describe(file: Path, base: Path, settings: list[str]) -> dict[str, Any]:
    name = file.relative_to(base) if file.is_relative_to(base) else file
    return {"path": str(name), "settings": settings, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
