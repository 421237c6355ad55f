"""The table of images of CellProfiler: where each image lies, and which images are read together."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cellprofiling.core.columns import METADATA, PLATE, WELL, is_metadata
from cellprofiling.core.errors import ColumnError, FileFormatError, PlateLayoutError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.plates import standard_wells
from cellprofiling.io.objects.plate_and_well_names import compiled, keys_of, places
from cellprofiling.io.storage.columns import typed
from cellprofiling.io.storage.keys import renames

IMAGE_NUMBER, TABLE_NUMBER = f"{METADATA}ImageNumber", f"{METADATA}TableNumber"
SITE = f"{METADATA}Site"
KEYS = [PLATE, WELL, SITE, IMAGE_NUMBER, TABLE_NUMBER]
FILE = "the image's file"
MEASURED = "Image_"  # how CellProfiler's databases begin the names of what is measured on images; never a feature
TOGETHER = 200_000_000  # bytes of the files that are read together

# Folders of the Cell Painting Gallery: BR00116991-A01-1, or BR00116991-A01 where a well was one job
FOLDER = re.compile(r"(?P<plate>.+)-(?P<well>[A-Za-z]{1,2}\d{1,2})(?:-(?P<site>\d+))?")

Wanted = bool | Sequence[str]


@dataclass(frozen=True)
class Pack:
    """Images that are read together: some wells of a plate, or all images if plates share a file."""

    plate: str | None
    wells: tuple[str, ...]
    images: NDArray[np.intp]


def columns_of_images(
    names: Sequence[str], image: Wanted, columns: Mapping[str, str] | None, pattern: str | None
) -> dict[str, str]:
    """Return the columns of the image table that are read, and what they are called then: keys first."""
    asked = renames(names, columns, {})
    metadata = {name: name for name in names if is_metadata(name)}
    prefixed = {name: name.removeprefix(MEASURED) for name in names if is_metadata(name.removeprefix(MEASURED))}
    metadata |= {name: new for name, new in prefixed.items() if new not in names}
    numbers = {name: f"{METADATA}{name}" for name in ("TableNumber", "ImageNumber") if name in names}
    found = {**asked, **{old: new for old, new in {**metadata, **numbers}.items() if new not in asked.values()}}
    ordered = sorted(found, key=lambda name: KEYS.index(found[name]) if found[name] in KEYS else len(KEYS))
    measured = {old: new for old, new in _measured(names, image).items() if old not in found}
    file = [name for name in names if name.removeprefix(MEASURED).startswith("FileName_")][: pattern is not None]
    return {**{name: found[name] for name in ordered}, **dict.fromkeys(file, FILE), **measured}


def not_read(names: Sequence[str], read: Mapping[str, str]) -> list[Line]:
    """Return the ledger line for the columns of the image table that are not read."""
    n = len([name for name in names if name not in read])
    reason = "left out: measured on the images, not on the cells; image=True reads them, as Image_..."
    return lines("open_cells", "column", [f"{n} columns of Image"] if n else [], reason, n=max(n, 1))


def placed(images: pa.Table, sources: Sequence[str], pattern: str | None) -> pd.DataFrame:
    """
    Return the table of images, text so far, with each column as what it is, and with plate and well.

    What no column says is taken from `sources`, the folder or file of each image, named as in the Gallery, or as
    `pattern` reads the name of the image in it.
    """
    table = typed(images).to_pandas(ignore_metadata=True)
    if pattern is not None:
        named = [name for name in images.column_names if name == FILE or name.startswith(f"{MEASURED}FileName_")]
        names = images[named[0]].to_pylist() if named else [""] * len(table)
        files = [f"{source}/{name}" for source, name in zip(sources, names, strict=True)]
        found = places(files, compiled(pattern))
        told = {key: [found[file][key].as_py() for file in files] for key in keys_of(compiled(pattern))}
        table = table.drop(columns=[FILE], errors="ignore")
    else:
        matches = [FOLDER.fullmatch(Path(source).name) for source in sources]
        told = {
            key: [_number(match[group]) if match else None for match in matches]
            for key, group in ((PLATE, "plate"), (WELL, "well"), (SITE, "site"))
        }
    table = table.assign(**{key: values for key, values in told.items() if _new(table, key, values)})
    _refuse_unplaced(table, sources)
    table = table.assign(**{WELL: _wells(table[WELL], sources)})
    return table[sorted(table, key=lambda name: KEYS.index(name) if name in KEYS else len(KEYS))]


def packs(images: pd.DataFrame, units: Sequence[object], sizes: Sequence[float]) -> list[Pack]:
    """Return the images that are read together: whole wells of a plate, what shares a unit (a folder), 200 MB."""
    places = pd.MultiIndex.from_frame(images[[PLATE, WELL]])
    well = pd.factorize(places)[0]
    group = _connected(well, pd.factorize(np.asarray(units, dtype=object))[0])
    plates = images[PLATE].groupby(group).nunique()
    if (plates > 1).any():
        return [Pack(None, (), np.arange(len(images)))]
    rows = images.assign(group=group, size=np.asarray(sizes, float), code=np.arange(len(images)))
    first = rows.groupby("group").agg(plate=(PLATE, "first"), well=(WELL, "min"), size=("size", "sum"))
    found: list[Pack] = []
    for plate, groups in first.sort_values(["plate", "well"]).groupby("plate"):
        share = groups["size"].cumsum() - groups["size"] / 2
        pack = (share / _even(float(groups["size"].sum()))).astype(int)
        for _, members in groups.groupby(pack):
            chosen = rows[rows["group"].isin(members.index)]
            found.append(Pack(str(plate), tuple(sorted(set(chosen[WELL]))), chosen["code"].to_numpy()))
    return found


def _measured(names: Sequence[str], image: Wanted) -> dict[str, str]:
    """Return the columns measured on images that are asked for."""
    there = {f"{MEASURED}{name.removeprefix(MEASURED)}": name for name in names}
    there = {new: old for new, old in there.items() if not is_metadata(new.removeprefix(MEASURED))}
    there = {new: old for new, old in there.items() if old not in ("TableNumber", "ImageNumber")}
    if isinstance(image, bool):
        return {old: new for new, old in there.items()} if image else {}
    wanted = [f"{MEASURED}{name.removeprefix(MEASURED)}" for name in image]
    absent = [name for name in wanted if name not in there]
    if absent:
        raise ColumnError(f"image={listed(image)}: {listed(absent)} is not measured on images.")
    return {there[new]: new for new in wanted}


def _number(text: str | None) -> object:
    """Return a text that is the usual form of a whole number as that number."""
    return int(text) if text and text.isdecimal() and str(int(text)) == text else text


def _wells(names: pd.Series, sources: Sequence[str]) -> pd.Series:
    try:
        return standard_wells(names)
    except PlateLayoutError as error:
        raise PlateLayoutError(f"{listed(dict.fromkeys(sources), limit=1)}: {error}") from error


def _new(table: pd.DataFrame, key: str, values: Sequence[object]) -> bool:
    """Return whether a key is told by names alone; a site is optional."""
    return (key not in table or bool(table[key].isna().all())) and any(value is not None for value in values)


def _refuse_unplaced(table: pd.DataFrame, sources: Sequence[str]) -> None:
    for key, word in ((PLATE, "plate"), (WELL, "well")):
        gaps = table[key].isna() if key in table else pd.Series(True, table.index)
        if gaps.any():
            source = sources[int(np.flatnonzero(gaps)[0])]
            raise FileFormatError(
                f"{source!r}: nothing says the {word} of {int(gaps.sum())} of {len(table)} images: there is no "
                f"{key} in the table of images, and the folder is not called <plate>-<well>-<site>; name a column "
                f"of that table with columns={{'{word}': ...}}, or read it from names of folders or images with "
                "pattern=..."
            )


def _even(size: float) -> float:
    """Return the size of the pieces when a plate is cut into as few as may be, all alike."""
    return size / max(1, np.ceil(size / TOGETHER)) or 1.0


def _connected(well: NDArray[np.intp], unit: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return a number for each image that is the same for images that share a well or a unit, directly or not."""
    n_wells, n = int(well.max()) + 1, int(well.max()) + int(unit.max()) + 2
    links = coo_array((np.ones(len(well)), (well, n_wells + unit)), shape=(n, n))
    return connected_components(links, directed=False)[1][well].astype(np.intp)
