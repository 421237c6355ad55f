"""The check of single cells: how many are flagged on each plate and in each well, and how many were not measured."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.core.columns import PLATE
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

SHARES = {"cells.flagged": "flagged", "cells.missing": "missing"}


def flagged_cells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check the share of flagged cells, and of cells without a value, of plates and of wells."""
    if screen.cells is None:
        yield from (skipped(rules[name], screen.lacks("cells")) for name in SHARES)
        return
    table = screen.cells[screen.cells["n_cells"] > 0].sort_values([PLATE, "Metadata_Well"])
    for name, column in SHARES.items():
        for plate, wells in table.groupby(PLATE, sort=True):
            yield _plate(rules[name], str(plate), wells[column].to_numpy(), wells["n_cells"].to_numpy(), column)
    yield from _wells(rules["cells.well"], table)


def _plate(rule: Rule, plate: str, shares: np.ndarray, n_cells: np.ndarray, what: str) -> Check:
    share = float(np.median(shares))
    words = {"flagged": "flagged", "missing": "without a value for some feature"}[what]
    message = f"In the median well of plate {plate}, {100 * share:.1f} % of the cells are {words}."
    return Check(rule, rule.status(share), message, plate, value=share, n=int(n_cells.sum()))


def _wells(rule: Rule, table: object) -> Iterator[Check]:
    enough = table[table["n_cells"] >= rule.number("cells")]  # type: ignore[index]
    for plate, well, n, share in enough[[PLATE, "Metadata_Well", "n_cells", "flagged"]].itertuples(index=False):
        status = rule.status(float(share))
        if status != "pass":
            message = f"{100 * share:.0f} % of the {n:.0f} cells of {plate} {well} are flagged."
            yield Check(rule, status, message, plate, well, float(share), n=int(n))
