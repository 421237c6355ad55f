"""CellProfiler's ExportToSpreadsheet: folders, each with Image.csv and a csv file for each kind of object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.threads import over
from cellprofiling.io.objects.images import IMAGE_NUMBER, TABLE_NUMBER, Wanted, columns_of_images, not_read, placed
from cellprofiling.io.objects.measurements import Compartment, Found, chosen, opened
from cellprofiling.io.objects.object_tables import IMAGE, Kind, kind_of, named_parents, objects_of, related, spelled
from cellprofiling.io.objects.partitions import CellFormat, Opened
from cellprofiling.io.objects.sites import (
    Columns,
    Head,
    ImageRows,
    Site,
    heads,
    holds_objects,
    image_rows,
    refuse_unlike_copies,
    sites,
)
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.csv_blocks import Piece, numbers_of

PACKED = 3  # how much larger a csv.gz file is when unpacked, about


@dataclass(frozen=True)
class Folders:
    """Folders of csv files, opened: a `measurements.Store`.

    Attributes
    ----------
    kinds : how each compartment lies in its files.
    files : for each folder, its file of each compartment.
    tables : for each folder, its table of images.
    """

    images: pd.DataFrame
    units: Sequence[int]
    sizes: Sequence[float]
    kinds: Mapping[str, Kind]
    files: Sequence[Mapping[str, Head]]
    tables: Sequence[Path]

    @property
    def compartments(self) -> Mapping[str, Compartment]:
        """The compartments, by name."""
        return {name: kind.compartment for name, kind in self.kinds.items()}

    def paths(self, images: NDArray[np.intp]) -> tuple[Path, ...]:
        """Return the files of the folders in which some images lie, those of objects first."""
        units = self._units(images)
        objects = dict.fromkeys(head.path for unit in units for head in self.files[unit].values())
        return (*objects, *(self.tables[unit] for unit in units))

    def read(self, asked: Mapping[str, Sequence[str]], images: NDArray[np.intp]) -> dict[str, Found]:
        """Return the objects of compartments in the folders of some images, with some columns each."""
        units = self._units(images)
        return {name: self._objects(name, columns, units) for name, columns in asked.items()}

    def _units(self, images: NDArray[np.intp]) -> list[int]:
        return sorted({self.units[image] for image in images})

    def _objects(self, name: str, columns: Sequence[str], units: Sequence[int]) -> Found:
        there = [unit for unit in units if name in self.files[unit]]
        found = [self.files[unit][name] for unit in there]
        needed = [IMAGE, *self.kinds[name].needed(columns)]
        rows = numbers_of([Piece(head.path, head.columns.names, head.columns.skip) for head in found], needed)
        values = dict(zip(needed, rows.values, strict=True))
        image = self._codes(np.array(there, np.int64)[rows.piece], values[IMAGE])
        where = listed((str(head.path) for head in found), limit=1)
        return objects_of(self.kinds[name], columns, values, image, where)

    def _codes(self, unit: NDArray[np.int64], number: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the image of each object by its folder and image number, -1 where the folder knows no such image."""
        known = pd.MultiIndex.from_arrays([np.asarray(self.units), self.images[IMAGE_NUMBER].astype(float)])
        return known.get_indexer(pd.MultiIndex.from_arrays([unit, number])).astype(np.int64)


def find(path: Path) -> list[Path]:
    """Return the tables of images and of objects in the folders that `path` means."""
    folders = list(sites(path))
    if not any(holds_objects(file) for site in folders for file in site.objects.values()):
        return []
    return [file for site in folders for file in (site.image, *site.objects.values())]


def open_files(
    files: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    compartments: Sequence[str] | None = None,
    objects: str = "matched",
    image: Wanted = False,
    pattern: str | None = None,
) -> Opened:
    """Read the headers of all files and the tables of images; of the objects nothing."""
    folders = [site for folder in dict.fromkeys(file.parent for file in files) for site in sites(folder)]
    tables = dict(zip(folders, over(lambda site: image_rows(site.image), folders, waiting=True), strict=True))
    placeless = [site.image for site in folders if not tables[site].rows]
    folders = [site for site in folders if tables[site].rows]
    left_out = _placeless(placeless)
    if not folders:
        return Opened((), pd.DataFrame(), left_out)
    found = heads([path for site in folders for path in site.objects.values()])
    kinds, by_folder = _compartments(folders, found)
    store = _store([tables[site] for site in folders], kinds, by_folder, image, columns, pattern)
    names, others = chosen(store, compartments)
    top = tables[folders[0]].names
    read = columns_of_images(top, image, columns, pattern)
    return opened(
        [store], objects, names, [*left_out, *_not_objects(found), *_copied(found), *others, *not_read(top, read)]
    )


def _compartments(
    folders: Sequence[Site], found: Mapping[Path, Head | None]
) -> tuple[dict[str, Kind], list[dict[str, Head]]]:
    """Return the compartments, and the file of each in every folder; a file of its own goes before a shared one."""
    columns = {head.columns for head in found.values() if head is not None}
    named = sorted({parent for header in columns for parent in named_parents(header.names)})
    by_folder = [_held(site, found, named) for site in folders]
    first: dict[str, Columns] = {}
    example: dict[str, Path] = {}
    for files in by_folder:
        for name, head in files.items():
            expected = first.setdefault(name, head.columns)
            path = example.setdefault(name, head.path)
            if head.columns is not expected and head.columns.names != expected.names:
                same_columns({path: expected.names, head.path: head.columns.names})
    if not first:
        raise FileFormatError(
            f"{str(folders[0].image.parent)!r}: no csv file of objects (ImageNumber,ObjectNumber,...) beside the table "
            "of images holds anything; export the objects, too."
        )
    return related(
        {name: kind_of(name, c.names, shared=name in c.compartments) for name, c in first.items()}
    ), by_folder


def _held(site: Site, found: Mapping[Path, Head | None], named: Sequence[str]) -> dict[str, Head]:
    heads_there = {name: found[path] for name, path in site.objects.items()}
    own = {spelled(name, named): head for name, head in heads_there.items() if head and not head.columns.compartments}
    shared = {kind: head for head in heads_there.values() if head for kind in head.columns.compartments}
    return {**shared, **own}


def _store(
    tables: Sequence[ImageRows],
    kinds: Mapping[str, Kind],
    by_folder: Sequence[Mapping[str, Head]],
    image: Wanted,
    columns: Mapping[str, str] | None,
    pattern: str | None,
) -> Folders:
    folders = [table.path.parent for table in tables]
    units = [unit for unit, table in enumerate(tables) for _ in table.rows]
    texts = _texts(tables, [columns_of_images(table.names, image, columns, pattern) for table in tables])
    if TABLE_NUMBER not in texts.column_names:
        labels = _labels(folders)
        texts = texts.append_column(TABLE_NUMBER, pa.array([labels[unit] for unit in units], pa.string()))
    images = placed(texts, [str(folders[unit]) for unit in units], pattern)
    _refuse_doubled(images, units, folders)
    held = [sum({head.path: _size(head.path) for head in files.values()}.values()) for files in by_folder]
    sizes = [held[unit] / len(tables[unit].rows) for unit in units]
    return Folders(images, units, sizes, kinds, by_folder, [table.path for table in tables])


def _texts(tables: Sequence[ImageRows], read: Sequence[Mapping[str, str]]) -> pa.Table:
    """Return all tables of images as one; what a table does not have is missing there."""
    texts: dict[str, list[str]] = {new: [] for names in read for new in names.values()}
    for table, names in zip(tables, read, strict=True):
        at = {new: table.names.index(old) for old, new in names.items()}
        for new, values in texts.items():
            values += [row[at[new]] if new in at else "" for row in table.rows]
    return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})


def _labels(folders: Sequence[Path]) -> list[str]:
    """Return a short name for each folder, no two alike: image 1 of one folder is not image 1 of another."""
    if len({folder.name for folder in folders}) == len(folders):
        return [folder.name for folder in folders]
    top = commonpath(folders)
    return [folder.relative_to(top).as_posix() for folder in folders]


def _size(path: Path) -> int:
    return path.stat().st_size * (PACKED if path.name.lower().endswith(".gz") else 1)


def _refuse_doubled(images: pd.DataFrame, units: Sequence[int], folders: Sequence[Path]) -> None:
    if IMAGE_NUMBER not in images:
        raise FileFormatError(f"{str(folders[0])!r}: the table of images has no column 'ImageNumber'; export it again.")
    doubled = pd.DataFrame({"unit": units, "number": images[IMAGE_NUMBER]}).duplicated().to_numpy()
    if doubled.any():
        at = int(np.flatnonzero(doubled)[0])
        raise FileFormatError(
            f"{str(folders[units[at]])!r}: image {images[IMAGE_NUMBER][at]} is there twice in the table of images; "
            "remove one of the two rows."
        )


def _placeless(paths: Sequence[Path]) -> list[Line]:
    reason = "left out with the objects beside it: it holds no image, so that nothing says where they lie"
    return lines("open_cells", "file", [f"{path.parent.name}/{path.name}" for path in paths], reason)


def _not_objects(found: Mapping[Path, Head | None]) -> list[Line]:
    names = {path: f"{path.parent.name}/{path.name}" for path, head in found.items() if head is None}
    empty = [name for path, name in names.items() if path.stat().st_size == 0]
    others = [name for name in names.values() if name not in empty]
    return [
        *lines("open_cells", "file", [listed(empty)] if empty else [], "empty: read as no objects", n=len(empty)),
        *lines("open_cells", "file", [listed(others)] if others else [], "left out: not of objects", n=len(others)),
    ]


def _copied(found: Mapping[Path, Head | None]) -> list[Line]:
    copied = over(refuse_unlike_copies, [head for head in found.values() if head is not None], waiting=True)
    names = [name for each in copied for name in each]
    reason = "there twice with the same values, taken once"
    return [
        line
        for name in dict.fromkeys(names)
        for line in lines("open_cells", "column", [name], reason, names.count(name))
    ]


CELLPROFILER = CellFormat(
    "cellprofiler",
    "folders of csv files of CellProfiler (Image.csv, Cells.csv, Nuclei.csv, ...)",
    find,
    open_files,
    ("columns", "compartments", "objects", "image", "pattern"),
)
