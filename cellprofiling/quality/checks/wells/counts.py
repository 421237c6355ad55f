"""The checks of cell counts: empty plates, wells with few cells, how controls spread and how far they lie apart."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.plates import LETTERS, well_name
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.kernels.plates.regions import chance_of_region, largest_region
from cellprofiling.kernels.scale.spread import robust_cv, z_prime
from cellprofiling.quality.checks.wells.controls import distance, judged
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

DRAWS = 1999
FEWEST_IN_LINE = 4


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
    for rule, statistic in ((rules["controls.z_prime"], z_prime), (rules["controls.ssmd"], distance)):
        if why := screen.lacks("count", "controls", "positives"):
            yield skipped(rule, why)
            continue
        for plate, here in screen.plates():
            positive = _present(screen.count[here & screen.positives])
            negative = _present(screen.count[here & screen.controls])
            yield judged(rule, statistic, plate, positive, negative)


def dead_plates(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether the controls of a plate hold far fewer cells than those of the other plates."""
    rule = rules["counts.dead_plate"]
    if why := screen.lacks("count"):
        yield skipped(rule, why)
        return
    usual = screen.controls if not screen.lacks("controls") else np.ones(len(screen.keys), dtype=bool)
    middles = {}
    for plate, here in screen.plates():
        counts = _present(screen.count[here & usual])
        if len(counts):
            middles[plate] = (float(np.median(counts)), len(counts))
    if len(middles) < rule.number("plates"):
        yield skipped(rule, f"There are fewer than {rule.number('plates'):.0f} plates to compare.")
        return
    what = "control wells" if not screen.lacks("controls") else "wells"
    for plate, (middle, n) in middles.items():
        others = float(np.median([each for name, (each, _) in middles.items() if name != plate]))
        ratio = middle / others if others > 0 else math.nan
        message = f"The {what} of plate {plate} hold {middle:,.0f} cells; those of the other plates {others:,.0f}."
        yield Check(rule, rule.status(ratio), message, plate, value=ratio, n=n)


def thin_regions(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for neighboring wells, and for whole rows and columns, that hold few cells whatever is in them."""
    region, line = rules["counts.thin_region"], rules["counts.thin_line"]
    if why := screen.lacks("count"):
        yield from (skipped(rule, why) for rule in (region, line))
        return
    filled = _relative_counts(screen)
    expected = _expected(screen, filled)
    for plate, here in screen.plates():
        wells = here & ~screen.positives & np.isfinite(screen.count)
        if wells.sum() < region.number("wells"):
            message = f"Plate {plate} has {wells.sum()} wells with cell counts, too few to see a region."
            yield from (Check(rule, "inconclusive", message, plate, n=int(wells.sum())) for rule in (region, line))
            continue
        thin = wells & (filled < region.number("relative") * expected)
        there, low, controls = (_grid(screen, mask) for mask in (wells, thin, wells & screen.controls))
        yield _region(region, plate, there, low)
        yield _thin_line(line, plate, there, low, controls)


def _relative_counts(screen: Screen) -> Doubles:
    """Return cells relative to the median well of the plate; NaN where unknown, or where that is empty."""
    filled = np.full(len(screen.count), np.nan)
    for _, here in screen.plates():
        known = here & ~screen.positives & np.isfinite(screen.count)
        middle = float(np.median(screen.count[known])) if known.any() else 0.0
        if middle > 0:
            filled[here] = screen.count[here] / middle
    return filled


def _expected(screen: Screen, filled: Doubles) -> Doubles:
    """Return what the treatment of each well leaves on other plates, the median, at most 1; 1 where it is on none.

    A toxic treatment is low on all plates, a lost well on one.
    """
    expected = np.ones(len(filled))
    known = (screen.treatment != "") & ~screen.controls & np.isfinite(filled)
    table = pd.DataFrame({"treatment": screen.treatment, "plate": screen.plate_codes, "filled": filled})[known]
    low = set(table.loc[table["filled"] < 1, "treatment"])
    for _, rows in table[table["treatment"].isin(low)].groupby("treatment"):
        plate, values = rows["plate"].to_numpy(), rows["filled"].to_numpy()
        for code in np.unique(plate):
            others = values[plate != code]
            if len(others):
                expected[rows.index[plate == code]] = min(1.0, float(np.median(others)))
    return expected


def _grid(screen: Screen, mask: Mask) -> Mask:
    grid = np.zeros(screen.shape, dtype=bool)
    grid[screen.position.row[mask], screen.position.column[mask]] = True
    return grid


def _region(rule: Rule, plate: str, there: Mask, low: Mask) -> Check:
    found = largest_region(low)
    size, n = int(found.sum()), int(there.sum())
    message = f"The largest region of plate {plate} with fewer cells than expected has {size} wells"
    status = rule.status(size)
    if status != "pass":
        chance = chance_of_region(there, int(low.sum()), size, DRAWS, np.random.default_rng(0))
        status = status if chance <= rule.number("level") else "pass"
        rows, columns = np.nonzero(found)
        ends = f"{well_name(rows.min(), columns.min())} to {well_name(rows.max(), columns.max())}"
        message += f", between {ends} (p = {chance:.2g} if such wells lay anywhere)"
    return Check(rule, status, f"{message}.", plate, value=size, n=n)


def _thin_line(rule: Rule, plate: str, there: Mask, low: Mask, controls: Mask) -> Check:
    """Return the line of the row or column of which most wells are low; its controls tell a fault from toxic wells."""
    worst, share, of = "", 0.0, 0
    lost_controls = False
    for axis, name in ((1, "row"), (0, "column")):
        n = there.sum(axis=axis)
        shares = np.divide(low.sum(axis=axis), n, out=np.zeros(len(n)), where=n >= FEWEST_IN_LINE)
        code = int(shares.argmax())
        if shares[code] > share:
            share, of = float(shares[code]), int(n[code])
            worst = f"row {LETTERS[code]}" if name == "row" else f"column {code + 1}"
            in_line = (low & controls).take(code, axis=1 - axis)
            lost_controls = bool(in_line.any())
    status = rule.status(share)
    if status == "fail" and not lost_controls:
        status = "warn"  # a toxic compound at many doses may fill a row; a control is not toxic
    message = f"No row or column of plate {plate} is low in cells."
    if share > 0:
        seen = "control wells among them" if lost_controls else "no control well among them"
        message = f"{100 * share:.0f} % of the {of} wells of {worst} of plate {plate} are low in cells, {seen}."
    return Check(rule, status, message, plate, value=share, n=of)


def _cell_limit(controls: Doubles, rule: Rule) -> float:
    present = _present(controls)
    return max(rule.number("minimum"), rule.number("relative") * float(np.median(present)) if len(present) else 0)


def _low_share(rule: Rule, plate: str, counts: Doubles, limit: float) -> Check:
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


def _present(values: Doubles) -> Doubles:
    return values[~np.isnan(values)]
