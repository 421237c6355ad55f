"""The verdict as plain records: rows of a table, the content of quality.json, and JUnit XML for other programs."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from cellprofiling.core.face.version import __version__
from cellprofiling.quality.rules import PROBLEMS, STATUSES, Check, Rule
from cellprofiling.quality.waivers import Waiver

SCHEMA = "cellprofiling.quality/2"


def roll_up(lines: Iterable[Check]) -> str:
    """Return the verdict on the screen: pass, warn or fail."""
    deciding = [line for line in lines if line.decides]
    statuses = {line.status for line in deciding}
    silent = any(line.status == "skipped" and line.rule.essential for line in deciding)
    if any(line.status == "fail" and line.rule.gate for line in deciding):
        return "fail"
    return "warn" if silent or statuses.intersection(PROBLEMS) or "pass" not in statuses else "pass"


def row(line: Check) -> dict[str, Any]:
    """Return a line as a row of the table of checks."""
    return {
        "id": line.rule.id,
        "level": line.level,
        "scope": line.scope,
        "metric": line.rule.metric,
        "value": float(line.value),
        "ci_low": float(line.ci_low),
        "ci_high": float(line.ci_high),
        "n": int(line.n),
        "status": line.shown,
        "threshold": line.limit or line.rule.limits,
        "source": line.rule.source,
        "message": line.message,
        "remedy": line.rule.remedy if line.status in PROBLEMS else "",
        "gate": line.rule.gate,
        "waived": line.waived,
    }


def record(
    lines: Sequence[Check],
    rules: Iterable[Rule],
    waivers: Iterable[Waiver],
    plates: pd.DataFrame,
    wells: pd.DataFrame,
    order: Sequence[str],
) -> dict[str, Any]:
    """Return the content of quality.json; missing numbers are None."""
    deciding = Counter(line.status for line in lines if line.decides)
    return {
        "schema": SCHEMA,
        "cellprofiling": __version__,
        "status": roll_up(lines),
        "summary": {
            "checks": {status: deciding[status] for status in STATUSES},
            "waived": sum(bool(line.waived) for line in lines),
            "plates": dict(Counter(plates["Metadata_QC_status"])),
            "wells": len(wells),
            "wells_flagged": int(wells["Metadata_QC_reasons"].ne("").sum()),
        },
        "order": list(order),
        "waivers": [_waiver(waiver, lines) for waiver in waivers],
        "thresholds": {rule.id: {**rule.numbers(), "worse": rule.worse, "source": rule.source} for rule in rules},
        "checks": [{key: _plain(value) for key, value in row(line).items()} for line in lines],
    }


def junit(lines: Iterable[Check], status: str) -> str:
    """Return the checks of plates and the screen as JUnit XML: a suite for each check, a case for each scope.

    A fail is a failure where failing is a gate, as in the verdict; what was skipped, waived or inconclusive is skipped,
    with the reason; a warning, and a fail that is no gate, passes and says so in its output.
    """
    suites: dict[str, list[Check]] = {}
    for line in lines:
        if line.level != "well":
            suites.setdefault(line.rule.id, []).append(line)
    root = ElementTree.Element("testsuites", _counts("quality", [line for each in suites.values() for line in each]))
    properties = ElementTree.SubElement(ElementTree.SubElement(root, "testsuite", _counts("verdict", [])), "properties")
    ElementTree.SubElement(properties, "property", name="status", value=status)
    for name, members in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", _counts(name, members))
        lines_of = Counter(line.scope for line in members)
        for line in members:
            _case(suite, line, line.scope if lines_of[line.scope] == 1 else f"{line.scope}: {line.rule.metric}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(name: str, lines: Sequence[Check]) -> dict[str, str]:
    failed, not_made = sum(map(_failed, lines)), sum(map(_not_made, lines))
    return {"name": name, "tests": str(len(lines)), "failures": str(failed), "skipped": str(not_made), "errors": "0"}


def _failed(line: Check) -> bool:
    return line.status == "fail" and line.rule.gate and not line.waived


def _not_made(line: Check) -> bool:
    return bool(line.waived) or line.status in ("inconclusive", "skipped")


def _case(suite: ElementTree.Element, line: Check, name: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=line.rule.id, name=_legal(name), time="0")
    message = _legal(line.message)
    if _failed(line):
        failure = ElementTree.SubElement(case, "failure", type=line.shown, message=message)
        failure.text = f"{line.limit or line.rule.limits}. {line.rule.remedy}".strip()
    elif _not_made(line):
        why = f"{line.shown}: {message}" + (f" Waived: {_legal(line.waived)}." if line.waived else "")
        ElementTree.SubElement(case, "skipped", message=why)
    elif line.status in ("fail", "warn"):
        ElementTree.SubElement(case, "system-out").text = f"{line.status}: {message} {line.rule.remedy}".strip()


def _legal(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return "".join(letter for letter in text if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or letter > "\udfff")


def _waiver(waiver: Waiver, lines: Iterable[Check]) -> dict[str, Any]:
    covered = sum(waiver.covers(line) for line in lines)
    state = "expired" if waiver.expired else "acts" if covered else "nothing to waive"
    return {
        "check": waiver.check,
        "scope": waiver.scope,
        "reason": waiver.reason,
        "who": waiver.who,
        "until": str(waiver.until) if waiver.until else None,
        "state": state,
        "lines": covered,
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
