"""The tables of a SQLite file of CellProfiler: which hold images, and which the objects of which compartment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprofiling.core.dialects import CELLPROFILER as GRAMMAR
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.io.objects.object_tables import IMAGE, NUMBER, OWN_NUMBER, Kind, kind_of, related

TABLE = "TableNumber"

_IMAGES = re.compile(r"(?:.*_)?Per_Image|Image", re.IGNORECASE)
_OBJECTS = re.compile(r"(?:(?:.*_)?Per_)?(?P<name>.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """The tables of one file.

    Attributes
    ----------
    images : the name of the table of images.
    tables : the table of each compartment.
    kinds : how each compartment lies in its table.
    columns : of the table of images.
    others : tables that hold neither.
    """

    images: str
    tables: Mapping[str, str]
    kinds: Mapping[str, Kind]
    columns: list[str]
    others: Sequence[str]


def holds_images(table: str) -> bool:
    """Return whether a table of this name holds images: Image, Per_Image, MyExpt_Per_Image."""
    return _IMAGES.fullmatch(table) is not None


def layout_of(path: Path, tables: Mapping[str, list[str]]) -> Layout:
    """Return which tables of a file hold images and objects."""
    images = [name for name, columns in tables.items() if holds_images(name) and IMAGE in columns]
    if len(images) != 1:
        found_ = f"{listed(images)} are several" if images else f"there is none among {listed(tables)}"
        raise FileFormatError(
            f"{str(path)!r}: there must be one table of images (Image, or Per_Image), and {found_}; it is no database "
            "of CellProfiler, or of several experiments."
        )
    own = {
        name: _OBJECTS.fullmatch(name) for name, columns in tables.items() if IMAGE in columns and name not in images
    }
    held: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    for name, match in own.items():
        compartment = match["name"] if match else name
        if NUMBER in tables[name] or f"{compartment}_{OWN_NUMBER}" in tables[name]:
            several = _compartments(tables[name]) if compartment.lower() == "object" else []
            for one in several or [compartment]:
                held[one], kinds[one] = name, kind_of(one, tables[name], shared=bool(several))
    if not kinds:
        raise FileFormatError(f"{str(path)!r}: has a table of images and none of objects; export the objects, too.")
    used = {*images, *held.values()}
    others = [name for name in tables if name not in used and not name.startswith("sqlite_")]
    return Layout(images[0], held, related(kinds), tables[images[0]], others)


def _compartments(columns: Sequence[str]) -> list[str]:
    """Return the compartments whose columns lie side by side in one table."""
    numbered = [name.removesuffix(f"_{OWN_NUMBER}") for name in columns if name.endswith(f"_{OWN_NUMBER}")]
    matches = [GRAMMAR.fullmatch(name) for name in columns]
    return numbered or list(dict.fromkeys(match["compartment"] for match in matches if match and match["compartment"]))
