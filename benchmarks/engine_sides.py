"""What is timed on cells in files: each side does the same to all plates of a folder, one after the other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

KEYS = ["Metadata_Plate", "Metadata_Well"]
FOUR = ["median", "mad", "mean", "count"]
ROWS_TOGETHER = 16_384  # of a row group, as found in public files


def names(n: int) -> list[str]:
    """Return feature names that all sides take for features."""
    return [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(n)]


def write_plate(
    path: Path, plate: str, *, wells: int, cells: int, features: int, shuffled: bool, copies: int = 1
) -> None:
    """Write a plate as zstd parquet: `cells` per well about, float32, 0.5 % nulls, features of several shapes."""
    rng = np.random.default_rng(sum(map(ord, plate)))
    size = np.clip(rng.lognormal(np.log(cells), 0.4, wells), 8, 3 * cells).astype(int)
    well = np.repeat(np.arange(wells), size)
    if shuffled:
        rng.shuffle(well)
    called = np.array([f"{chr(65 + w // 24)}{w % 24 + 1:02d}" for w in range(wells)])
    columns = {KEYS[0]: pa.repeat(plate, len(well)), KEYS[1]: pa.array(called[well])}
    for i, name in enumerate(names(features)):
        columns[name] = pa.array(_feature(i, well, rng), mask=rng.random(len(well)) < 0.005)
    table = pa.table(columns)
    with parquet.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=KEYS) as writer:
        for _ in range(copies):
            writer.write_table(table, ROWS_TOGETHER)


def _feature(i: int, well: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=len(well)) + 0.3 * rng.normal(size=well.max() + 1)[well]
    if i % 20 < 3:
        x = np.exp(x)
    elif i % 20 < 5:
        x = np.round(5 * x)
    elif i % 20 == 5:
        x = np.where(rng.random(len(x)) < 0.6, 0, x)
    return x.astype(np.float32)


def plates(folder: Path) -> list[Path]:
    """Return the files of a folder."""
    return sorted(folder.glob("*.parquet"))


def scan(folder: Path) -> Any:
    """Read all features in batches of eight by two threads, and throw them away: what reading alone takes."""
    for path in plates(folder):
        footer = parquet.read_metadata(path)
        features = [name for name in footer.schema.to_arrow_schema().names if name not in KEYS]
        opened = threading.local()

        def read(batch: list[str], path: Path = path, footer: Any = footer, opened: Any = opened) -> int:
            if not hasattr(opened, "file"):
                opened.file = parquet.ParquetFile(path, metadata=footer)
            return len(opened.file.read_row_groups(range(footer.num_row_groups), batch, use_threads=False))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(read, [features[i : i + 8] for i in range(0, len(features), 8)]))


def ours(folder: Path, statistics: str | list[str] = "median") -> Any:
    """Aggregate here."""
    import cellprofiling as cpf

    return cpf.aggregate(folder, statistics=statistics)


def pycytominer(folder: Path) -> Any:
    """Aggregate by pycytominer, plate by plate."""
    import pandas as pd
    from pycytominer import aggregate

    for path in plates(folder):
        table = pd.read_parquet(path)
        features = [name for name in table if name not in KEYS]
        aggregate(table, strata=KEYS, features=features)


def polars(folder: Path) -> Any:
    """Aggregate by polars, plate by plate; NaN and null both missing, in double precision."""
    import polars as pl

    values = pl.all().exclude(KEYS).cast(pl.Float64).fill_nan(None).median()
    for path in plates(folder):
        pl.read_parquet(path).group_by(KEYS).agg(values)


def duckdb(folder: Path) -> Any:
    """Aggregate by DuckDB, plate by plate; its medians of float32 are float32."""
    import duckdb as db

    for path in plates(folder):
        db.sql(
            f"SELECT {', '.join(KEYS)}, median(COLUMNS(* EXCLUDE ({', '.join(KEYS)}))) FROM '{path}' GROUP BY ALL"
        ).arrow()


SIDES: dict[str, Callable[[Path], Any]] = {
    "scan": scan,
    "cellprofiling": ours,
    "cellprofiling, median + MAD + mean + count": lambda folder: ours(folder, FOUR),
    "polars": polars,
    "DuckDB": duckdb,
    "pycytominer": pycytominer,
}
