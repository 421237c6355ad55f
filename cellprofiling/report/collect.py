"""The record behind a report: numbers, sentences and rows, plain enough to test without a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellprofiling.core.frame import COUNT, PLATE
from cellprofiling.report.sources import Sources
from cellprofiling.report.words import amount, joined, number, percent, plural, score

STATUSES = ("fail", "warn", "inconclusive", "pass", "skipped")
HEADLINES = {
    "pass": "No problem found",
    "warn": "Usable, with care",
    "fail": "Not to be relied on yet",
    "inconclusive": "Nobody knows yet",
}
TOP, NAMED, LISTED = 50, 500, 300  # rows of the hit table, hits named below it, names per group of the ledger


@dataclass(frozen=True)
class Verdict:
    """The status of the screen, what it means, and what is wrong, worst first."""

    status: str
    headline: str
    sentence: str
    counts: dict[str, int]
    problems: list[dict[str, Any]]
    further: int


@dataclass(frozen=True)
class Report:
    """All that a report says, but for its figures; `absent` tells why a part is not there."""

    title: str
    subtitle: str
    verdict: Verdict
    numbers: list[dict[str, str]]
    audit: list[str]
    truth: str
    hits: list[dict[str, Any]]
    hits_sentence: str
    hit_names: list[str]
    checks: list[dict[str, Any]]
    wells_flagged: str
    dropped: list[dict[str, Any]]
    parameters: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    inputs: list[dict[str, Any]]
    absent: dict[str, str]


def collect(sources: Sources) -> Report:
    """Return the record of a report."""
    hits, provenance = sources.hits, sources.provenance or {}
    called = sources.called.tolist()
    checks = _checks(sources.quality)
    names = _names(hits, sources.names)
    return Report(
        title=sources.title,
        subtitle=_subtitle(sources.wells),
        verdict=_verdict(sources, checks),
        numbers=_numbers(sources, called),
        audit=[_audited(row) for row in sources.audit],
        truth=_truth(sources, called),
        hits=[_hit(*each) for each in zip(hits.head(TOP).to_dict("records"), names, called, strict=False)],
        hits_sentence=_hits_sentence(hits, called, sources.parameters),
        hit_names=[name for name, hit in zip(names, called, strict=True) if hit][:NAMED],
        checks=[check for check in checks if check["level"] != "well"],
        wells_flagged=_flagged(checks),
        dropped=_dropped(sources.ledger),
        parameters=_flat(provenance.get("parameters") or sources.parameters),
        versions=_flat(provenance.get("versions") or {}),
        inputs=list(provenance.get("inputs") or []),
        absent=dict(sources.absent),
    )


def _names(hits: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    return [joined(row) for row in hits[list(columns)].itertuples(index=False, name=None)]


def _subtitle(wells: pd.DataFrame) -> str:
    parts = [plural(wells[PLATE].nunique(), "plate")] if PLATE in wells.columns else []
    parts.append(plural(len(wells), "well"))
    if COUNT in wells.columns:
        parts.append(plural(int(wells[COUNT].sum()), "cell"))
    return " · ".join(parts)


def _checks(quality: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the checks, worst first, otherwise in their order; each with its place on the page."""
    checks = [dict(check) for check in (quality or {}).get("checks", [])]
    for place, check in enumerate(checks):
        check |= {"place": f"check-{place}", "measured": _measured(check)}
    return sorted(checks, key=lambda check: STATUSES.index(check["status"]))


def _measured(check: dict[str, Any]) -> str:
    share = "%" in str(check["threshold"])
    values = [check[name] for name in ("value", "ci_low", "ci_high")]
    texts = [percent(value) if share else amount(value) for value in values]
    return texts[0] if values[1] is None else f"{texts[0]} [{texts[1]} to {texts[2]}]"


def _verdict(sources: Sources, checks: list[dict[str, Any]]) -> Verdict:
    if sources.quality is None:
        why = f"Quality was not checked: {sources.absent['quality']}."
        return Verdict("inconclusive", HEADLINES["inconclusive"], why, {}, [], 0)
    deciding = [check for check in checks if check["level"] != "well"]
    counts = {status: sum(check["status"] == status for check in deciding) for status in STATUSES}
    status = sources.quality["status"]
    problems = _problems(deciding)
    return Verdict(
        status, HEADLINES[status], _sentence(status, counts), counts, problems[:8], max(0, len(problems) - 8)
    )


def _sentence(status: str, counts: dict[str, int]) -> str:
    made = sum(counts[name] for name in STATUSES if name != "skipped")
    found = [f"{counts[name]} {word}" for name, word in WORDS.items() if counts[name]]
    said = f"Of {plural(made, 'check')}, {', '.join(found)}." if found else f"All {plural(made, 'check')} passed."
    left = f" {plural(counts['skipped'], 'check')} could not be made." if counts["skipped"] else ""
    advice = {"fail": " Read the problems before any hit.", "warn": " Read what warns before trusting a hit."}
    return said + left + advice.get(status, "")


WORDS = {"fail": "failed", "warn": "warned", "inconclusive": "could not decide"}


def _problems(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one problem per check and status, with the places it occurs in."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for check in checks:
        if check["status"] in WORDS:
            groups.setdefault((check["id"], check["status"]), []).append(check)
    return [{**group[0], "more": [check["scope"] for check in group[1:]]} for group in groups.values()]


def _numbers(sources: Sources, called: list[bool]) -> list[dict[str, str]]:
    wells, hits = sources.wells, sources.hits
    rows = [("Perturbations tested", number(len(hits)), ""), ("Hits", number(sum(called)), _fdr(sources))]
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
        return f"Controls {place}: {row.get('message') or 'not audited'}."
    rate, low, high = (percent(row[name], digits=2) for name in ("rate", "ci_low", "ci_high"))
    called = f"{row['rejected']} of {row['n']} called active, {rate} (95 % interval {low} to {high})"
    meant = "More than 5 % means that a place on the plate can look like an effect."
    meant = "5 % is expected." if row["layout"] == "different positions" else meant
    return f"Controls {place}, tested as if they were a compound: {called}. {meant}"


def _truth(sources: Sources, called: list[bool]) -> str:
    """Return how the hits compare with what was simulated."""
    if sources.truth is None or not {"active", *sources.names} <= set(sources.truth.columns):
        return ""
    truth = sources.truth
    active = set(_names(truth[truth["active"].astype(bool)], sources.names))
    tested = _names(sources.hits, sources.names)
    found = {name for name, hit in zip(tested, called, strict=True) if hit}
    known = active & set(tested)
    return (
        f"This screen was simulated: {len(found & known)} of {plural(len(known), 'active perturbation')} found, "
        f"{plural(len(found - known), 'false hit')} among {len(set(tested) - known)} inactive ones."
    )


def _hit(row: dict[Any, Any], name: str, hit: bool) -> dict[str, Any]:
    low, middle, high = (row.get(key) for key in ("map_ci_low", "map", "map_ci_high"))
    return {
        "rank": number(row.get("rank")),
        "name": name,
        "hit": hit,
        "score": score(middle),
        "interval": "" if low is None or pd.isna(low) else f"{score(low)}–{score(high)}",
        "bar": [_place(low), _place(middle), _place(high)],
        "p_value": amount(row.get("p_value")),
        "floor": bool(row.get("p_value", 1) <= row.get("p_floor", 0)),
        "q_value": amount(row.get("q_value")),
        "cells": percent(row.get("cell_count_ratio"), digits=2),
        "wells": f"{number(row.get('n_wells'))} / {number(row.get('n_plates'))}",
        "reason": joined([row.get("reason")]),
        "features": joined([row.get("top_features")]),
    }


def _place(value: Any) -> float:
    """Return where a score between 0 and 1 lies on its bar, in percent."""
    return 0.0 if value is None or pd.isna(value) else round(100 * min(max(float(value), 0.0), 1.0), 1)


def _hits_sentence(hits: pd.DataFrame, called: list[bool], parameters: dict[str, Any]) -> str:
    shown = f"The first {TOP} of {number(len(hits))} are shown." if len(hits) > TOP else "All are shown."
    fdr = f" at a false discovery rate of {percent(parameters['fdr'])}" if "fdr" in parameters else ""
    return f"{number(sum(called))} of {plural(len(hits), 'perturbation')} are called hits{fdr}. {shown}"


def _flagged(checks: list[dict[str, Any]]) -> str:
    wells = [check for check in checks if check["level"] == "well" and check["status"] in WORDS]
    if not wells:
        return ""
    toxic = len({check["scope"] for check in wells if check["id"] == "counts.toxic"})
    named = f", {toxic} of them treated wells with few cells, which may be toxicity" if toxic else ""
    return f"Single wells never decide: {len({check['scope'] for check in wells})} are flagged{named}."


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
