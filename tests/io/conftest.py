"""Small screens as CellProfiler writes them, with known objects and relations: the fixture `cp` gives the writers."""

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

Rows = Sequence[Mapping[str, object]]

# Two cells and three nuclei: nucleus 2 has no cell, and cell 2 is of nucleus 3.
NUCLEI: Rows = [
    {"ObjectNumber": 1, "AreaShape_Area": 10, "Location_Center_X": 1.5, "Number_Object_Number": 1},
    {"ObjectNumber": 2, "AreaShape_Area": 20, "Location_Center_X": 2.5, "Number_Object_Number": 2},
    {"ObjectNumber": 3, "AreaShape_Area": 30, "Location_Center_X": 3.5, "Number_Object_Number": 3},
]
CELLS: Rows = [
    {"ObjectNumber": 1, "AreaShape_Area": 100, "Number_Object_Number": 1, "Parent_Nuclei": 1},
    {"ObjectNumber": 2, "AreaShape_Area": 300, "Number_Object_Number": 2, "Parent_Nuclei": 3},
]
CYTOPLASM: Rows = [
    {"ObjectNumber": 1, "AreaShape_Area": 90, "Number_Object_Number": 1, "Parent_Cells": 1, "Parent_Nuclei": 1},
    {"ObjectNumber": 2, "AreaShape_Area": 270, "Number_Object_Number": 2, "Parent_Cells": 2, "Parent_Nuclei": 3},
]
FOCI: Rows = [
    {"ObjectNumber": i + 1, "AreaShape_Area": i, "Number_Object_Number": i + 1, "Parent_Nuclei": parent}
    for i, parent in enumerate([1, 1, 3, 3, 3])
]
COMPARTMENTS = {"Nuclei": NUCLEI, "Cells": CELLS, "Cytoplasm": CYTOPLASM}


def changed(rows: Rows, at: int, **values: object) -> Rows:
    """Return rows with some values of one of them changed."""
    others = [{**row, **{name: row.get(name) for name in values}} for row in rows]
    return [{**row, **values} if i == at else row for i, row in enumerate(others)]


def image(plate: object = "P1", well: object = "A1", site: object = 1, number: int = 1, **more: object) -> dict:
    """Return a row of the table of images."""
    place = {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": site}
    return {"ImageNumber": number, "Count_Cells": 2, **{k: v for k, v in place.items() if v is not None}, **more}


def write_csv(path: Path, rows: Rows, header: Sequence[str] | None = None) -> Path:
    """Write rows, or a header alone."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def site(
    folder: Path, images: Rows | None = None, objects: Mapping[str, Rows] = COMPARTMENTS, prefix: str = ""
) -> Path:
    """Write one folder of csv files."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [image()] if images is None else images
    write_csv(folder / f"{prefix}Image.csv", images)
    for name, rows in objects.items():
        numbered = [{"ImageNumber": of["ImageNumber"], **row} for of in images for row in rows]
        write_csv(folder / f"{prefix}{name}.csv", numbered)
    return folder


def _table(database: sqlite3.Connection, name: str, rows: Rows, kind: str) -> None:
    kinds = {
        column: "BIGINT" if column in ("TableNumber", "ImageNumber", "ObjectNumber") else kind for column in rows[0]
    }
    columns = ", ".join('"' + column.replace('"', '""') + f'" {of}' for column, of in kinds.items())
    database.execute(f'CREATE TABLE "{name}" ({columns})')
    marks = ", ".join("?" for _ in rows[0])
    database.executemany(f'INSERT INTO "{name}" VALUES ({marks})', [tuple(row.values()) for row in rows])


def backend(
    path: Path, images: Rows | None = None, objects: Mapping[str, Rows] = COMPARTMENTS, *,
    tables: Sequence[object] | None = None, index: bool = True, kind: str = "FLOAT",
) -> Path:  # fmt: skip
    """Write a file as cytominer-database does: each image has a TableNumber, names have the compartment in front."""
    images = [image()] if images is None else images
    tables = [101 + i for i in range(len(images))] if tables is None else tables
    with sqlite3.connect(path) as database:
        _table(database, "Image", [{"TableNumber": t, **row} for t, row in zip(tables, images, strict=True)], "TEXT")
        for name, rows in objects.items():
            measured = [{k if k == "ObjectNumber" else f"{name}_{k}": v for k, v in row.items()} for row in rows]
            keys = [
                {"TableNumber": t, "ImageNumber": row["ImageNumber"]} for t, row in zip(tables, images, strict=True)
            ]
            _table(database, name, [{**key, **row} for key in keys for row in measured], kind)
            if index:
                database.execute(f'CREATE INDEX "{name}_idx" ON "{name}" (TableNumber, ImageNumber)')
    database.close()
    return path


def export(
    path: Path, images: Rows | None = None, objects: Mapping[str, Rows] = COMPARTMENTS, prefix: str = ""
) -> Path:
    """Write a file as ExportToDatabase does: Per_Image, Per_Cells and so on, without ObjectNumber."""
    images = [image()] if images is None else images
    with sqlite3.connect(path) as database:
        named = [{k if k == "ImageNumber" else f"Image_{k}": v for k, v in row.items()} for row in images]
        _table(database, f"{prefix}Per_Image", named, "")
        _table(database, f"{prefix}Per_Experiment", [{"CellProfiler_Version": "4.2.6"}], "TEXT")
        for name, rows in objects.items():
            measured = [{f"{name}_{k}": v for k, v in row.items() if k != "ObjectNumber"} for row in rows]
            whole = [{"ImageNumber": of["ImageNumber"], **row} for of in images for row in measured]
            _table(database, f"{prefix}Per_{name}", whole, "float")
    database.close()
    return path


@pytest.fixture(scope="session")
def cp() -> SimpleNamespace:
    """Give the writers of this file."""
    return SimpleNamespace(**globals())
