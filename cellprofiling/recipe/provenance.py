"""What a result was made from: inputs, settings, versions, seed and ledger, in provenance.json."""

import glob
import hashlib
import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import cellprofiling as cpf
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
    def begin(cls, recipe: Recipe, path: Path) -> "Provenance":
        """Start a record with the sha256 of every input file."""
        sources = [recipe.cells, recipe.wells, recipe.platemap.path if recipe.platemap else None]
        files = [file for source in sources if source for file in _files(path.parent / source)]
        return cls(recipe, [_describe(file, path.parent) for file in files])

    @property
    def inputs_fingerprint(self) -> str:
        """A digest of the version and of all inputs."""
        return fingerprint(cpf.__version__, self.inputs)

    def record(self, stage: str, print_so_far: str, table: Any, out: Path, files: tuple[str, ...]) -> None:
        """Note what a stage wrote, and the ledger its table carries."""
        carried = list(table.attrs.get(KEY, [])) if isinstance(table, pd.DataFrame) else []
        digests = {name: sha256(out / name) for name in files}
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
    return all((out / name).exists() and sha256(out / name) == digest for name, digest in files.items())


def read_stages(out: Path) -> dict[str, Any]:
    """Return the stages of an earlier run into `out`, or nothing."""
    try:
        return dict(json.loads((out / FILE).read_text(encoding="utf-8"))["stages"])
    except (OSError, ValueError, KeyError):
        return {}


def fingerprint(*parts: Any) -> str:
    """Return a digest of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(source: Path) -> list[Path]:
    """Return the files of an input: itself, those of a folder, or those that a pattern matches."""
    found = source.rglob("*") if source.is_dir() else map(Path, glob.glob(str(source), recursive=True))
    return sorted(file for file in found if file.is_file())


def _describe(file: Path, base: Path) -> dict[str, Any]:
    name = file.relative_to(base) if file.is_relative_to(base) else file
    return {"path": str(name), "bytes": file.stat().st_size, "sha256": sha256(file)}
