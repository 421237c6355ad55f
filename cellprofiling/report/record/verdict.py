"""The verdict of a report and its checks: what is wrong, worst first, and what to do."""

from dataclasses import dataclass
from typing import Any

from cellprofiling.core.errors import plural
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.tables import Column, Grid
from cellprofiling.report.record.words import amount, percent

STATUSES = ("fail", "warn", "inconclusive", "pass", "skipped")
WORDS = {"fail": "failed", "warn": "warned", "inconclusive": "could not decide"}
HEADLINES = {
    "pass": "No problem found",
    "warn": "Usable, with care",
    "fail": "Not to be relied on yet",
    "inconclusive": "Nobody knows yet",
}
WORST = 10  # problems in the banner


@dataclass(frozen=True)
class Verdict:
    """The status of the screen, what it means, and what is wrong, worst first."""

    status: str
    headline: str
    sentence: str
    counts: dict[str, int]
    problems: list[dict[str, Any]]
    further: int


def listed_checks(quality: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the checks, worst first and waived ones after the others of their status; each with its place.

    The status of a waived check is written as `fail (waived)`, and it decides nothing.
    """
    checks = [dict(check) for check in (quality or {}).get("checks", [])]
    for place, check in enumerate(checks):
        check |= {"place": f"check-{place}", "measured": measured(check), "shown": check["status"]}
        check |= {"status": check["shown"].split()[0], "waived": check.get("waived") or ""}
    return sorted(checks, key=lambda check: (STATUSES.index(check["status"]), bool(check["waived"])))


def decides(check: dict[str, Any]) -> bool:
    """Return whether the verdict on the screen hears a check: those of single wells and waived ones it does not."""
    return check["level"] != "well" and not check["waived"]


def measured(check: dict[str, Any]) -> str:
    """Return the value of a check with its interval."""
    share = "%" in str(check.get("threshold"))
    values = [check.get(name) for name in ("value", "ci_low", "ci_high")]
    texts = [percent(value) if share else amount(value) for value in values]
    return texts[0] if values[1] is None else f"{texts[0]} [{texts[1]} to {texts[2]}]"


def judge(sources: Sources, checks: list[dict[str, Any]]) -> Verdict:
    """Return the verdict on the screen; single wells never decide it."""
    if sources.quality is None:
        why = f"Quality was not checked: {sources.absent['quality']}."
        return Verdict("inconclusive", HEADLINES["inconclusive"], why, {}, [], 0)
    deciding = [check for check in checks if decides(check)]
    counts = {status: sum(check["status"] == status for check in deciding) for status in STATUSES}
    status = sources.quality["status"]
    problems = _problems(deciding)
    further = max(0, len(problems) - WORST)
    waived = sum(check["level"] != "well" and bool(check["waived"]) for check in checks)
    sentence = _sentence(status, counts, waived)
    return Verdict(status, HEADLINES[status], sentence, counts, problems[:WORST], further)


def _sentence(status: str, counts: dict[str, int], waived: int) -> str:
    made = sum(counts[name] for name in STATUSES if name != "skipped")
    found = [f"{counts[name]} {word}" for name, word in WORDS.items() if counts[name]]
    said = f"Of {plural(made, 'check')}, {', '.join(found)}." if found else f"All {plural(made, 'check')} passed."
    said += " What failed is of the kind that warns." if counts["fail"] and status != "fail" else ""
    left = f" {plural(counts['skipped'], 'check')} could not be made." if counts["skipped"] else ""
    left += f" {plural(waived, 'check')} waived." if waived else ""
    advice = {"fail": " Read the problems before any hit.", "warn": " Read what warns before trusting a hit."}
    return said + left + advice.get(status, "")


def _problems(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one problem per check and status, with the places it occurs in."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for check in checks:
        if check["status"] in WORDS:
            groups.setdefault((check["id"], check["status"]), []).append(check)
    return [{**group[0], "more": [check["scope"] for check in group[1:]]} for group in groups.values()]


def checks_grid(checks: list[dict[str, Any]]) -> Grid:
    """Return the table of all checks but those of single wells."""
    shown = [check for check in checks if check["level"] != "well"]
    return Grid(
        name="checks",
        caption="All checks, worst first",
        columns=(
            Column("Status", "status"),
            Column("Check", "code"),
            Column("Where"),
            Column("Value", "number"),
            Column("Limits"),
            Column("What it says", "why"),
        ),
        rows=[_check_row(check) for check in shown],
        filter="Filter by check, plate or status",
        ids=tuple(check["place"] for check in shown),
        written=100,
    )


def _check_row(check: dict[str, Any]) -> list[Any]:
    source = check.get("source") or ""
    small = f"Waived: {check['waived']}." if check["waived"] else check.get("remedy") or ""
    why = [check["message"], small, source and f"Source of the limits: {source}"]
    value = [check["measured"], check.get("value")]
    return [check["shown"], check["id"], str(check["scope"]), value, check.get("threshold") or "–", why]


def flagged_wells(checks: list[dict[str, Any]]) -> str:
    """Return a sentence about single wells that stand out, or nothing."""
    wells = [check for check in checks if check["level"] == "well" and check["status"] in WORDS]
    if not wells:
        return ""
    toxic = len({check["scope"] for check in wells if check["id"] == "counts.toxic"})
    named = f", {toxic} of them treated wells with few cells, which may be toxicity" if toxic else ""
    return f"Single wells never decide: {len({check['scope'] for check in wells})} are flagged{named}."
