"""The checks as a table for readers, written from the rules themselves."""

from collections.abc import Iterable

from cellprofiling.quality.rules import Rule

HEAD = "| check | measures | limits | further numbers | source |\n|---|---|---|---|---|\n"


def markdown(rules: Iterable[Rule]) -> str:
    """Return one row per rule: id, what is measured, the limits, further numbers, and where they come from."""
    return HEAD + "".join(f"| {' | '.join(_cells(rule))} |\n" for rule in rules)


def _cells(rule: Rule) -> list[str]:
    numbers = ", ".join(f"{name} {value:g}" for name, value in rule.settings.items() if value is not None)
    limits = rule.limits or ("flags a well" if rule.flag else "none")
    notes = [text for text, is_so in (("only warns", not rule.gate), ("warns if skipped", rule.essential)) if is_so]
    limits = f"{limits} ({', '.join(notes)})" if notes else limits
    return [f"`{rule.id}`", *(text.replace("|", "\\|") for text in (rule.metric, limits, numbers, rule.source))]
