"""The checks of a hit list: whether its own test calls control wells active, by chance or by their place."""

import math
from collections.abc import Iterator
from typing import Any

from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen


def control_audit(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how often control wells, taken for compounds, are called active."""
    chance, position = rules["hits.chance_audit"], rules["hits.position_audit"]
    if why := screen.lacks("hits"):
        yield from (skipped(rule, why) for rule in (chance, position))
        return
    rows = {row["layout"]: row for row in screen.hits.attrs["audit"]}
    yield _judged(chance, rows["different positions"])
    if screen.hits.loc[screen.hits["hit"], "same_position"].any():
        yield _judged(position, rows["same position"])
    else:
        yield skipped(position, "No hit has one position on all its plates.")


def _judged(rule: Rule, row: dict[str, Any]) -> Check:
    rate, low, high = (math.nan if row[name] is None else row[name] for name in ("rate", "ci_low", "ci_high"))
    message = f"{row['message'][0].upper()}{row['message'][1:]}."
    return Check(rule, rule.status(low), message, value=rate, ci_low=low, ci_high=high, n=row["n"])
