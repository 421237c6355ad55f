"""Each result as a file: written whole or not at all, and read back for a resumed run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.io.hit_lists import read_hits, write_hits
from cellprofiling.io.storage.files import atomic
from cellprofiling.io.tables import read_profiles, write_profiles

QUALITY, TABLES = "quality.json", "quality"
QUALITY_FILES = ("checks.csv", "checks.parquet", "flags_plates.parquet", "flags_wells.parquet", "junit.xml")


@dataclass(frozen=True)
class Result:
    """How the table of one stage is kept: its files, and how to write and read them."""

    files: tuple[str, ...]
    write: Callable[[Any, Path], Any]
    read: Callable[[Path], Any]


def _write_hits(hits: pd.DataFrame, folder: Path) -> None:
    write_hits(hits, folder / "hits.csv")


def _table(name: str) -> Result:
    file = f"{name}.parquet"
    return Result(
        (file,),
        lambda table, folder: write_profiles(table, folder / file),
        lambda folder: read_profiles(folder / file),
    )


def _plain(name: str) -> Result:
    """Return how a table that is no profile is kept."""
    file = f"{name}.parquet"
    return Result(
        (file,), lambda table, folder: _write_plain(table, folder / file), lambda folder: pd.read_parquet(folder / file)
    )


def _write_plain(table: pd.DataFrame, path: Path) -> None:
    plain = table.copy(deep=False)
    plain.attrs = {}  # its ledger is in provenance.json
    with atomic(path) as temporary:
        plain.to_parquet(temporary, index=False)


def _write_quality(quality: Any, folder: Path) -> None:
    quality.write(folder / TABLES)
    (folder / TABLES / QUALITY).replace(folder / QUALITY)


def _read_quality(folder: Path) -> Any:
    return json.loads((folder / QUALITY).read_text(encoding="utf-8"))


RESULTS = {
    "wells": _table("wells"),
    "fingerprint": _table("fingerprint"),
    "profiles": _table("profiles"),
    "embedding": _table("embedding"),
    "explanations": _plain("explanations"),
    "exemplars": _plain("exemplars"),
    "quality": Result((QUALITY, *(f"{TABLES}/{name}" for name in QUALITY_FILES)), _write_quality, _read_quality),
    "hits": Result(("hits.csv", "hits.json"), _write_hits, lambda folder: read_hits(folder / "hits.csv")),
}
