"""Columbus: a folder of text exports, a file of objects for each well or plate."""

from collections.abc import Sequence
from pathlib import Path

from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.ledgers import lines
from cellprofiling.io.objects.objects import ObjectFile, open_objects
from cellprofiling.io.objects.partitions import CellFormat, Opened, without_cells
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.text import Text, header, read_head, take_apart

KEYS = {"ScreenName", "PlateName", "WellName"}
ENDINGS = (".txt", ".csv", ".tsv")


def find(path: Path) -> list[Path]:
    """Return the tables in whose header Columbus names screen, plate and well."""
    return [file for file in found(path) if ending(file, ENDINGS) and set(header(file)) >= KEYS]


def open_files(files: Sequence[Path], *, population: str | None = None) -> Opened:
    """Tell objects from wells by the header, and plate and well of a file by its first row."""
    heads = [take_apart(read_head(path), path) for path in files]
    objects = [head for head in heads if "Object Number" in head.names]
    wells = [head.source.name for head in heads if "Object Number" not in head.names]
    filled = [_object_file(head) for head in objects if not head.empty]
    if not filled:
        raise FileFormatError(f"{str(files[0].parent)!r}: holds Columbus tables, but none of objects that holds any.")
    left_out = [
        *lines("open_cells", "file", wells, "left out: a table of wells, not of objects"),
        *without_cells([head.source for head in objects if head.empty]),
    ]
    return open_objects(filled, take_apart, population, left_out)


def _object_file(head: Text) -> ObjectFile:
    row = head.first()
    return ObjectFile(head.source, head.names, row["PlateName"], row.get("MeasurementID", ""), row["WellName"])


COLUMBUS = CellFormat(
    "columbus", "object tables of Columbus (with ScreenName, PlateName, WellName)", find, open_files, ("population",)
)
