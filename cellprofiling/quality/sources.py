"""Single cells and images as the checks need them: shares of flagged cells per well, and measures of image quality."""

import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE, WELL, groups, require
from cellprofiling.core.errors import InputError
from cellprofiling.core.plates import standard_wells
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.tables import read_profiles

OURS = re.compile(r"Metadata_QC_(?P<name>\w+)")
FOREIGN = (
    re.compile(r"(?:Metadata_)?cqc[._](?P<name>.+)[._]is_outlier"),  # coSMicQC
    re.compile(r"(?:Image_)?Metadata_(?P<name>QCFlag\w*)"),  # the name CellProfiler's FlagImage gives
)
TEXTS = ("Metadata_QC_status", "Metadata_QC_reasons")  # what this package says of wells, not of cells
IMAGE_QUALITY = re.compile(r"(?:Image_)?(?P<name>ImageQuality_.+)")

NO_CELLS = "No single cells were given: cells= takes what flag_cells() returns."
UNFLAGGED = "The cells carry no flags: give what flag_cells() returns, or flags of coSMicQC or CellProfiler."
NO_IMAGES = "No measurements of images were given: images= takes a table with ImageQuality_ columns."
UNMEASURED = "The table of images has no ImageQuality_ columns: CellProfiler's MeasureImageQuality makes them."


def flagged_shares(
    cells: Any, wells: pd.DataFrame, keys: pd.DataFrame, plate: str, well: str, count: str
) -> tuple[pd.DataFrame | None, str]:
    """Return the share of flagged cells in each well, or why there is none."""
    if cells is None:
        return _counted(wells, keys, count)
    if isinstance(cells, str | os.PathLike):
        cells = open_cells(cells)
    if not isinstance(cells, Cells | pd.DataFrame):
        raise InputError(f"cells: expected a table, cells of open_cells() or a path, got {type(cells).__name__}.")
    schema = cells.schema if isinstance(cells, Cells) else cells
    require(schema, [plate, well], "cells")
    flags = _flags(schema.columns)
    if not flags:
        return None, UNFLAGGED
    sums = [_sums(part, flags, plate, well) for part in _pieces(cells, [plate, well, *flags])]
    total = pd.concat(sums).groupby([PLATE, WELL]).sum().reset_index()
    shares = total.drop(columns=[PLATE, WELL, "n_cells"]).div(total["n_cells"], axis=0)
    return pd.concat([total[[PLATE, WELL, "n_cells"]], shares], axis=1), ""


def image_measures(images: Any, plate: str, well: str) -> tuple[pd.DataFrame | None, str]:
    """Return the measures of image quality with plate and well, or why there are none."""
    if images is None:
        return None, NO_IMAGES
    if isinstance(images, str | os.PathLike):
        images = read_profiles(images)
    if not isinstance(images, pd.DataFrame):
        raise InputError(f"images: expected a table or a path, got {type(images).__name__}.")
    require(images, plate, "images")
    groups(images, plate, "images")
    found = {str(name): match["name"] for name in images.columns if (match := IMAGE_QUALITY.fullmatch(str(name)))}
    if not found:
        return None, UNMEASURED
    keys = {PLATE: images[plate].astype(str)}
    if well in images.columns:
        keys[WELL] = standard_wells(images[well])
    return pd.DataFrame(keys).join(images[list(found)].rename(columns=found)).reset_index(drop=True), ""


def _counted(wells: pd.DataFrame, keys: pd.DataFrame, count: str) -> tuple[pd.DataFrame | None, str]:
    """Return the shares from the counts of flags that `aggregate` writes, if the wells carry them."""
    found = {str(name): str(name).removesuffix("_Count") for name in wells.columns if _COUNTED.fullmatch(str(name))}
    if "Metadata_QC_Flagged" not in found.values() or count not in wells.columns:
        return None, NO_CELLS
    kept = wells[count].to_numpy(dtype=np.float64, na_value=np.nan)
    left_out = wells["Metadata_Excluded_Count"] if "Metadata_Excluded_Count" in wells.columns else 0
    n_cells = kept + np.asarray(left_out, dtype=np.float64)
    names = _flags(found.values())
    shares = {names[flag]: wells[column].to_numpy(dtype=np.float64) for column, flag in found.items()}
    table = keys.assign(n_cells=n_cells).reset_index(drop=True)
    known = pd.DataFrame(shares).div(np.where(n_cells > 0, n_cells, np.nan), axis=0)
    known.insert(0, "flagged", known.pop("flagged"))
    known.insert(1, "missing", known.pop("missing") if "missing" in known else 0.0)
    return pd.concat([table, known], axis=1).sort_values([PLATE, WELL], ignore_index=True), ""


_COUNTED = re.compile(r"Metadata_QC_\w+_Count")


def _flags(columns: Any) -> dict[str, str]:
    """Return the columns of flags and what they are called: ours, or those of others where there are none of ours."""
    names = [str(name) for name in columns]
    own = {name: match["name"].lower() for name in names if name not in TEXTS and (match := OURS.fullmatch(name))}
    if own:
        return own
    matches = {name: next(filter(None, (form.fullmatch(name) for form in FOREIGN)), None) for name in names}
    return {name: match["name"] for name, match in matches.items() if match}


def _pieces(cells: pd.DataFrame | Cells, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Yield the cells with some columns, a plate at a time where they lie in files."""
    if isinstance(cells, pd.DataFrame):
        yield cells[columns]
    else:
        yield from (partition.read(columns) for partition in cells.partitions)


def _sums(cells: pd.DataFrame, flags: dict[str, str], plate: str, well: str) -> pd.DataFrame:
    """Return for each well how many cells it has, how many are flagged at all, lack a value, and have each flag."""
    groups(cells, [plate, well], "cells")
    marks = {name: _marked(cells[column]) for column, name in flags.items()}
    unknown = cells[list(flags)].isna().any(axis=1).to_numpy()
    missing = marks.pop("missing", np.zeros(len(cells), dtype=bool)) | unknown
    flagged = marks.pop("flagged", np.logical_or.reduce([missing, *marks.values()]))
    keys = {PLATE: cells[plate].astype(str).to_numpy(), WELL: standard_wells(cells[well]).to_numpy()}
    table = pd.DataFrame({**keys, "n_cells": 1, "flagged": flagged, "missing": missing, **marks})
    return table.groupby([PLATE, WELL]).sum().reset_index()


def _marked(flag: pd.Series) -> NDArray[np.bool_]:
    """Return where a flag is set; one that is missing is not."""
    marked, known = np.zeros(len(flag), dtype=bool), flag.notna().to_numpy()
    marked[known] = flag[known].to_numpy().astype(bool)
    return marked
