"""The peaks of DNA content of groups of cells, wherever the cells are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.cells.cycle.dna_content import Content, find_content
from cellprofiling.core.errors import InputError
from cellprofiling.core.frame import PLATE, By, Reference, columns_once, groups, matches, named, refuse_mask, require
from cellprofiling.core.ledgers import KEY, Line, lines
from cellprofiling.core.progress import Counter
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects.partitions import Partition, in_memory, read_once
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.cells.cell_cycle import RATIO, Cycle, fit_cycle

FITS = "cell_cycle"  # in attrs

Key = tuple[object, ...]


@dataclass(frozen=True)
class Source:
    """Cells wherever they are; `origin` carries their ledger."""

    partitions: Sequence[Partition]
    schema: pd.DataFrame
    origin: pd.DataFrame


@dataclass(frozen=True)
class Plan:
    """What is asked for, checked."""

    by: list[str]
    reference: Reference
    content: Content
    columns: list[str]


def opened(
    cells: pd.DataFrame | Cells | PathLike,
    by: By,
    reference: Reference,
    dna: str | None,
    area: str | None,
    background: float | str,
) -> tuple[Source, Plan]:
    """Return the cells, wherever they are, and what is asked of them."""
    source, reference = _source(cells, reference)
    content = find_content(source.schema, dna, area, background)
    keys = require(source.schema, by, "by")
    asked = require(source.schema, named(reference, source.schema.columns), "reference")
    return source, Plan(keys, reference, content, list(dict.fromkeys([*keys, *asked, *content.columns])))


def _source(cells: pd.DataFrame | Cells | PathLike, reference: Reference) -> tuple[Source, Reference]:
    if isinstance(cells, str | os.PathLike):
        cells = open_cells(cells)
    if isinstance(cells, Cells):
        refuse_mask(reference, "reference")
        origin = cells.schema.copy()
        origin.attrs[KEY] = cells.lines
        return Source(read_once(cells.partitions), cells.schema, origin), reference
    columns_once(cells)
    if not len(cells):
        raise InputError("cells: the table has no rows.")
    plain = cells.copy(deep=False)
    plain.attrs = {}
    mask = None if reference is None or isinstance(reference, str | Mapping) else matches(cells, reference)
    return Source([in_memory(plain)], cells.iloc[:0], cells.iloc[:0]), reference if mask is None else mask


def plate_alone(by: Sequence[str]) -> list[str]:
    """Return by what partitions are read together: plates, if no group has cells of two."""
    return [PLATE] if PLATE in by else []


def read_some(piece: Partition, columns: Sequence[str], counter: Counter) -> pd.DataFrame:
    """Read some columns, and count the partition."""
    table = piece.read(list(dict.fromkeys(columns)))
    counter.add(piece.plate, len(table), piece.size)
    return table


def find_peaks(table: pd.DataFrame, plan: Plan) -> tuple[dict[Key, Cycle | None], list[dict[str, object]]]:
    """Return the peaks of each group, and a row that tells of each."""
    codes, keys = groups(table, plan.by)
    chosen = matches(table, plan.reference)
    v = plan.content.logarithms(table)
    fits: dict[Key, Cycle | None] = {}
    rows = []
    for number, key in enumerate(group_keys(keys)):
        here = v[(codes == number) & chosen]
        cycle = fits[key] = fit_cycle(here)
        row: dict[str, object] = dict(zip(plan.by, key, strict=True))
        if cycle is not None:
            row |= {"two_n": float(2**cycle.two_n), "ratio": float(2**cycle.doubling)}
            row |= {"cv": float(cycle.spread * np.log(2))}
            row |= dict(zip(("g1", "s", "g2m"), cycle.weights, strict=False))
        rows.append(row | {"n_cells": int(np.isfinite(here).sum())})
    return fits, rows


def group_keys(keys: pd.DataFrame) -> list[Key]:
    """Return the keys of groups as tuples."""
    return list(keys.itertuples(index=False, name=None)) if len(keys.columns) else [()]


def peak_lines(rows: Sequence[Mapping[str, object]], table: pd.DataFrame, plan: Plan) -> list[Line]:
    """Return ledger lines of groups without peaks, of peaks at the limits, and of cells without a value."""
    new = []
    for row in rows:
        name = " ".join(str(row[column]) for column in plan.by) or "all"
        if "ratio" not in row:
            new += lines("cell_cycle", "group", [name], f"no phases: no two peaks of DNA in {row['n_cells']} cells")
        elif not RATIO[0] + 1e-6 < float(str(row["ratio"])) < RATIO[1] - 1e-6:
            text = (
                f"the peaks lie a factor of {float(str(row['ratio'])):.2f} apart, at the limit: background, or no G2?"
            )
            new += lines("cell_cycle", "group", [name], text)
    n = int(np.isnan(plan.content.logarithms(table)).sum())
    return new + (lines("cell_cycle", "cell", ["all"], "no phase: no DNA value above the background", n=n) if n else [])
