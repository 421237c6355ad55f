"""The peaks of DNA content of groups of cells, wherever the cells are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.cells.cycle.dna_content import Content, find_content
from cellprofiling.cells.source import CellSource, source_of
from cellprofiling.core.columns import PLATE, By, Reference, groups, matches, named, require
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.progress import Counter
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.partitions import Partition
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.cells.cell_cycle import RATIO, Cycle, fit_cycle

FITS = "cell_cycle"  # in attrs

Key = tuple[object, ...]


@dataclass(frozen=True)
class CyclePlan:
    """What is asked for, checked."""

    by: list[str]
    reference: Reference
    content: Content
    columns: list[str]


def cycle_plan(
    cells: pd.DataFrame | Cells | PathLike,
    by: By,
    reference: Reference,
    dna: str | None,
    area: str | None,
    background: float | str,
) -> tuple[CellSource, CyclePlan]:
    """Return the cells, wherever they are, and what is asked of them."""
    source = source_of(cells)
    reference = source.meant(reference)
    content = find_content(source.schema, dna, area, background)
    keys = require(source.schema, by, "by")
    asked = require(source.schema, named(reference, source.schema.columns), "reference")
    return source, CyclePlan(keys, reference, content, list(dict.fromkeys([*keys, *asked, *content.columns])))


def plate_alone(by: Sequence[str]) -> list[str]:
    """Return by what partitions are read together: plates, if no group has cells of two."""
    return [PLATE] if PLATE in by else []


def read_counted(piece: Partition, columns: Sequence[str], counter: Counter) -> pd.DataFrame:
    """Read some columns, and count the partition."""
    table = piece.read(list(dict.fromkeys(columns)))
    counter.add(piece.plate, len(table), piece.size)
    return table


def find_peaks(table: pd.DataFrame, plan: CyclePlan) -> tuple[dict[Key, Cycle | None], list[dict[str, object]]]:
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


def peak_lines(rows: Sequence[Mapping[str, object]], table: pd.DataFrame, plan: CyclePlan) -> list[Line]:
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
