"""Trees of the Cell Painting Gallery: `profiles/<batch>/<plate>/<plate>.parquet`, given by any folder above.

Recognized by tables that have the name of their folder, up to six levels below (`<source>/workspace/profiles/<batch>/
<plate>`), where the folder itself holds none. The tables are parquet and read as such. A tree is searched level by
level, and given up after 100,000 entries: beside profiles lie images by the million. Well names are as the source wrote
them (`a1`, `A01`), and stay so.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.formats.parquet_cells import open_files as open_parquet
from cellprofiling.io.objects.partitions import CellFormat, Opened
from cellprofiling.io.storage.files import ending

LEVELS = 6
ENTRIES = 100_000
ENDINGS = (".parquet", ".csv.gz", ".csv")  # the first that a tree has


def find(path: Path, endings: Sequence[str] = (".parquet",)) -> list[Path]:
    """Return the tables that have the name of their folder, of the first of `endings` that there is."""
    if not path.is_dir() or _tables(path):
        return []
    files, folders, seen = [], [path], 0
    for _ in range(LEVELS):
        entries = [entry for folder in folders for entry in _listed(folder)]
        seen += len(entries)
        folders = [Path(entry.path) for entry in entries if entry.is_dir()]
        files += [folder / (folder.name + end) for folder in folders for end in endings]
        if seen > ENTRIES:
            break
    files = [file for file in files if file.is_file()]
    if files and seen > ENTRIES:
        raise FileFormatError(
            f"path={str(path)!r}: more than {ENTRIES:,} files and folders below, too many to search; name the folder "
            f"of a batch, such as {str(files[0].parent.parent)!r}."
        )
    first = next((end for end in endings if any(file.name.endswith(end) for file in files)), "")
    return sorted(file for file in files if ending(file, endings) == first)


def open_files(
    files: Sequence[Path], *, columns: Mapping[str, str] | None = None, pattern: str | None = None
) -> Opened:
    """Open the tables of the plates as parquet."""
    return open_parquet(files, columns=columns, pattern=pattern)


def _tables(folder: Path) -> bool:
    return any(ending(file, ENDINGS) for file in folder.iterdir() if file.is_file())


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError:
        return []


GALLERY = CellFormat(
    "gallery",
    "trees of the Cell Painting Gallery (<batch>/<plate>/<plate>.parquet)",
    find,
    open_files,
    ("columns", "pattern"),
)
