"""Cells in SQLite to wells: against pycytominer's SingleCells, and against CytoTable in an environment of its own.

CytoTable needs versions of DuckDB that are not those of this project. Its environment, `.venv-cytotable` beside
`.venv`, is made on first use, which takes some minutes; without network the case says so and is left out.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import venv
import warnings
from pathlib import Path
from typing import Any

import cases
import numpy as np

import cellprofiling as cpf

N_CELLS, N_FEATURES, SITES = 100_000, 200, 4
COMPARTMENTS = {"Nuclei": [], "Cells": ["Nuclei"], "Cytoplasm": ["Cells", "Nuclei"]}
ENVIRONMENT = Path(__file__).parents[1] / ".venv-cytotable"
PINNED = (
    "cytotable==1.2.6",
    "duckdb==1.5.5",
    "duckdb-extension-sqlite-scanner==1.5.5",
    "duckdb-extension-httpfs==1.5.5",
)

CONVERT = """
import duckdb, importlib.resources, sys, parsl
from parsl.config import Config
from parsl.executors import ThreadPoolExecutor
from cytotable import convert
for name in ("sqlite_scanner", "httpfs"):
    files = importlib.resources.files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
    duckdb.connect().execute(f"INSTALL '{files / name}.duckdb_extension'")
keys = "EXCLUDE (Metadata_TableNumber, Metadata_ImageNumber)"
using = "USING (Metadata_TableNumber, Metadata_ImageNumber)"
joins = f'''SELECT image.*, cytoplasm.* {keys}, cells.* {keys}, nuclei.* {keys}
    FROM read_parquet('cytoplasm.parquet') AS cytoplasm
    LEFT JOIN read_parquet('cells.parquet') AS cells {using} LEFT JOIN read_parquet('nuclei.parquet') AS nuclei {using}
    LEFT JOIN read_parquet('image.parquet') AS image {using}
    WHERE cells.Cells_ObjectNumber = cytoplasm.Metadata_Cytoplasm_Parent_Cells
    AND nuclei.Nuclei_ObjectNumber = cytoplasm.Metadata_Cytoplasm_Parent_Nuclei'''
pages = {name: "ObjectNumber" for name in ("cells", "nuclei", "cytoplasm")}
pages |= {"image": "ImageNumber", "join": "Metadata_Cytoplasm_Parent_Cells"}
convert(source_path=sys.argv[1], dest_path=sys.argv[2], dest_datatype="parquet", joins=joins, page_keys=pages,
    preset="cell-health-cellprofiler-to-cytominer-database", chunk_size=30000,
    parsl_config=Config(executors=[ThreadPoolExecutor(max_threads=2)]))
"""


def database() -> Path:
    """Return a plate as cytominer-database writes it: three compartments of 100,000 objects and 200 features, 620 MB.

    It is made once and kept in the folder for temporary files.
    """
    path = Path(tempfile.gettempdir(), f"cellprofiling-bench-{N_CELLS}-{N_FEATURES}.sqlite")
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        _write(unfinished)
        unfinished.rename(path)
    return path


def _write(path: Path) -> None:
    rng = np.random.default_rng(0)
    image = np.sort(rng.integers(0, 384 * SITES, N_CELLS))
    first = np.searchsorted(image, image)
    number = np.arange(N_CELLS) - first + 1
    wells = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA journal_mode = OFF")
        columns = (
            "TableNumber BIGINT, ImageNumber BIGINT, Metadata_Plate TEXT, Metadata_Well TEXT, Metadata_Site BIGINT"
        )
        file.execute(f"CREATE TABLE Image ({columns})")
        places = [(10**12 + i, 1, "P1", wells[i // SITES], i % SITES + 1) for i in range(384 * SITES)]
        file.executemany("INSERT INTO Image VALUES (?, ?, ?, ?, ?)", places)
        for name, parents in COMPARTMENTS.items():
            measured = [f"{name}_Texture_Contrast_DNA_{i}_00_256 FLOAT" for i in range(N_FEATURES)]
            related = [f"{name}_Parent_{parent} BIGINT" for parent in parents]
            keys = [f"{key} BIGINT" for key in ("TableNumber", "ImageNumber", "ObjectNumber")]
            file.execute(f"CREATE TABLE {name} ({', '.join([*keys, *measured, *related])})")
            marks = ", ".join("?" * (len(keys) + N_FEATURES + len(parents)))
            for start in range(0, N_CELLS, 5000):
                x = rng.normal(1, 1, (5000, N_FEATURES)).tolist()
                rows = zip(image[start : start + 5000].tolist(), number[start : start + 5000].tolist(), x, strict=True)
                values = [(10**12 + i, 1, n, *row, *[n] * len(parents)) for i, n, row in rows]
                file.executemany(f"INSERT INTO {name} VALUES ({marks})", values)
            file.execute(f"CREATE INDEX {name}_idx ON {name} (TableNumber, ImageNumber, ObjectNumber)")
        file.execute("CREATE INDEX image_idx ON Image (TableNumber, ImageNumber)")
    file.close()


def pycytominer_medians(path: Path) -> Any:
    """Aggregate by pycytominer."""
    warnings.simplefilter("ignore")
    from pycytominer.cyto_utils.cells import SingleCells

    strata, site = ["Metadata_Plate", "Metadata_Well"], "Metadata_Site"
    columns = ["TableNumber", "ImageNumber", site]
    return SingleCells(
        f"sqlite:///{path}", strata=strata, image_cols=columns, fields_of_view_feature=site
    ).aggregate_profiles()


def cytotable_parquet(path: Path) -> Any:
    """Convert by CytoTable, which aggregates nothing."""
    home = {**os.environ, "HOME": str(ENVIRONMENT), "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        command = [str(ENVIRONMENT / "bin" / "python"), "-c", CONVERT, str(path), f"{folder}/cells.parquet"]
        subprocess.run(command, check=True, cwd=folder, env=home, capture_output=True)


def with_cytotable() -> bool:
    """Make the environment of CytoTable if need be; return whether it is there, and say so if it cannot be."""
    if (ENVIRONMENT / "ready").exists() or (ENVIRONMENT / "absent").exists():
        return (ENVIRONMENT / "ready").exists()
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        command = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", *PINNED]
        subprocess.run(command, check=True, capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        print(
            f"CytoTable is left out: {ENVIRONMENT} cannot be made ({error}); remove it to try again.", file=sys.stderr
        )
        (ENVIRONMENT / "absent").touch()
        return False
    (ENVIRONMENT / "ready").touch()
    return True


SIZE = "one SQLite file, 100,000 cells x 3 compartments x 200 features"
CASES = (
    cases.Case(
        "cells in SQLite to wells, median",
        database,
        lambda path: cpf.aggregate(cpf.open_cells(path)),
        pycytominer_medians,
        "pycytominer",
        SIZE,
    ),
    *(
        [
            cases.Case(
                "cells in SQLite to wells, median, beside the conversion alone",
                database,
                lambda path: cpf.aggregate(cpf.open_cells(path)),
                cytotable_parquet,
                "CytoTable",
                f"{SIZE}; the peer joins and writes parquet",
            )
        ]
        if with_cytotable()
        else []
    ),
)
