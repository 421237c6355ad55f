"""A verdict in ten lines of text."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from cellprofiling.core.columns import PLATE
from cellprofiling.core.errors import plural
from cellprofiling.quality.rules import STATUSES, Check

SENTENCES = {
    "pass": "no problem found",
    "warn": "usable, with care",
    "fail": "not to be relied on yet",
}
SHOWN = 3  # kinds of problems that are spelled out


def summarize(status: str, problems: Sequence[Check], lines: Sequence[Check], wells: pd.DataFrame) -> list[str]:
    """Return what was looked at, the worst problems with remedies, what was not looked at, and the verdict."""
    groups: dict[tuple[str, str], list[Check]] = {}
    for line in problems:
        groups.setdefault((line.rule.id, line.shown), []).append(line)
    counts = Counter(line.shown for line in lines if line.level != "well")
    flagged = int(wells["Metadata_QC_reasons"].ne("").sum())
    told = [_told("looked at", f"{plural(wells[PLATE].nunique(), 'plate')}, {len(wells)} wells, {flagged} flagged")]
    told.append(_told("checks", ", ".join(f"{counts[name]} {name}" for name in sorted(counts, key=_place))))
    for group in list(groups.values())[:SHOWN]:
        told += _problem(group)
    if len(groups) > SHOWN:
        told.append(_told("", f"and {plural(len(groups) - SHOWN, 'other kind')} of problems, in checks.csv"))
    skipped = sorted({line.rule.id for line in lines if line.status == "skipped" and line.level == "screen"})
    if skipped:
        named = ", ".join(skipped[:4]) + (" ..." if len(skipped) > 4 else "")
        told.append(_told("not checked", f"{named} ({len(skipped)} in all; checks.csv says why)"))
    return [*told, _told("verdict", f"{status.upper()}: {SENTENCES[status]}")]


def _told(name: str, text: str) -> str:
    return f"{name:<14}{text}"


def _place(shown: str) -> tuple[int, bool]:
    return STATUSES.index(shown.split()[0]), "waived" in shown


def _problem(group: Sequence[Check]) -> list[str]:
    """Return a problem, how often else it occurs, and what to do."""
    first = group[0]
    more = f" (and {plural(len(group) - 1, 'time')} elsewhere)" if len(group) > 1 else ""
    told = [_told(first.shown, f"{first.rule.id}: {first.message}{more}")]
    return [*told, _told("", f"Waived: {first.waived}.")] if first.waived else [*told, _told("", first.rule.remedy)]
