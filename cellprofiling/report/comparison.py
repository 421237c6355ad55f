"""The comparison of corrections as a page: the recommendation, the verdicts, and every score with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.core.face.version import __version__
from cellprofiling.io.storage.files import atomic
from cellprofiling.profiles.comparison.scores import FIXED, METRICS
from cellprofiling.report.render import TEMPLATES

GROUPS = {"biology": "Biology", "technical": "Mixing", "safety": "Safety", "cost": "Cost"}


@dataclass(frozen=True)
class Cell:
    """One score of one candidate, in words; `sense` is "up", "down" or "" for better, worse, or not told apart."""

    value: str
    interval: str
    difference: str
    sense: str


@dataclass(frozen=True)
class Row:
    """One score of all candidates; `doubtful` greys it, and `note` says why."""

    words: str
    arrow: str
    cells: list[Cell]
    note: str
    doubtful: bool


def write_comparison(table: pd.DataFrame, path: str | PathLike[str]) -> Path:
    """
    Write a comparison of corrections as one HTML page that needs nothing else.

    Parameters
    ----------
    table : pandas.DataFrame
        What `compare_corrections` returns.
    path : path-like
        The HTML file to write.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the table is not one of `compare_corrections`.

    See Also
    --------
    compare_corrections : The table.
    plot.corrections : The figure.

    Examples
    --------
    >>> import tempfile
    >>> import cellprofiling as cpf
    >>> from cellprofiling.simulate.faults.batch_screen import simulate_batches
    >>> wells = simulate_batches("balanced", compounds=24, features=30).wells
    >>> table = cpf.compare_corrections(wells, {}, batch="Metadata_Batch", by="Metadata_Compound",
    ...                                 reference="Metadata_Role == 'negcon'", draws=20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = cpf.write_comparison(table, f"{folder}/corrections.html").read_text(encoding="utf-8")
    >>> "Make no correction" in page
    True
    """
    checks.arguments(locals())
    require(table, ("candidate", "group", "metric", "value", "low", "high", "difference", "note"), "table")
    if "recommendation" not in table.attrs:
        raise InputError("table: holds no recommendation; give the table that compare_corrections returns.")
    page = _render(table)
    path = Path(path)
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _render(table: pd.DataFrame) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cellprofiling.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    record = table.attrs["recommendation"]
    names = list(dict.fromkeys(table["candidate"]))
    return environment.get_template("comparison.html.j2").render(
        record=record,
        names=names,
        verdicts={name: record["candidates"].get(name, {"verdict": "", "reason": ""}) for name in names},
        refused={n: v["reason"] for n, v in record["candidates"].items() if v["verdict"] == "refused"},
        groups=_groups(table, names, record),
        version=__version__,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
    )


def _groups(table: pd.DataFrame, names: list[str], record: dict[str, Any]) -> list[tuple[str, list[Row]]]:
    """Return the scores that some candidate has, by group."""
    found: dict[str, list[Row]] = {group: [] for group in GROUPS}
    fixed = record.get("fixed_layout", np.nan)
    for metric in METRICS:
        rows = table[table["metric"] == metric.name].set_index("candidate").reindex(names)
        if rows["value"].notna().any():
            note = next((str(note) for note in rows["note"] if isinstance(note, str) and note), "")
            doubtful = metric.name == "replicate_map" and fixed > FIXED
            cells = [_cell(row, metric.better) for row in rows.to_dict("records")]
            arrow = {1: "more is better", -1: "less is better", 0: ""}[metric.better]
            found[metric.group].append(Row(metric.words, arrow, cells, note, doubtful))
    return [(GROUPS[group], rows) for group, rows in found.items() if rows]


def _cell(row: Mapping[Any, Any], better: int) -> Cell:
    if not np.isfinite(row["value"]):
        return Cell("–", "", "", "")
    interval = f"{row['low']:.3f} to {row['high']:.3f}" if np.isfinite(row["low"]) else ""
    if row["difference"] == 0 or not np.isfinite(row["difference"]):
        return Cell(f"{row['value']:.3f}", interval, "", "")
    sense = ""
    if better and (row["difference_low"] > 0 or row["difference_high"] < 0):
        sense = "up" if row["difference"] * better > 0 else "down"
    told = f"{row['difference']:+.3f} ({row['difference_low']:+.3f} to {row['difference_high']:+.3f})"
    return Cell(f"{row['value']:.3f}", interval, told, sense)
