"""The checks of design: enough controls in the right places, and perturbations that no plate or place stands for."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import plural
from cellprofiling.core.plates import Wells, parse_wells
from cellprofiling.kernels.similarity.association import cramers_v
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen


def control_wells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether each plate has negative controls, some of them inside, and not all in one row or column."""
    enough, inside, lines = (rules[f"design.controls{part}"] for part in ("", "_inside", "_lines"))
    if why := screen.lacks("controls"):
        yield from (skipped(rule, why) for rule in (enough, inside, lines))
        return
    for plate, here in screen.plates():
        controls = here & screen.controls
        n, n_inside = int(controls.sum()), int((controls & ~screen.edge).sum())
        yield Check(enough, enough.status(n), f"Plate {plate} has {n} negative control wells.", plate, value=n, n=n)
        if n:
            message = f"{n_inside} of the {n} negative control wells of plate {plate} lie away from the edge."
            yield Check(inside, inside.status(n_inside), message, plate, value=n_inside, n=n)
        if n > 1:
            yield _spread_over_lines(lines, plate, parse_wells(screen.keys.loc[controls, WELL]), n)


def confounding(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether perturbations and batches, plates or well positions stand for each other."""
    batch, plate, position = (rules[f"design.{name}"] for name in ("one_batch", "one_plate", "one_position"))
    if why := screen.lacks("treatment"):
        yield from (skipped(rule, why) for rule in (batch, plate, position))
        return
    wells = screen.keys.assign(treatment=screen.treatment, batch=screen.batch)
    wells = wells[(wells["treatment"] != "") & ~screen.controls & ~screen.positives]
    yield _by_batch(batch, wells, screen.lacks("batch"))
    per = wells.groupby("treatment").agg(n=(WELL, "size"), plates=(PLATE, "nunique"), positions=(WELL, "nunique"))
    yield _by_plate(plate, per[per["n"] > 1], screen.keys[PLATE].nunique())
    yield _by_position(position, per[per["plates"] > 1])


def _by_batch(rule: Rule, wells: pd.DataFrame, why: str) -> Check:
    known = wells[wells["batch"] != ""]
    n_batches = known["batch"].nunique()
    if why or n_batches < 2:
        return skipped(rule, why or f"The wells are of {n_batches} batch.")
    label, batch = (
        np.unique(known[name].to_numpy(dtype=str), return_inverse=True)[1] for name in ("treatment", "batch")
    )
    v = cramers_v(label, batch)
    if np.isnan(v):
        return Check(rule, "inconclusive", "No perturbation has replicates to tell it from its batch.", n=len(known))
    message = f"Cramer's V of {known['treatment'].nunique()} perturbations and {n_batches} batches is {v:.2f}."
    return Check(rule, rule.status(v), message, value=v, n=len(known))


def _by_plate(rule: Rule, per: pd.DataFrame, n_plates: int) -> Check:
    if n_plates < 2:
        return skipped(rule, "There is one plate.")
    if not len(per):
        return skipped(rule, "No perturbation has more than one well.")
    share = float((per["plates"] == 1).mean())
    message = (
        f"{int((per['plates'] == 1).sum())} of {len(per)} perturbations with replicates have all of them on one plate."
    )
    return Check(rule, rule.status(share), message, value=share, n=len(per))


def _by_position(rule: Rule, per: pd.DataFrame) -> Check:
    if not len(per):
        return skipped(rule, "No perturbation is on two plates.")
    fixed = per["positions"] == 1
    message = f"{int(fixed.sum())} of {len(per)} perturbations on several plates always lie in the same well."
    return Check(rule, rule.status(float(fixed.mean())), message, value=float(fixed.mean()), n=len(per))


def _spread_over_lines(rule: Rule, plate: str, wells: Wells, n: int) -> Check:
    n_rows, n_columns = len(set(wells.row)), len(set(wells.column))
    lines = f"{plural(n_rows, 'row')} and {plural(n_columns, 'column')}"
    message = f"The {n} negative control wells of plate {plate} lie in {lines}."
    value = min(n_rows, n_columns)
    return Check(rule, rule.status(value), message, plate, value=value, n=n)
