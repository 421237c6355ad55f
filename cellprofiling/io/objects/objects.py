"""Object tables as Columbus and Harmony export them: one row per object, keys and features side by side."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import FileFormatError, InputError, listed, one_of
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.plates import plate_format, standard_wells, well_name
from cellprofiling.io.objects.partitions import Opened, Partition, total_size
from cellprofiling.io.storage.arrow import same_columns, to_profiles
from cellprofiling.io.storage.columns import texts_table, typed
from cellprofiling.io.storage.text import Text, read_bytes, read_head, utf8

ROW, COLUMN, POPULATION = "Metadata_Row", "Metadata_Column", "Metadata_Population"
LABELS = {
    "PlateName": PLATE,
    "WellName": WELL,
    "Row": ROW,
    "Column": COLUMN,
    "Field": "Metadata_Site",
    "Object Number": "Metadata_ObjectNumber",
    "Object No": "Metadata_ObjectNumber",
    "Cell Type": "Metadata_CellType",
    "Cell Count": "Metadata_CellCount",
    **{name: f"Metadata_{name}" for name in ("ScreenName", "ScreenID", "PlateID", "MeasurementDate", "MeasurementID")},
    **{name: f"Metadata_{name}" for name in ("Plane", "Timepoint", "Compound", "Concentration")},
}
BOX = "Bounding Box"  # four numbers in one text

_POPULATION = re.compile(r"Population - (.+?)(?:\[\d+\])?\.\w+$")

TakeApart = Callable[[bytes, Path], Text]


@dataclass(frozen=True)
class ObjectFile:
    """One file of objects.

    Attributes
    ----------
    names : its columns.
    plate : the plate of all its objects.
    measurement : which of several exports or evaluations of the plate it belongs to.
    well : its only well; None if it holds a plate.
    """

    path: Path
    names: tuple[str, ...]
    plate: str
    measurement: str
    well: str | None

    @property
    def population(self) -> str:
        """The kind of object: from the file name, else from what stands before " - " in the feature names."""
        match = _POPULATION.search(self.path.name)
        return match[1] if match else next((name.split(" - ")[0] for name in self.names if " - " in name), "")


def open_objects(
    files: Sequence[ObjectFile], take_apart: TakeApart, population: str | None, left_out: Sequence[Line]
) -> Opened:
    """Return the objects of one population, partitioned by plate."""
    chosen = _of_population(files, population)
    _refuse_twice(chosen)
    same_columns({file.path: file.names for file in chosen})
    head = take_apart(read_head(chosen[0].path), chosen[0].path)
    schema = _objects([head], chosen[0]).iloc[:0]
    ordered = sorted(chosen, key=lambda file: (file.plate, file.path))
    by_plate = {plate: list(group) for plate, group in groupby(ordered, key=lambda file: file.plate)}
    names = tuple(map(str, schema.columns))
    partitions = [
        Partition(plate, names, partial(_load, group, take_apart), columnar=False, paths=paths, size=total_size(paths))
        for plate, group in by_plate.items()
        for paths in [tuple(file.path for file in group)]
    ]
    box = lines("open_cells", "column", [BOX] if BOX in chosen[0].names else [], "dropped: a text of four numbers")
    return Opened(tuple(partitions), schema, [*left_out, *box])


def _of_population(files: Sequence[ObjectFile], population: str | None) -> list[ObjectFile]:
    populations = sorted({file.population for file in files})
    if population is None and len(populations) > 1:
        raise InputError(f"the files hold {listed(populations)}: choose one with population={populations[0]!r}.")
    wanted = populations[0] if population is None else one_of("population", population, populations)
    return [file for file in files if file.population == wanted]


def _refuse_twice(files: Sequence[ObjectFile]) -> None:
    """Refuse a plate or a well that was exported twice: its objects would be counted twice."""
    seen: dict[tuple[str, str | None], ObjectFile] = {}
    plates: dict[str, ObjectFile] = {}
    for file in files:
        other = plates.setdefault(file.plate, file)
        if other.measurement != file.measurement:
            raise FileFormatError(
                f"plate {file.plate!r} is there twice, as {other.measurement!r} ({other.path.name}) and as "
                f"{file.measurement!r} ({file.path.name}): move one of the two exports out of the folder."
            )
        twin = seen.setdefault((file.plate, file.well), file)
        if twin is not file:
            where = f"well {file.well!r} of plate {file.plate!r}" if file.well else f"plate {file.plate!r}"
            raise FileFormatError(
                f"{where} is there twice, in {str(twin.path)!r} and in {str(file.path)!r}: move one of the two away."
            )


def _load(files: Sequence[ObjectFile], take_apart: TakeApart, columns: Sequence[str]) -> pd.DataFrame:
    texts = [take_apart(utf8(read_bytes(file.path)), file.path) for file in files]
    return _objects(texts, files[0])[list(columns)]


def _objects(texts: Sequence[Text], file: ObjectFile) -> pd.DataFrame:
    table = texts_table(texts)
    _refuse_other_plates(table, file)
    kept = [name for name in table.column_names if name != BOX]
    labeled = typed(table.select(kept).rename_columns([LABELS.get(name, name) for name in kept]))
    for label, value in ((POPULATION, file.population), (PLATE, file.plate)):
        if label not in labeled.column_names:
            labeled = labeled.add_column(0, label, pa.repeat(value, len(labeled)))
    return _with_wells(to_profiles(labeled))


def _refuse_other_plates(table: pa.Table, file: ObjectFile) -> None:
    others = set(table["PlateName"].unique().to_pylist()) - {file.plate} if "PlateName" in table.column_names else set()
    if others:
        raise FileFormatError(
            f"{file.path.name!r}: begins with plate {file.plate!r} and goes on with {listed(sorted(others))}: "
            "export one plate per file."
        )


def _with_wells(objects: pd.DataFrame) -> pd.DataFrame:
    if WELL in objects:
        return objects.assign(**{WELL: standard_wells(objects[WELL])})
    positions = objects[[ROW, COLUMN]]
    places = positions.drop_duplicates()
    plate_format(int(places[ROW].max()), int(places[COLUMN].max()))
    names = pd.Series([well_name(row - 1, column - 1) for row, column in places.itertuples(index=False)], dtype="str")
    numbers = pd.MultiIndex.from_frame(places).get_indexer(pd.MultiIndex.from_frame(positions))
    objects.insert(1, WELL, names.to_numpy()[numbers])
    return objects
