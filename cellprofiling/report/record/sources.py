"""What a report is made from: the tables of an output folder, or of memory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import COUNT, PLATE, WELL, is_metadata
from cellprofiling.core.errors import FileFormatError, InputError, one_of
from cellprofiling.io.tables import read_profiles

Tables = Mapping[str, Any]

OPTIONAL = ("explanations", "exemplars")  # made only where they were asked for
NAMES = ("wells", "profiles", "hits", "quality", "embedding", "provenance", "ledger", "truth", *OPTIONAL)
NEEDED = ("wells", "hits")


@dataclass(frozen=True)
class Sources:
    """The tables of one run; what is not there is None, and `folder` says where it would have been.

    Attributes
    ----------
    wells, hits : always there; the plate, well and cell count of `wells` have their standard names.
    explanations : what each perturbation changes: the columns of `names`, group, effect, ci_low, ci_high, sentence.
    exemplars : cells worth looking at, with the columns of `names`.
    quality, provenance : the records of quality.json and provenance.json.
    names : the metadata columns that name a perturbation.
    reference : the query or mapping for the controls, or None if it is not known.
    """

    wells: pd.DataFrame
    hits: pd.DataFrame
    profiles: pd.DataFrame | None = None
    quality: dict[str, Any] | None = None
    embedding: pd.DataFrame | None = None
    provenance: dict[str, Any] | None = None
    ledger: pd.DataFrame | None = None
    truth: pd.DataFrame | None = None
    explanations: pd.DataFrame | None = None
    exemplars: pd.DataFrame | None = None
    names: tuple[str, ...] = ()
    reference: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    audit: tuple[dict[str, Any], ...] = ()
    title: str = "screen"
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def called(self) -> NDArray[np.bool_]:
        """Which rows of the hit list are hits; without that column none is."""
        if "hit" not in self.hits.columns:
            return np.zeros(len(self.hits), dtype=bool)
        return self.hits["hit"].eq(True).to_numpy(dtype=bool, na_value=False)


def gather(folder_or_tables: str | PathLike[str] | Tables) -> Sources:
    """Return the sources, from files or from memory; `hits` and `wells` must be there."""
    if isinstance(folder_or_tables, Mapping):
        given = _checked(folder_or_tables)
        absent = {name: f"no {name!r} was given" for name in NAMES if given.get(name) is None}
    else:
        given, absent = _read(Path(folder_or_tables))
    provenance = given.get("provenance") or {}
    recipe = provenance.get("parameters") or {}
    hits = given["hits"]
    called = hits.attrs.get("parameters") or {}
    standard = {recipe.get("plate", PLATE): PLATE, recipe.get("well", WELL): WELL, recipe.get("count", COUNT): COUNT}
    for name in ("wells", "embedding"):
        if given.get(name) is not None:
            given[name] = given[name].rename(columns=standard)
    return Sources(
        **given,
        names=tuple(called.get("by") or [name for name in hits.columns if is_metadata(name)]),
        reference=recipe.get("reference") or called.get("reference"),
        parameters=called,
        audit=tuple(hits.attrs.get("audit") or ()),
        title=str(recipe.get("name") or "screen"),
        absent=absent,
    )


def _checked(tables: Tables) -> dict[str, Any]:
    for name in tables:
        one_of("folder_or_tables", name, NAMES)
    missing = [name for name in NEEDED if tables.get(name) is None]
    if missing:
        raise InputError(f"folder_or_tables: needs the tables 'wells' and 'hits'; {missing[0]!r} is not there.")
    given = dict(tables)
    if hasattr(given.get("quality"), "to_json"):
        given["quality"] = json.loads(given["quality"].to_json())
    return given


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    if not folder.is_dir():
        raise FileFormatError(f"folder_or_tables={str(folder)!r}: no such folder; give what `cellprofiling run` wrote.")
    readers: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "wells": ("wells.parquet", read_profiles),
        "profiles": ("profiles.parquet", read_profiles),
        "hits": ("hits.csv", _read_hits),
        "quality": ("quality.json", _read_json),
        "embedding": ("embedding.parquet", read_profiles),
        "provenance": ("provenance.json", _read_json),
        "ledger": ("ledger.csv", _read_texts),
        **{name: (f"{name}.parquet", pd.read_parquet) for name in OPTIONAL},
    }
    found = {name: reader(folder / file) for name, (file, reader) in readers.items() if (folder / file).exists()}
    absent = {name: f"{file} is not in the folder" for name, (file, _) in readers.items() if name not in found}
    for name in NEEDED:
        if name in absent:
            raise FileFormatError(f"folder_or_tables={str(folder)!r}: {absent[name]}, and a report needs it.")
    return found, absent


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_hits(path: Path) -> pd.DataFrame:
    """Read a hit list; names stay as they are written ("00123" keeps its zeros, NA is a gene)."""
    columns = pd.read_csv(path, nrows=0).columns
    beside = path.with_suffix(".json")
    attrs = _read_json(beside) if beside.exists() else {}
    names = (attrs.get("parameters") or {}).get("by") or [name for name in columns if is_metadata(name)]
    texts = [name for name in (*names, "reason", "top_features", "null_scheme") if name in columns]
    hits = pd.read_csv(path, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=_markers(columns, texts))
    hits.attrs |= attrs
    return hits


def _markers(columns: pd.Index, texts: list[str]) -> dict[str, list[str]]:
    return {name: [""] if name in texts else ["", "nan", "NaN"] for name in columns}


def _read_texts(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.assign(n=pd.to_numeric(table["n"])) if "n" in table else table
