"""What hits change, in words: the largest effects of each, as many as a page can bear."""

from typing import Any

import pandas as pd

from cellprofiling.core.errors import plural
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.tables import Column, Grid
from cellprofiling.report.record.words import amount, finite, joined, perturbations

LARGEST = 5  # effects of one hit on the page; the file holds all
BESIDE = 3  # of these, beside the reason of the hit
MOST = 2_000  # rows on the page
COLUMNS = (
    Column("Perturbation", "name"),
    Column("Group of features"),
    Column("g", "number", "Hedges' g: the difference from controls in standard deviations of wells"),
    Column("95 % interval"),
    Column("q", "number", "the smallest false discovery rate at which it is a change"),
    Column("What changed"),
)


def largest_effects(sources: Sources) -> list[dict[Any, Any]]:
    """Return the significant effects of hits, by the rank of the hit and the size of the effect; five of each."""
    table = sources.explanations
    if table is None or not {"sentence", *sources.names} <= set(table.columns):
        return []
    keys = ["perturbation", *(name for name in ("rank",) if name in table.columns)]
    order = {name: place for place, name in enumerate(perturbations(sources.hits[sources.called], sources.names))}
    of = pd.Series(perturbations(table, sources.names), index=table.index).map(order)
    told = table.assign(perturbation=of)[of.notna() & table["sentence"].fillna("").ne("")]
    if "q_value" in told.columns:
        told = told[told["q_value"] <= sources.parameters.get("fdr", 0.05)]
    told = told.sort_values(keys, kind="stable")
    return told.groupby("perturbation", sort=False).head(LARGEST).head(MOST).to_dict("records")


def effects_grid(sources: Sources, effects: list[dict[Any, Any]]) -> Grid:
    """Return the effects as a table."""
    rows = [
        [
            joined([row.get(name) for name in sources.names]),
            joined([row.get("group")]),
            [amount(row.get("effect")), finite(row.get("effect"))],
            _interval(row),
            [amount(row.get("q_value")), finite(row.get("q_value"))],
            joined([row["sentence"]]),
        ]
        for row in effects
    ]
    return Grid("explanations", "What each hit changes most", COLUMNS, rows, filter="Filter by name or change")


def effects_sentence(sources: Sources, effects: list[dict[Any, Any]]) -> str:
    """Return what of the effects the page holds."""
    if sources.explanations is None or not effects:
        return ""
    total = plural(len(sources.explanations), "effect")
    return f"Up to {LARGEST} significant effects of each hit; explanations.parquet holds all {total}, hit or not."


def beside_hits(effects: list[dict[Any, Any]], names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return for each perturbation a few words on its largest effects."""
    found: dict[str, list[str]] = {}
    for row in effects:
        words = found.setdefault(joined([row.get(name) for name in names]), [])
        if len(words) < BESIDE:
            words.append(_in_short(row))
    return found


def _in_short(row: dict[Any, Any]) -> str:
    change = row.get("change")
    if not isinstance(change, str) or not change:
        return str(row["sentence"])
    return f"{change[0].upper()}{change[1:]} (g {amount(row.get('effect'))}{_comma(_interval(row))})."


def _interval(row: dict[Any, Any]) -> str:
    low, high = finite(row.get("ci_low")), finite(row.get("ci_high"))
    return "" if low is None or high is None else f"{amount(low)} to {amount(high)}"


def _comma(text: str) -> str:
    return f", {text}" if text else ""
