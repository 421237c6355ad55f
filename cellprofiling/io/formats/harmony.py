"""Harmony: evaluation folders, each with a file of objects of a plate for each population."""

from collections.abc import Sequence
from pathlib import Path

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.objects.objects import ObjectFile, open_objects
from cellprofiling.io.objects.partitions import CellFormat, Opened, without_cells
from cellprofiling.io.storage.files import found
from cellprofiling.io.storage.text import Text, read_head, take_apart

NAME = "Objects_Population - *.txt"
DEEP = ("", "*/", "*/*/", "*/*/*/")  # screen / plate / evaluation; below them lie images by the million
PLATE_LINE = 3  # where exports in another language than English name the plate


def find(path: Path) -> list[Path]:
    """Return the object tables in an evaluation folder, or in the folders of plates above."""
    files = sorted(file for deep in DEEP for file in path.glob(deep + NAME)) if path.is_dir() else found(path)
    return [file for file in files if file.match(NAME) and _data_at(read_head(file)) >= 0]


def open_files(files: Sequence[Path], *, population: str | None = None) -> Opened:
    """Tell the plate of a file by its preamble."""
    heads = {path: read_head(path) for path in files}
    texts = {path: take_data(head, path) for path, head in heads.items()}
    filled = [_object_file(text, heads[path]) for path, text in texts.items() if not text.empty]
    if not filled:
        raise FileFormatError(f"{str(files[0].parent)!r}: holds Harmony tables, but none holds an object.")
    return open_objects(filled, take_data, population, without_cells([path for path in files if texts[path].empty]))


def take_data(data: bytes, source: Path) -> Text:
    """Take apart what follows the line `[Data]`."""
    return take_apart(data[_data_at(data) :].partition(b"\n")[2], source)


def _object_file(text: Text, head: bytes) -> ObjectFile:
    return ObjectFile(text.source, text.names, _plate(head, text.source), str(text.source.parent), None)


def _plate(head: bytes, source: Path) -> str:
    preamble = [line.split("\t") for line in head[: _data_at(head)].decode().splitlines()]
    named = [line for line in preamble if line[0].strip().lower() == "plate name"] or preamble[PLATE_LINE:][:1]
    if not named or len(named[0]) < 2 or not named[0][1].strip():
        raise FileFormatError(f"{str(source)!r}: no 'Plate Name' above '[Data]'; export the evaluation again.")
    return named[0][1].strip()


def _data_at(data: bytes) -> int:
    return data.find(b"[Data]")


HARMONY = CellFormat(
    "harmony", "object tables of Harmony (Objects_Population - X.txt)", find, open_files, ("population",)
)
