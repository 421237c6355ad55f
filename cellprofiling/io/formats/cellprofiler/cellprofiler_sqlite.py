"""CellProfiler in SQLite: ExportToDatabase, and what cytominer-database makes of a plate (the Gallery's backend)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE
from cellprofiling.core.dialects import CELLPROFILER as GRAMMAR
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.threads import over
from cellprofiling.io.objects.database_layout import TABLE, Layout, holds_images, layout_of
from cellprofiling.io.objects.images import IMAGE_NUMBER, TABLE_NUMBER, Wanted, columns_of_images, not_read, placed
from cellprofiling.io.objects.measurements import Compartment, Found, chosen, opened, schema_of
from cellprofiling.io.objects.object_tables import IMAGE, objects_of
from cellprofiling.io.objects.partitions import CellFormat, Opened, name_of, no_plate_column
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.sqlite import Database, database, is_sqlite, quoted
from cellprofiling.kernels.arrays import Doubles, Indices, Mask

ENDINGS = (".sqlite", ".sqlite3", ".db", ".db3")
DEEP = ("", "*/", "*/*/")  # backend / batch / plate
AT_ONCE = 1 << 14  # rows that one thread reads
GAP = 1 << 10  # rows of other images that are read and dropped, rather than asking twice


class Task(NamedTuple):
    """Rows of the table of a compartment, between two row numbers, to be read by one thread."""

    name: str
    columns: Sequence[str]
    first: int
    last: int


class Part(NamedTuple):
    """What one thread read: image and values of objects, and how many texts in each column mean a missing value."""

    image: NDArray[np.int64]
    values: list[Doubles]
    missing: dict[str, int]


@dataclass(frozen=True)
class Plate:
    """One file, opened: a `measurements.Store`.

    Attributes
    ----------
    spans : for each table and image the first and the last row number of its objects, and how many they are.
    tables : the numbers of the tables as text, none if images are told apart by their number alone.
    """

    images: pd.DataFrame
    sizes: Sequence[float]
    database: Database
    layout: Layout
    spans: Mapping[str, NDArray[np.int64]]
    tables: pa.Array | None
    keys: pd.Index

    @property
    def units(self) -> Sequence[int]:
        """Each image can be read by itself."""
        return range(len(self.images))

    @property
    def compartments(self) -> Mapping[str, Compartment]:
        """The compartments, by name."""
        return {name: kind.compartment for name, kind in self.layout.kinds.items()}

    def paths(self, images: Indices) -> tuple[Path, ...]:  # noqa: ARG002
        """Return the file, in which all images lie."""
        return (self.database.path,)

    def read(self, asked: Mapping[str, Sequence[str]], images: Indices) -> dict[str, Found]:
        """Return the objects of compartments in some images, with some columns each."""
        work = [
            Task(name, [IMAGE, *self.layout.kinds[name].needed(columns)], *piece)
            for name, columns in asked.items()
            for piece in _pieces(self.spans[self.layout.tables[name]][images])
        ]
        wanted = np.zeros(len(self.images) + 1, bool)
        wanted[images] = True
        parts = over(lambda task: self._rows(task, wanted), work)
        return {
            name: self._found(
                name, columns, [part for part, task in zip(parts, work, strict=True) if task.name == name]
            )
            for name, columns in asked.items()
        }

    def _rows(self, task: Task, wanted: Mask) -> Part:
        """Return the image and the values of the objects between two row numbers, without those of other images."""
        table, where = self.layout.tables[task.name], f"WHERE rowid BETWEEN {task.first} AND {task.last}"
        values, missing = self.database.numbers(table, task.columns, where)
        image = self._codes(values[0], None if self.tables is None else self.database.labels(table, TABLE, where))
        kept = wanted[image]
        if not kept.all():
            image, values = image[kept], [column[kept] for column in values]
        return Part(image, values, {name: int(texts[kept].sum()) for name, texts in missing.items()})

    def _codes(self, number: Doubles, labels: pa.ChunkedArray | None) -> NDArray[np.int64]:
        if labels is None:
            return self.keys.get_indexer(pd.Index(number)).astype(np.int64)
        table = pc.fill_null(pc.index_in(labels, value_set=self.tables), -1).to_numpy()
        return self.keys.get_indexer(pd.MultiIndex.from_arrays([table, number])).astype(np.int64)

    def _found(self, name: str, columns: Sequence[str], parts: Sequence[Part]) -> Found:
        kind = self.layout.kinds[name]
        needed = [IMAGE, *kind.needed(columns)]
        values = {
            column: np.concatenate([part.values[i] for part in parts]) if parts else np.empty(0)
            for i, column in enumerate(needed)
        }
        image = np.concatenate([part.image for part in parts]) if parts else np.empty(0, np.int64)
        found = objects_of(kind, columns, values, image, str(self.database.path))
        return Found(found.objects, found.columns, found.values, [*found.lines, *_missing(parts)])


def find(path: Path) -> list[Path]:
    """Return the SQLite files with a table of images, in the file, folder or pattern, or in folders of plates below."""
    if path.is_file():
        return [path] if ending(path, ENDINGS) or is_sqlite(path) else []
    files = sorted(file for deep in DEEP for file in path.glob(deep + "*")) if path.is_dir() else found(path)
    named = [file for file in files if ending(file, ENDINGS) and file.is_file() and not file.name.startswith(".")]
    return [file for file in named if _may_be_measured(file)]


def open_files(
    files: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    compartments: Sequence[str] | None = None,
    objects: str = "matched",
    image: Wanted = False,
    pattern: str | None = None,
) -> Opened:
    """Read the tables of images, and from the indexes how many objects lie where; of the objects nothing."""
    plates = [_plate(path, columns, image, pattern) for path in files]
    filled = [(path, plate, found) for path, (plate, found) in zip(files, plates, strict=True) if len(plate.images)]
    left_out = [line for _, found in plates for line in found]
    if not filled:
        return Opened((), pd.DataFrame(), left_out)
    first = filled[0][1]
    names, others = chosen(first, compartments)
    same_columns({path: [*map(str, schema_of(plate, names, True))] for path, plate, _ in filled if _has(plate, names)})
    read = columns_of_images(first.layout.columns, image, columns, pattern)
    return opened(
        [plate for _, plate, _ in filled], objects, names, [*left_out, *others, *not_read(first.layout.columns, read)]
    )


def _has(plate: Plate, names: Sequence[str]) -> bool:
    absent = [name for name in names if name not in plate.compartments]
    if absent:
        raise FileFormatError(
            f"{str(plate.database.path)!r}: has no table of {listed(absent)}, and another file has; open it by "
            "itself, or choose with compartments=[...]."
        )
    return True


def _may_be_measured(path: Path) -> bool:
    """Return whether a file holds a table of images; a damaged one may."""
    if not is_sqlite(path):
        return ending(path, (".sqlite", ".sqlite3")) is not None
    try:
        return any(map(holds_images, Database(path).tables()))
    except FileFormatError:
        return True


def _plate(
    path: Path, columns: Mapping[str, str] | None, image: Wanted, pattern: str | None
) -> tuple[Plate, list[Line]]:
    file = database(path)
    layout = layout_of(path, file.tables())
    read = columns_of_images(layout.columns, image, columns, pattern)
    rows = file.rows(f"SELECT {', '.join(map(quoted, read))} FROM {quoted(layout.images)}")
    texts = pa.table(
        {new: pa.array([_text(row[i]) for row in rows], pa.string()) for i, new in enumerate(read.values())}
    )
    left_out: list[Line] = []
    if PLATE not in texts.column_names and pattern is None:
        texts = texts.append_column(PLATE, pa.repeat(name_of(path), len(texts)))
        left_out += no_plate_column([path])
    if not rows:
        left_out += lines("open_cells", "file", [path.name], f"left out: table {layout.images!r} holds no image")
    tables, keys = _keys(texts, path)
    spans, lost = _spans(file, layout, tables, keys)
    left_out += lost
    left_out += lines("open_cells", "table", layout.others, "left out: neither of images nor of objects")
    images = placed(texts, [str(path)] * len(rows), pattern) if rows else pd.DataFrame()
    counted = np.sum([span[:, 2] for span in spans.values()], axis=0)
    sizes = path.stat().st_size * counted / max(1, counted.sum())
    return Plate(images, sizes.tolist(), file, layout, spans, tables, keys), left_out


def _keys(texts: pa.Table, path: Path) -> tuple[pa.Array | None, pd.Index]:
    """Return the tables that there are, and an index of the images by table and number."""
    number = pd.Index(pc.cast(texts[IMAGE_NUMBER], pa.float64()).to_numpy())
    tables = None
    keys = number
    if TABLE_NUMBER in texts.column_names:
        tables = pc.unique(texts[TABLE_NUMBER])
        keys = pd.MultiIndex.from_arrays([pc.index_in(texts[TABLE_NUMBER], value_set=tables).to_numpy(), number])
    if not keys.is_unique:
        raise FileFormatError(
            f"{str(path)!r}: image {keys[keys.duplicated()][0]} is there twice in the table of images."
        )
    return tables, keys


def _spans(
    file: Database, layout: Layout, tables: pa.Array | None, keys: pd.Index
) -> tuple[dict[str, NDArray[np.int64]], list[Line]]:
    """Return where the objects of each image lie in each table, and ledger lines for those of unknown images."""
    spans: dict[str, NDArray[np.int64]] = {}
    left_out: list[Line] = []
    by = [IMAGE] if tables is None else [TABLE, IMAGE]
    for table in dict.fromkeys(layout.tables.values()):
        asked = ", ".join(map(quoted, by))
        rows = file.rows(f"SELECT {asked}, min(rowid), max(rowid), count(*) FROM {quoted(table)} GROUP BY {asked}")
        span = np.zeros((len(keys), 3), np.int64)
        numbers = pd.Index([float(row[-4] if row[-4] is not None else -1) for row in rows], dtype=float)
        wanted = numbers
        if tables is not None:
            labels = pa.array([_text(row[0]) for row in rows], pa.string())
            wanted = pd.MultiIndex.from_arrays(
                [pc.fill_null(pc.index_in(labels, value_set=tables), -1).to_numpy(), numbers]
            )
        at = keys.get_indexer(wanted)
        counts = np.array([row[-3:] for row in rows], np.int64).reshape(-1, 3)
        span[at[at >= 0]] = counts[at >= 0]
        lost = int(counts[at < 0, 2].sum())
        reason = f"left out: table {layout.images!r} has no row of their image"
        left_out += lines("open_cells", "object", [table] if lost else [], reason, n=lost)
        spans[table] = span
    return spans, left_out


def _pieces(span: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return ranges of row numbers that hold the objects of some images, of at most `AT_ONCE` rows each."""
    span = span[span[:, 2] > 0]
    span = span[np.argsort(span[:, 0])]
    runs: list[tuple[int, int]] = []
    for first, last, _ in span.tolist():
        if runs and first <= runs[-1][1] + GAP:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last))
        else:
            runs.append((first, last))
    return [(a, min(a + AT_ONCE - 1, last)) for first, last in runs for a in range(first, last + 1, AT_ONCE)]


def _missing(parts: Sequence[Part]) -> list[Line]:
    """Return a ledger line for each group of columns with texts that mean a missing value."""
    counts: dict[str, int] = {}
    for part in parts:
        for name, n in part.missing.items():
            match = GRAMMAR.fullmatch(name)
            group = f"{match['compartment']}_{match['group']}" if match else name
            counts[group] = counts.get(group, 0) + n
    reason = "a text such as 'nan' among numbers is read as missing"
    return [line for group, n in counts.items() if n for line in lines("open_cells", "value", [group], reason, n=n)]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


SQLITE = CellFormat(
    "sqlite",
    "SQLite files of CellProfiler or cytominer-database (tables Image and Cells, or Per_Image and Per_Cells)",
    find,
    open_files,
    ("columns", "compartments", "objects", "image", "pattern"),
)
