"""The checks of cell counts: empty plates, wells with few cells, how controls spread and how far they lie apart."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from cellprofiling.core.frame import PLATE, WELL
from cellprofiling.kernels.spread import interval, robust_cv, ssmd, z_prime
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Floats, Mask, Screen


def empty_plates(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether each plate holds any cell."""
    rule = rules["counts.empty_plate"]
    if why := screen.lacks("count"):
        yield skipped(rule, why)
        return
    for plate, here in screen.plates():
        cells, n = float(np.nansum(screen.count[here])), int(here.sum())
        message = f"Plate {plate} holds {cells:,.0f} cells in {n} wells."
        yield Check(rule, rule.status(cells), message, plate, value=cells, n=n)


def few_cells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for few cells: held against the plate in control wells, a flag for toxicity in treated ones."""
    rule, why = rules["counts.control_low"], screen.lacks("count", "controls")
    if why:
        yield skipped(rule, why)
    if screen.lacks("count"):
        return
    treated = ~screen.controls & ~screen.positives
    other = ("counts.low_well", "warn") if why else ("counts.toxic", "warn")
    for plate, here in screen.plates():
        controls = here & screen.controls
        limit = _cell_limit(screen.count[controls], rule)
        if not why:
            yield _low_share(rule, plate, screen.count[controls], limit)
        yield from _low_wells(rules["counts.low_well"], "fail", screen, controls, limit)
        yield from _low_wells(rules[other[0]], other[1], screen, here & treated, limit)


def control_spread(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how far the cell counts of negative controls lie apart on each plate."""
    rule = rules["controls.count_spread"]
    if why := screen.lacks("count", "controls"):
        yield skipped(rule, why)
        return
    for plate, here in screen.plates():
        counts = _present(screen.count[here & screen.controls])
        cv = float(robust_cv(counts)) if len(counts) >= rule.number("wells") else math.nan
        cv = cv if cv > 0 else math.nan  # counts that are all alike were not measured one by one
        message = f"Cell counts of {len(counts)} negative control wells of plate {plate} have a robust CV of {cv:.2f}."
        if math.isnan(cv):
            message = f"The {len(counts)} negative control wells of plate {plate} do not tell how far counts spread."
        yield Check(rule, rule.status(cv), message, plate, value=cv, n=len(counts))


def control_separation(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how far positive and negative controls lie apart in cell count, on a bootstrap interval."""
    for rule, statistic in ((rules["controls.z_prime"], z_prime), (rules["controls.ssmd"], _distance)):
        if why := screen.lacks("count", "controls", "positives"):
            yield skipped(rule, why)
            continue
        for plate, here in screen.plates():
            positive = _present(screen.count[here & screen.positives])
            negative = _present(screen.count[here & screen.controls])
            yield _separation(rule, statistic, plate, positive, negative)


def _cell_limit(controls: Floats, rule: Rule) -> float:
    present = _present(controls)
    return max(rule.number("minimum"), rule.number("relative") * float(np.median(present)) if len(present) else 0)


def _low_share(rule: Rule, plate: str, counts: Floats, limit: float) -> Check:
    present = _present(counts)
    if not len(present):
        return Check(rule, "inconclusive", f"Plate {plate} has no negative control well with a cell count.", plate)
    low = int((present < limit).sum())
    message = f"{low} of {len(present)} negative control wells of plate {plate} hold fewer than {limit:.0f} cells."
    return Check(rule, rule.status(low / len(present)), message, plate, value=low / len(present), n=len(present))


def _low_wells(rule: Rule, status: str, screen: Screen, of: Mask, limit: float) -> Iterator[Check]:
    chosen = of & ~(screen.count >= limit)
    wells = screen.keys[chosen].assign(cells=screen.count[chosen]).sort_values([PLATE, WELL])
    for plate, well, cells in wells.itertuples(index=False):
        if math.isnan(cells):
            yield Check(rule, "inconclusive", f"{plate} {well} has no cell count.", plate, well)
        else:
            message = f"{plate} {well} holds {cells:.0f} cells; the limit is {limit:.0f}."
            yield Check(rule, status, message, plate, well, cells, n=1, limit=f"{status} below {limit:.0f} cells")


def _separation(rule: Rule, statistic: Callable[..., Floats], plate: str, positive: Floats, negative: Floats) -> Check:
    n, wells = min(len(positive), len(negative)), f"{len(positive)} positive and {len(negative)} negative control wells"
    if n < rule.number("wells"):
        return Check(rule, "inconclusive", f"Plate {plate} has {wells}, too few to tell.", plate, n=n)
    value = float(statistic(positive, negative))
    if math.isnan(value):
        message = f"The controls of plate {plate} do not vary, or not from each other: {rule.metric} means nothing."
        return Check(rule, "inconclusive", message, plate, n=n)
    # one seed for every plate: the interval of a plate changes neither with its name nor with its neighbors
    low, high = interval(statistic, positive, negative, rng=np.random.default_rng(0))
    message = f"{rule.metric} on plate {plate}: {value:.2f} (90 % interval {low:.2f} to {high:.2f}; {wells})."
    return Check(rule, rule.interval_status(low, high), message, plate, "", value, low, high, n)


def _distance(positive: Floats, negative: Floats) -> Floats:
    return np.abs(ssmd(positive, negative))  # which side a positive control lies on is its own affair


def _present(values: Floats) -> Floats:
    return values[~np.isnan(values)]
