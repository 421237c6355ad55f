"""A simulated screen as a folder: what a laboratory would have, and beside it what only the simulator knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cellprofiling.core.columns import METADATA, PLATE
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.io.storage.files import PathLike, atomic
from cellprofiling.io.tables import write_profiles


def write_folder(
    folder: PathLike,
    cells: pd.DataFrame,
    platemap: pd.DataFrame,
    truth: dict[str, pd.DataFrame],
    recipe: dict[str, Any],
) -> Path:
    """Write one parquet file per plate, the platemap, the truth and ``screen.yaml``; return the folder."""
    folder = Path(folder)
    _refuse_unfit(folder, [f"{plate}.parquet" for plate in cells[PLATE].unique()])
    for part in ("cells", "truth"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for plate, rows in cells.groupby(PLATE, sort=False):
        write_profiles(rows, folder / "cells" / f"{plate}.parquet")
    write_profiles(platemap.rename(columns=_as_in_a_laboratory), folder / "platemap.csv")
    for name, table in truth.items():
        write_profiles(table, folder / "truth" / f"{name}.csv")
    with atomic(folder / "screen.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return folder


def _refuse_unfit(folder: Path, plates: Iterable[str]) -> None:
    if folder.is_file():
        raise FileFormatError(f"folder={str(folder)!r}: is a file; name a folder.")
    others = sorted({file.name for file in (folder / "cells").glob("*.parquet")} - set(plates))
    if others:
        raise FileFormatError(
            f"folder={str(folder)!r}: its cells/ holds {listed(others)} of another screen; name an empty folder."
        )


def _as_in_a_laboratory(column: str) -> str:
    return column.removeprefix(METADATA)
