"""CytoTable: parquet that says so in its metadata, as one file or as a warehouse of tables.

Recognized by the key `data-producer` of the parquet metadata, which names CytoTable, or by the folders of a warehouse:
`warehouse/profiles/<table>/data/*.parquet`, given by the folder above `warehouse`, by `warehouse`, `profiles` or the
table. Of several tables `joined_profiles` is read. The plate is `Metadata_Plate` or `Image_Metadata_Plate`, which is
renamed; object numbers, parents and neighbors' numbers carry a compartment (`Cytoplasm_Parent_Cells`) and are no
features. Values are float64. Cells of a well do not lie together and row groups are small: converting once makes every
later pass several times faster.

The history of a warehouse is not read: all files in `data` count, also those that a later version has replaced.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.io.formats.parquet_cells import open_files as open_parquet
from cellprofiling.io.objects.partitions import CellFormat, Opened
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.parquet import opened

PRODUCER = b"data-producer"
TABLE = "joined_profiles"


def find(path: Path) -> list[Path]:
    """Return the parquet files of a warehouse's table of profiles, or those that CytoTable has signed."""
    if path.is_dir() and (tables := _tables(path)):
        return sorted(file for file in _chosen(path, tables).glob("*.parquet") if not file.name.startswith("."))
    files = [file for file in found(path) if ending(file, [".parquet"])]
    return files if files and _signed(files[0]) else []


def open_files(
    files: Sequence[Path], *, columns: Mapping[str, str] | None = None, pattern: str | None = None
) -> Opened:
    """Open the files as parquet."""
    return open_parquet(files, columns=columns, pattern=pattern)


def _tables(path: Path) -> list[Path]:
    """Return the folders that hold the files of a table of profiles."""
    above = ("warehouse/profiles/*/data", "profiles/*/data")
    inside = {"profiles": ("*/data",)}.get(path.name, ("data",) if (path / "metadata").is_dir() else ())
    folders = [folder for form in (*above, *inside) for folder in sorted(path.glob(form))]
    return [folder for folder in folders if any(folder.glob("*.parquet"))]


def _chosen(path: Path, tables: Sequence[Path]) -> Path:
    named = [folder for folder in tables if folder.parent.name == TABLE]
    if len(named or tables) > 1:
        names = listed(folder.parent.name for folder in tables)
        raise FileFormatError(
            f"path={str(path)!r}: holds the tables {names}; give the folder of one, such as {str(tables[0].parent)!r}."
        )
    return (named or list(tables))[0]


def _signed(path: Path) -> bool:
    try:
        with opened(path) as file:
            return b"cytotable" in (file.metadata.metadata or {}).get(PRODUCER, b"").lower()
    except FileFormatError:
        return False


CYTOTABLE = CellFormat("cytotable", "parquet of CytoTable, or its warehouse", find, open_files, ("columns", "pattern"))
