"""What came of flagging: the limits as a table, those that were not used, and wells with many flagged cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.cells.flags.limits import FLAGGED, Fit, names
from cellprofiling.cells.flags.rules import RULES, Rule
from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import listed
from cellprofiling.core.ledgers import Line, lines

CROWDED = 0.2  # share of the cells of a well beyond which it is named


class Records(list[dict[str, Any]]):
    """Rows of a table; treated as immutable, because pandas deep-copies `attrs` at every operation."""

    def __deepcopy__(self, memo: dict) -> "Records":
        """Return itself: it is never changed in place."""
        return self


@dataclass(frozen=True)
class Findings:
    """What came of flagging some cells.

    Attributes
    ----------
    limits : rows of a table, one for each group, rule and feature.
    unused : rule, reason and group of each limit that is not used there.
    apart : rule, group and share of cells, where many lie apart and had no say in the limit.
    flagged : how many cells each rule flags.
    crowded : ledger lines of wells in which many cells are flagged.
    """

    limits: list[dict[str, Any]]
    unused: list[tuple[str, str, str]]
    apart: list[tuple[str, str, float]]
    flagged: Mapping[str, int]
    crowded: list[Line]


def find(cells: pd.DataFrame, learned: Fit, codes: NDArray[np.intp]) -> Findings:
    """Flag the cells from which the limits were learned, and return what came of it."""
    flags = learned.flags(cells)
    return Findings(
        list(_limits(learned, flags, codes)),
        list(_unused(learned)),
        list(_apart(learned)),
        {rule.name: int(flags[rule.column].sum()) for rule in learned.rules},
        _crowded(cells, flags),
    )


def ledger_lines(findings: Sequence[Findings], rules: Sequence[Rule]) -> list[Line]:
    """Return a line for each rule, for limits that were not used, and for each crowded well."""
    found = []
    for rule in rules:
        n = sum(part.flagged[rule.name] for part in findings)
        found += lines("flag_cells", "cell", [rule.name], f"flagged: {_about(rule)}", n=n)
        reasons: dict[str, list[str]] = {}
        for _, reason, group in (row for part in findings for row in part.unused if row[0] == rule.name):
            reasons.setdefault(reason, []).append(group)
        for reason, where in reasons.items():
            text = f"no limit for {listed(dict.fromkeys(where))}: {reason}"
            found += lines("flag_cells", "rule", [rule.name], text, n=len(set(where)))
        found += _learned_without([row for part in findings for row in part.apart if row[0] == rule.name])
    return [*found, *(line for part in findings for line in part.crowded)]


def _limits(learned: Fit, flags: pd.DataFrame, codes: NDArray[np.intp]) -> Iterator[dict[str, Any]]:
    n_cells = np.bincount(codes)
    n_flagged = {rule.name: np.bincount(codes, flags[rule.column]) for rule in learned.rules}
    for i, key in enumerate(learned.keys.to_dict("records") or [{}]):
        for rule in learned.rules:
            for limit, parts in zip(rule.limits, learned.bounds[rule.name], strict=True):
                for name, bounds in parts.items():
                    yield {
                        **{str(column): value for column, value in key.items()},
                        "rule": rule.name,
                        "feature": name,
                        "log": limit.log,
                        "center": float(bounds.center[i]),
                        "scale": float(bounds.scale[i]),
                        "low": float(bounds.low[i]),
                        "high": float(bounds.high[i]),
                        "n_flagged": int(n_flagged[rule.name][i]),
                        "n_cells": int(n_cells[i]),
                    }


def _unused(learned: Fit) -> Iterator[tuple[str, str, str]]:
    where = names(learned.keys)
    for rule in learned.rules:
        for bounds in (bounds for parts in learned.bounds[rule.name] for bounds in parts.values()):
            yield from ((rule.name, reason, where[i]) for i, reason in enumerate(bounds.reason) if reason)


def _apart(learned: Fit) -> Iterator[tuple[str, str, float]]:
    where = names(learned.keys)
    for rule in learned.rules:
        for bounds in (bounds for parts in learned.bounds[rule.name] for bounds in parts.values()):
            yield from ((rule.name, where[i], share) for i, share in enumerate(bounds.apart) if share)


def _learned_without(apart: Sequence[tuple[str, str, float]]) -> list[Line]:
    """Return a line that says where many cells lie apart, if they do anywhere."""
    if not apart:
        return []
    where, least, most = listed(dict.fromkeys(row[1] for row in apart)), *(f(r[2] for r in apart) for f in (min, max))
    share = f"{least:.0%}" if f"{least:.0%}" == f"{most:.0%}" else f"{least:.0%} to {most:.0%}"
    text = (
        f"the limit for {where} is that of the other cells: {share} lie apart below it, debris or another kind of cell"
    )
    return lines("flag_cells", "rule", [apart[0][0]], text, n=len({row[1] for row in apart}))


def _crowded(cells: pd.DataFrame, flags: pd.DataFrame) -> list[Line]:
    if WELL not in cells:
        return []
    keys = [cells[name] for name in (PLATE, WELL) if name in cells]
    wells = flags.groupby(keys, observed=True)
    share, count = wells.mean(), wells[FLAGGED].sum()
    crowded = share[share[FLAGGED] > CROWDED]
    found = zip(names(crowded.index.to_frame()), crowded.to_dict("records"), count[crowded.index], strict=False)
    return [lines("flag_cells", "well", [name], _mostly(shares), n=n)[0] for name, shares, n in found]


def _mostly(shares: Mapping[Any, float]) -> str:
    most = max((str(column) for column in shares if column != FLAGGED), key=lambda column: shares[column])
    return f"{shares[FLAGGED]:.0%} of its cells are flagged, {shares[most]:.0%} by {most}: look before leaving them out"


def _about(rule: Rule) -> str:
    features = dict.fromkeys(name for limit in rule.limits for name in limit.features)
    return RULES[rule.name].about if rule.name in RULES else f"by {listed(features)}"
