"""The verb that checks a screen, and the checks of inputs, layout and features.

CHECKS lists all checks, in the order they are reported.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from cellprofiling.core.errors import listed
from cellprofiling.core.frame import COUNT, PLATE, WELL, Reference
from cellprofiling.core.plates import Wells, parse_wells
from cellprofiling.quality.audit import control_audit
from cellprofiling.quality.counts import control_separation, control_spread, empty_plates, few_cells
from cellprofiling.quality.rules import Check, Overrides, Rule, Rules, load, skipped
from cellprofiling.quality.screen import Screen, look
from cellprofiling.quality.verdict import Quality


def check_quality(
    wells: pd.DataFrame,
    *,
    platemap: pd.DataFrame | None = None,
    cells: Any = None,
    images: Any = None,
    reference: Reference = None,
    positive: Reference = None,
    hits: pd.DataFrame | None = None,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    thresholds: Overrides = None,
) -> Quality:
    """
    Check whether a screen can be trusted, and say what to do where it cannot.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well: ``Metadata_`` columns, cell counts and features, as `aggregate` returns it.
    platemap : pandas.DataFrame or None, default None
        What each well was meant to hold. Wells are compared with it; metadata that `wells` lacks is looked up in it.
    cells : object, default None
        Single cells. This version does not check them, and says so.
    images : object, default None
        Image measurements. This version does not check them, and says so.
    reference : str, mapping, array-like or None, default None
        The negative controls: a query, ``{column: value}`` or a mask. Without them the checks of controls are skipped
        and the verdict is at best "warn".
    positive : str, mapping, array-like or None, default None
        Positive controls that should change the number of cells, such as a toxic compound. Z' and SSMD need them.
    hits : pandas.DataFrame or None, default None
        The hit list, as `rank_hits` returns it. Its audit is judged: whether the test calls control wells active.
    plate : str, default "Metadata_Plate"
        Column with the plate.
    well : str, default "Metadata_Well"
        Column with the well.
    count : str, default "Metadata_Object_Count"
        Column with the number of cells in the well. Without the default column the checks of counts are skipped.
    thresholds : mapping or None, default None
        Numbers to use in place of the ones in ``thresholds.yaml``, as ``{"counts.control_low": {"warn": 0.2}}``; None
        in place of a number switches a limit off.

    Returns
    -------
    Quality
        The verdict (``.status``), every check (``.checks``) and what it says about each well and plate (``.flags``).

    Raises
    ------
    InputError
        If the table is empty, or `thresholds` names a check or number that does not exist.
    ColumnError
        If a column is missing, or plate or well is missing in some rows.
    ReferenceRowsError
        If `reference` or `positive` is unreadable or matches no row.
    PlateLayoutError
        If a well is not written like A01.

    Notes
    -----
    A check passes, warns, fails, is inconclusive (measured, but too little to tell) or is skipped (with the reason).
    The verdict is the worst status of all plates and of the screen; an inconclusive check warns, and so does a skipped
    one without which nothing speaks for the screen (controls, counts). Wells never decide it: a treated well with few
    cells may be a toxic treatment. Features that are infinite count as missing.

    References
    ----------
    .. [1] Zhang, Chung and Oldenburg. A simple statistical parameter for use in evaluation and validation of high
       throughput screening assays. J Biomol Screen 4, 67 (1999). https://doi.org/10.1177/108705719900400206
    .. [2] Zhang. A pair of new statistical parameters for quality control in RNA interference high-throughput
       screening assays. Genomics 89, 552 (2007). https://doi.org/10.1016/j.ygeno.2006.12.014

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({
    ...     "Metadata_Plate": "P1",
    ...     "Metadata_Well": [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)],
    ...     "Metadata_Role": ["negcon"] + ["treatment"] * 5 + ["negcon"] + ["treatment"] * 89,
    ...     "Metadata_Object_Count": [180 + i % 40 for i in range(96)],
    ... })
    >>> quality = cpf.check_quality(wells, reference="Metadata_Role == 'negcon'")
    >>> quality.status
    'fail'
    >>> quality.checks.query("status == 'fail'").message.item()
    'Plate P1 has 2 negative control wells.'
    """
    rules = load(thresholds)
    columns = {"plate": plate, "well": well, "count": count}
    screen = look(wells, platemap=platemap, reference=reference, positive=positive, hits=hits, **columns)
    lines = [line for check in CHECKS for line in check(screen, rules)]
    lines += [_not_checked(rules["cells"], "cells", cells), _not_checked(rules["images"], "images", images)]
    unremarkable = "skipped" if screen.lacks("count") else "pass"
    return Quality(tuple(lines), screen.keys, tuple(rules.values()), unremarkable)


def duplicate_wells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for rows that claim the same well."""
    rule, total = rules["inputs.duplicate_wells"], len(screen.keys)
    doubled = screen.keys[screen.keys.duplicated(keep=False).to_numpy()]
    wells = sorted(set(zip(doubled[PLATE], doubled[WELL], strict=True)))
    message = f"Each of {total} rows has a plate and well of its own."
    if wells:
        names = listed([f"{plate} {well}" for plate, well in wells])
        message = f"{len(doubled)} of {total} rows share plate and well with another: {names}."
    yield Check(rule, rule.status(len(doubled)), message, value=len(doubled), n=total)
    for plate, well in wells:
        yield Check(rule, rule.status(len(doubled)), f"{plate} {well} occurs more than once.", plate, well)


def platemap_coverage(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for wells that the platemap does not know, and for wells that it promised."""
    unknown, missing = rules["inputs.unannotated_wells"], rules["inputs.missing_wells"]
    if why := screen.lacks("platemap"):
        yield from (skipped(rule, why) for rule in (unknown, missing))
        return
    found, expected = _wells_by_plate(screen.keys), _wells_by_plate(screen.expected)
    for plate in sorted(found.keys() | expected.keys()):
        here, promised = found.get(plate, set()), expected.get(plate, set())
        if here:
            yield _share(unknown, plate, here - promised, here, "wells have no row in the platemap")
        if promised:
            yield _share(missing, plate, promised - here, promised, "wells of the platemap have no row in the table")


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


def missing_features(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for features that are missing or infinite in many wells; wells without any feature are not asked."""
    rule = rules["features.missing"]
    if why := screen.lacks("features"):
        yield skipped(rule, why)
        return
    for plate, here in screen.plates():
        finite = screen.finite[here]
        finite = finite[finite.any(axis=1)]
        n = finite.shape[1]
        if not len(finite):
            yield Check(rule, "inconclusive", f"No well of plate {plate} has any feature.", plate, n=n)
            continue
        lacking = (~finite).mean(axis=0) > rule.number("wells")
        share, often = float(lacking.mean()), 100 * rule.number("wells")
        message = f"{lacking.sum()} of {n} features are missing in over {often:.3g} % of the wells of plate {plate}."
        yield Check(rule, rule.status(share), message, plate, value=share, n=n)


CHECKS: tuple[Callable[[Screen, Rules], Iterator[Check]], ...] = (
    duplicate_wells,
    platemap_coverage,
    control_wells,
    empty_plates,
    few_cells,
    missing_features,
    control_spread,
    control_separation,
    control_audit,
)


def _not_checked(rule: Rule, name: str, table: object) -> Check:
    why = "none were given" if table is None else "this version has no check for them"
    return skipped(rule, f"The {name} were not checked: {why}.")


def _spread_over_lines(rule: Rule, plate: str, wells: Wells, n: int) -> Check:
    n_rows, n_columns = len(set(wells.row)), len(set(wells.column))
    rows, columns = "row" if n_rows == 1 else "rows", "column" if n_columns == 1 else "columns"
    message = f"The {n} negative control wells of plate {plate} lie in {n_rows} {rows} and {n_columns} {columns}."
    value = min(n_rows, n_columns)
    return Check(rule, rule.status(value), message, plate, value=value, n=n)


def _share(rule: Rule, plate: str, bad: set[str], of: set[str], what: str) -> Check:
    names = f": {listed(sorted(bad))}" if bad else ""
    message = f"Plate {plate}: {len(bad)} of {len(of)} {what}{names}."
    return Check(rule, rule.status(len(bad) / len(of)), message, plate, value=len(bad) / len(of), n=len(of))


def _wells_by_plate(keys: pd.DataFrame) -> dict[str, set[str]]:
    return {str(plate): set(wells) for plate, wells in keys.groupby(PLATE)[WELL]}
