"""Each result as a file: written whole or not at all, and read back for a resumed run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import cellprofiling as cpf

QUALITY = "quality.json"


@dataclass(frozen=True)
class Result:
    """How the table of one stage is kept: its files, and how to write and read them."""

    files: tuple[str, ...]
    write: Callable[[Any, Path], Any]
    read: Callable[[Path], Any]


def _write_hits(hits: pd.DataFrame, folder: Path) -> None:
    cpf.write_hits(hits, folder / "hits.csv")


def _read_hits(folder: Path) -> pd.DataFrame:
    hits = pd.read_csv(folder / "hits.csv")
    hits.attrs |= json.loads((folder / "hits.json").read_text(encoding="utf-8"))
    return hits


def _table(name: str) -> Result:
    file = f"{name}.parquet"
    return Result(
        (file,),
        lambda table, folder: cpf.write_profiles(table, folder / file),
        lambda folder: cpf.read_profiles(folder / file),
    )


def _read_quality(folder: Path) -> Any:
    return json.loads((folder / QUALITY).read_text(encoding="utf-8"))


RESULTS = {
    "wells": _table("wells"),
    "profiles": _table("profiles"),
    "embedding": _table("embedding"),
    "quality": Result(
        ("quality.json",), lambda quality, folder: quality.to_json(folder / "quality.json"), _read_quality
    ),
    "hits": Result(("hits.csv", "hits.json"), _write_hits, _read_hits),
}
