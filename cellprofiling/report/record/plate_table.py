"""The general table of plates: one row per plate, one column per check that speaks of plates."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE
from cellprofiling.kernels.scale.scale import MAD_SCALE
from cellprofiling.report.record.tables import Column, Grid
from cellprofiling.report.record.verdict import STATUSES
from cellprofiling.report.record.words import MISSING, amount, number, percent

FIRST = 9  # columns of checks that show before the reader asks for more


def plates_grid(wells: pd.DataFrame, checks: list[dict[str, Any]], plates: list[str]) -> Grid:
    """Return a row per plate: its worst status, its wells and cells, and the value of each check."""
    by_plate: dict[str, dict[str, dict[str, Any]]] = {plate: {} for plate in plates}
    metrics: dict[str, str] = {}
    for check in checks:
        if check["level"] == "plate" and check["scope"] in by_plate:
            known = by_plate[check["scope"]].get(check["id"])
            if known is None or rank(check["status"]) < rank(known["status"]):
                by_plate[check["scope"]][check["id"]] = check
            metrics.setdefault(check["id"], check.get("metric") or check["id"])
    shown = _first(metrics, by_plate.values())
    counts = _counts(wells)
    rows = [_row(plate, by_plate[plate], list(metrics), counts.get(plate, (0, None))) for plate in plates]
    columns = (
        Column("Plate", "plate"),
        Column("Status", "status"),
        Column("Wells", "number"),
        Column("Cells", "number", "median cells per well"),
        *(Column(_words(name), "number", metric, name in shown) for name, metric in metrics.items()),
    )
    return Grid(
        name="plates",
        caption="Plates in the order of the screen",
        columns=columns,
        rows=rows,
        filter="Filter by plate or status",
        footer=_footer(rows, checks, list(metrics)),
        written=100,
    )


def rank(status: str | None) -> int:
    """Return how bad a status is, 0 the worst."""
    return len(STATUSES) if status is None else STATUSES.index(status)


def worst(checks: Iterable[dict[str, Any]]) -> str:
    """Return the worst status of the checks that were not waived, or nothing; where failing is no gate, it warns."""
    return min((_counted(check) for check in checks if not check["waived"]), key=rank, default="")


def _counted(check: dict[str, Any]) -> str:
    return "warn" if check["status"] == "fail" and not check.get("gate", True) else check["status"]


def _first(metrics: dict[str, str], plates: Iterable[dict[str, dict[str, Any]]]) -> set[str]:
    """Return the checks that show at first: those with problems, then those whose values differ between plates."""
    told = {name: [plate[name] for plate in plates if name in plate] for name in metrics}
    weight = {
        name: (min(rank(check["status"]) for check in found), len({check.get("value") for check in found}) < 2)
        for name, found in told.items()
    }
    return set(sorted(metrics, key=lambda name: weight[name])[:FIRST])


def _counts(wells: pd.DataFrame) -> dict[str, tuple[int, float | None]]:
    if PLATE not in wells.columns:
        return {}
    groups = wells.groupby(wells[PLATE].astype(str))
    sizes = groups.size()
    middles = groups[COUNT].median() if COUNT in wells.columns else sizes * np.nan
    return {plate: (int(sizes[plate]), _known(middles[plate])) for plate in sizes.index}


def _row(plate: str, found: dict[str, dict[str, Any]], metrics: list[str], count: tuple[int, float | None]) -> list:
    cells = [_cell(found.get(name)) for name in metrics]
    status = worst(found.values()) or "skipped"
    return [plate, status, [number(count[0]), count[0]], [number(count[1]), count[1]], *cells]


def _cell(check: dict[str, Any] | None) -> list[Any]:
    if check is None:
        return [MISSING, None, ""]
    told = check["shown"] if check["status"] in ("fail", "warn", "inconclusive") else ""
    return [check["measured"], _known(check.get("value")), told]


def _footer(rows: list[list[Any]], checks: list[dict[str, Any]], metrics: list[str]) -> tuple[list[Any], ...]:
    """Return the median over plates and its spread."""
    if len(rows) < 2:
        return ()
    shares = {check["id"] for check in checks if "%" in str(check.get("threshold"))}
    words = [number, number, *(percent if name in shares else amount for name in metrics)]
    values = [[row[2 + place][1] for row in rows] for place in range(len(words))]
    middle, spread = ["Median", ""], ["MAD", ""]
    for column, written in zip(values, words, strict=True):
        known = np.array([value for value in column if value is not None], dtype=np.float64)
        median = float(np.median(known)) if len(known) else None
        mad = None if median is None else MAD_SCALE * float(np.median(np.abs(known - median)))
        middle.append(written(median))
        spread.append(written(mad))
    return (middle, spread)


def _known(value: Any) -> float | None:
    return None if value is None or isinstance(value, str) or not np.isfinite(value) else float(value)


def _words(name: str) -> str:
    return name.split(".", 1)[-1].replace("_", " ")
