"""The rule behind each check, read from thresholds.yaml, and the line that a check writes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cellprofiling.core.errors import InputError, one_of

STATUSES = ("fail", "warn", "inconclusive", "pass", "skipped")  # worst first
PROBLEMS = ("fail", "warn", "inconclusive")

Overrides = Mapping[str, Mapping[str, float | None]] | None


@dataclass(frozen=True)
class Rule:
    """What is measured, which limits it is held against, where they come from, and what to do beyond them.

    Attributes
    ----------
    warn, fail : limits; a value strictly beyond one, on the `worse` side, takes that status.
    flag : what a well that stands out is called.
    essential : whether nothing speaks for a screen without this check, so that a skipped one warns.
    gate : whether a fail makes the screen fail; otherwise it only warns.
    settings : further numbers that the check uses.
    """

    id: str
    metric: str
    unit: str
    worse: str
    source: str
    remedy: str
    warn: float | None = None
    fail: float | None = None
    flag: str = ""
    essential: bool = False
    gate: bool = True
    settings: Mapping[str, float | None] = field(default_factory=dict)

    def status(self, value: float) -> str:
        """Return the status of a value; a missing one decides nothing."""
        if math.isnan(value):
            return "inconclusive"
        if self._beyond(value, self.fail):
            return "fail"
        return "warn" if self._beyond(value, self.warn) else "pass"

    def interval_status(self, low: float, high: float) -> str:
        """Return the status of an interval of a value that is better when high: all of it counts, not its middle."""
        if math.isnan(low) or math.isnan(high):
            return "inconclusive"
        if self.fail is not None and high < self.fail:
            return "fail"
        if self.warn is None or low >= self.warn:
            return "pass"
        width = self.settings.get("width")
        return "inconclusive" if width is not None and high - low > width else "warn"

    @property
    def limits(self) -> str:
        """The limits in words: `warn above 10 %, fail above 25 %`."""
        side = "above" if self.worse == "higher" else "below"
        given = {name: value for name, value in (("warn", self.warn), ("fail", self.fail)) if value is not None}
        return ", ".join(f"{name} {side} {self.shown(value)}" for name, value in given.items())

    def shown(self, value: float) -> str:
        """Return a value with its unit, as people write it."""
        if math.isnan(value):
            return "none"
        if self.unit == "share":
            return f"{100 * value:.3g} %"
        number = f"{value:,.0f}" if float(value).is_integer() else f"{value:.2f}"
        return f"{number} {self.unit}".strip()

    def number(self, name: str) -> float:
        """Return a setting by name; one that was switched off is zero."""
        return self.settings[name] or 0

    def numbers(self) -> dict[str, float | None]:
        """Return every number of the rule by name."""
        limits = {name: value for name, value in (("warn", self.warn), ("fail", self.fail)) if value is not None}
        return {**limits, **self.settings}

    def _beyond(self, value: float, limit: float | None) -> bool:
        if limit is None:
            return False
        return value > limit if self.worse == "higher" else value < limit


@dataclass(frozen=True)
class Check:
    """One line: what was measured where, on how many things, and what it means.

    Attributes
    ----------
    limit : the limits in words, where they are not those of the rule.
    waived : why, and by whose word, the line does not decide; "" where it does.
    """

    rule: Rule
    status: str
    message: str
    plate: str = ""
    well: str = ""
    value: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    n: int = 0
    limit: str = ""
    waived: str = ""

    @property
    def level(self) -> str:
        """Whether the line is about a well, a plate or the whole screen."""
        return "well" if self.well else "plate" if self.plate else "screen"

    @property
    def scope(self) -> str:
        """The plate, the plate and well, or `screen`."""
        return f"{self.plate} {self.well}".strip() or "screen"

    @property
    def decides(self) -> bool:
        """Whether the verdict on the screen hears this line: wells never do, and neither do waived lines."""
        return self.level != "well" and not self.waived

    @property
    def shown(self) -> str:
        """The status as people read it: a waived one stays in sight, as `fail (waived)`."""
        return f"{self.status} (waived)" if self.waived else self.status


def skipped(rule: Rule, why: str) -> Check:
    """Return the line of a check that was not made."""
    return Check(rule, "skipped", why)


Rules = Mapping[str, Rule]

TEXTS = ("metric", "unit", "worse", "source", "remedy", "flag", "essential", "gate")


def load(overrides: Overrides = None) -> dict[str, Rule]:
    """Return the rules by id, with the numbers a user gave in place of ours."""
    rules = dict(_ours())
    for name, numbers in (overrides or {}).items():
        one_of("thresholds", name, [known for known, rule in rules.items() if rule.numbers()])
        rules[name] = _overridden(rules[name], numbers)
    return rules


@cache
def _ours() -> Rules:
    """Return the rules as they are written; parsing them takes a tenth of a second."""
    written: dict[str, dict[str, Any]] = yaml.safe_load(
        files("cellprofiling.quality").joinpath("thresholds.yaml").read_text("utf-8")
    )
    return {name: _rule(name, entries) for name, entries in written.items()}


def _rule(name: str, entries: Mapping[str, Any]) -> Rule:
    texts = {key: entries[key] for key in TEXTS if key in entries}
    limits = {key: entries[key] for key in ("warn", "fail") if key in entries}
    settings = {key: value for key, value in entries.items() if key not in texts and key not in limits}
    return Rule(id=name, **texts, **limits, settings=settings)


def _overridden(rule: Rule, numbers: Mapping[str, float | None]) -> Rule:
    if not isinstance(numbers, Mapping):
        raise InputError(f"thresholds[{rule.id!r}]={numbers!r}: give names and numbers, as in {rule.numbers()}.")
    for name, value in numbers.items():
        one_of(f"thresholds[{rule.id!r}]", name, rule.numbers())
        if not (value is None or (type(value) in (int, float) and math.isfinite(value))):
            raise InputError(f"thresholds[{rule.id!r}][{name!r}]={value!r}: expected a number, or None for no limit.")
    settings = {name: numbers.get(name, value) for name, value in rule.settings.items()}
    changed = ", ".join(f"{name} {rule.numbers()[name]}" for name in numbers)
    return replace(
        rule,
        warn=numbers.get("warn", rule.warn),
        fail=numbers.get("fail", rule.fail),
        settings=settings,
        source=f"given by the user in place of {changed}; {rule.source}",
    )
