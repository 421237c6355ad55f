"""Waivers: checks that someone has looked at and, with a reason, lets pass."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from cellprofiling.core.errors import InputError, one_of
from cellprofiling.quality.rules import Check

FIELDS = ("check", "scope", "reason", "who", "until")
EVERYWHERE = "*"

Waivers = Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True)
class Waiver:
    """That a check does not decide in a scope, why, by whose word, and until when.

    Attributes
    ----------
    check : id of the check.
    scope : a plate, a plate and well, `screen`, or `*` for all.
    until : the last day on which it acts; None for no end.
    expired : whether that day is over.
    """

    check: str
    scope: str
    reason: str
    who: str
    until: date | None
    expired: bool

    def covers(self, line: Check) -> bool:
        """Return whether the waiver speaks of this line; one that passes needs none."""
        return line.rule.id == self.check and self.scope in (EVERYWHERE, line.scope) and line.status != "pass"

    @property
    def words(self) -> str:
        """The reason, who gives it, and until when."""
        return f"{self.reason} ({self.who}{f', until {self.until}' if self.until else ''})"


def waivers_of(waivers: Waivers, checks: Iterable[str], today: date) -> tuple[Waiver, ...]:
    """Return the waivers, or say what is wrong with them."""
    if isinstance(waivers, Mapping | str) or not isinstance(waivers, Sequence | None):
        raise InputError(f"waivers: expected a list of {{check, scope, reason, who, until}}, got {waivers!r}.")
    known = list(checks)
    return tuple(_waiver_of(each, place, known, today) for place, each in enumerate(waivers or ()))


def waive(lines: Iterable[Check], waivers: Sequence[Waiver]) -> tuple[Check, ...]:
    """Return the lines, those that a waiver covers marked; of an expired one they say that it acts no more."""
    return tuple(_waived(line, [waiver for waiver in waivers if waiver.covers(line)]) for line in lines)


def _waived(line: Check, covering: Sequence[Waiver]) -> Check:
    acting = [waiver for waiver in covering if not waiver.expired]
    if acting:
        return replace(line, waived=acting[0].words)
    said = "".join(f" The waiver of {waiver.who} expired on {waiver.until}." for waiver in covering)
    return replace(line, message=line.message + said) if said else line


def _waiver_of(given: Any, place: int, known: list[str], today: date) -> Waiver:
    name = f"waivers[{place}]"
    if not isinstance(given, Mapping):
        raise InputError(f"{name}={given!r}: expected a mapping with {', '.join(FIELDS)}.")
    for key in given:
        one_of(name, str(key), FIELDS)
    for key in ("check", "reason", "who"):
        if not str(given.get(key) or "").strip():
            raise InputError(f"{name}: has no {key!r}; a waiver names the check, the reason and who gives it.")
    until = _day(given.get("until"), name)
    return Waiver(
        check=one_of(f"{name}['check']", str(given["check"]), known),
        scope=str(given.get("scope") or EVERYWHERE),
        reason=str(given["reason"]).strip().rstrip("."),
        who=str(given["who"]).strip(),
        until=until,
        expired=until is not None and until < today,
    )


def _day(value: Any, name: str) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise InputError(f"{name}['until']={value!r}: write the last day as 2026-12-31.") from error
