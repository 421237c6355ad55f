"""The record behind a report: numbers, sentences and tables, plain enough to test without a page."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE
from cellprofiling.core.errors import plural
from cellprofiling.report.record.citations import citations
from cellprofiling.report.record.effects import beside_hits, effects_grid, effects_sentence, largest_effects
from cellprofiling.report.record.hit_list import hits_grid, hits_sentence
from cellprofiling.report.record.plate_table import plates_grid
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.tables import Column, Grid
from cellprofiling.report.record.verdict import Verdict, checks_grid, flagged_wells, judge, listed_checks
from cellprofiling.report.record.words import amount, joined, number, percent, perturbations

NAMED, LISTED = 500, 300  # hits named below the table, names per group of the ledger


@dataclass(frozen=True)
class Report:
    """All that a report says, but for its figures; `absent` tells why a part is not there."""

    title: str
    subtitle: str
    verdict: Verdict
    numbers: list[dict[str, str]]
    audit: list[str]
    truth: str
    plates: Grid
    hits: Grid
    hits_sentence: str
    hit_names: list[str]
    explanations: Grid
    explanations_sentence: str
    exemplars: Grid
    checks: Grid
    wells_flagged: str
    dropped: list[dict[str, Any]]
    ledger: Grid
    parameters: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    inputs: Grid
    citations: list[str]
    absent: dict[str, str]

    @property
    def grids(self) -> list[Grid]:
        """The tables, in the order of the page."""
        values = (getattr(self, each.name) for each in fields(self))
        return [value for value in values if isinstance(value, Grid)]


def collect(sources: Sources, codes: dict[str, int] | None = None) -> Report:
    """Return the record of a report; `codes` numbers the perturbations as the wells on the page do."""
    hits, provenance = sources.hits, sources.provenance or {}
    checks = listed_checks(sources.quality)
    names, effects = perturbations(hits, sources.names), largest_effects(sources)
    called = sources.called.tolist()
    return Report(
        title=sources.title,
        subtitle=_subtitle(sources.wells),
        verdict=judge(sources, checks),
        numbers=_numbers(sources),
        audit=[_audited(row) for row in sources.audit],
        truth=_truth(sources, names),
        plates=plates_grid(sources.wells, checks, plate_order(sources)),
        hits=hits_grid(sources, names, codes or {}, beside_hits(effects, sources.names)),
        hits_sentence=hits_sentence(sources),
        hit_names=[name for name, hit in zip(names, called, strict=True) if hit][:NAMED],
        explanations=effects_grid(sources, effects),
        explanations_sentence=effects_sentence(sources, effects),
        exemplars=_grid("exemplars", "Cells worth looking at", sources.exemplars),
        checks=checks_grid(checks),
        wells_flagged=flagged_wells(checks),
        dropped=_dropped(sources.ledger),
        ledger=_grid("ledger", "What was dropped, and why", sources.ledger, written=0),
        parameters=_flat(provenance.get("parameters") or sources.parameters),
        versions=_flat(provenance.get("versions") or {}),
        inputs=_inputs(provenance.get("inputs") or []),
        citations=citations(sources),
        absent=dict(sources.absent),
    )


def plate_order(sources: Sources) -> list[str]:
    """Return the plates as they were acquired, where the quality record knows, or by name."""
    if PLATE not in sources.wells.columns:
        return []
    plates = sorted(sources.wells[PLATE].dropna().astype(str).unique())
    known = {str(plate): place for place, plate in enumerate((sources.quality or {}).get("order") or [])}
    return sorted(plates, key=lambda plate: (known.get(plate, len(known)), plate))


def _subtitle(wells: pd.DataFrame) -> str:
    parts = [plural(wells[PLATE].nunique(), "plate")] if PLATE in wells.columns else []
    parts.append(plural(len(wells), "well"))
    if COUNT in wells.columns:
        parts.append(plural(int(wells[COUNT].sum()), "cell"))
    return " · ".join(parts)


def _numbers(sources: Sources) -> list[dict[str, str]]:
    wells, hits = sources.wells, sources.hits
    rows = [("Perturbations tested", number(len(hits)), ""), ("Hits", number(sources.called.sum()), _fdr(sources))]
    if PLATE in wells.columns:
        rows.append(("Plates", number(wells[PLATE].nunique()), ""))
    rows.append(("Wells", number(len(wells)), ""))
    if COUNT in wells.columns:
        middle = f"median {number(wells[COUNT].median())} per well" if wells[COUNT].notna().any() else ""
        rows.append(("Cells", number(wells[COUNT].sum()), middle))
    kept = "" if sources.profiles is None else f"{number(_features(sources.profiles))} kept for profiles"
    rows.append(("Features measured", number(_features(wells)), kept))
    return [{"label": label, "value": value, "note": note} for label, value, note in rows]


def _features(table: pd.DataFrame) -> int:
    return sum(not str(name).startswith("Metadata_") for name in table.columns)


def _fdr(sources: Sources) -> str:
    fdr = sources.parameters.get("fdr")
    return "" if fdr is None else f"at a false discovery rate of {percent(fdr)}"


def _audited(row: dict[str, Any]) -> str:
    where = {"same position": "in one well position", "different positions": "in different well positions"}
    place = where.get(row["layout"], row["layout"])
    if not row["n"]:
        why = str(row.get("message") or "").partition(": ")[2] or "nothing is known about them"
        return f"Controls {place} were not audited: {why}."
    rate, low, high = (percent(row[name], digits=2) for name in ("rate", "ci_low", "ci_high"))
    called = f"{row['rejected']} of {row['n']} called active, {rate} (95 % interval {low} to {high})"
    meant = "More than 5 % means that a place on the plate can look like an effect."
    meant = "5 % is expected." if row["layout"] == "different positions" else meant
    return f"Controls {place}, tested as if they were a compound: {called}. {meant}"


def _truth(sources: Sources, tested: list[str]) -> str:
    """Return how the hits compare with what was simulated."""
    if sources.truth is None or not {"active", *sources.names} <= set(sources.truth.columns):
        return ""
    truth = sources.truth
    active = set(perturbations(truth[truth["active"].astype(bool)], sources.names))
    found = {name for name, hit in zip(tested, sources.called, strict=True) if hit}
    known = active & set(tested)
    return (
        f"This screen was simulated: {len(found & known)} of {plural(len(known), 'active perturbation')} found, "
        f"{plural(len(found - known), 'false hit')} among {len(set(tested) - known)} inactive ones."
    )


def _grid(name: str, caption: str, table: pd.DataFrame | None, written: int = 50) -> Grid:
    """Return any table as it is."""
    if table is None:
        return Grid(name, caption, (), [], written=written)
    kinds = ["number" if pd.api.types.is_numeric_dtype(table[column]) else "text" for column in table.columns]
    columns = tuple(
        Column(str(column).removeprefix("Metadata_"), kind) for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = [
        [_plain(value, kind) for value, kind in zip(row, kinds, strict=True)]
        for row in table.itertuples(index=False, name=None)
    ]
    return Grid(name, caption, columns, rows, filter="Filter rows", written=written)


def _plain(value: Any, kind: str) -> Any:
    if kind == "text":
        return joined([value])
    known = not pd.isna(value) and np.isfinite(value)
    return [amount(value if known else None), float(value) if known else None]


def _inputs(files: list[dict[str, Any]]) -> Grid:
    columns = (Column("File"), Column("Bytes", "number"), Column("sha256", "code"))
    rows = [
        [str(file.get("path")), [number(file.get("bytes")), file.get("bytes")], file.get("sha256") or ""]
        for file in files
    ]
    return Grid("inputs", "Input files", columns, rows)


def _dropped(ledger: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the ledger by step, kind of thing and reason, in the order of the steps.

    What follows a colon in a reason is about one thing (`correlation: |r| = 0.95 with Cells_Area`) and stands by its
    name.
    """
    if ledger is None or not len(ledger):
        return []
    parts = ledger["reason"].str.partition(":")
    names = [
        f"{joined([name])} ({detail.strip()})" if detail else joined([name])
        for name, detail in zip(ledger["name"], parts[2].fillna(""), strict=True)
    ]
    told = ledger.assign(reason=parts[0], name=names)
    return [
        {
            "step": step,
            "item": item,
            "reason": reason,
            "total": number(group["n"].sum()),
            "names": group["name"].head(LISTED).tolist(),
            "further": max(0, len(group) - LISTED),
        }
        for (step, item, reason), group in told.groupby(["step", "item", "reason"], sort=False, dropna=False)
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as `hits.fdr` and their values."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            rows.append((f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows
