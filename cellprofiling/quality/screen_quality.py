"""The verb that checks a screen.

CHECKS lists all checks, in the order they are reported.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference
from cellprofiling.quality.checks.hit_list.audit import control_audit
from cellprofiling.quality.checks.hit_list.surface import flagged_hits, hit_surface
from cellprofiling.quality.checks.plates.drift import batch_effect, plate_levels, trends
from cellprofiling.quality.checks.plates.layout import moved_plates, swapped_wells
from cellprofiling.quality.checks.plates.position import position_effects, same_position
from cellprofiling.quality.checks.tables.cells import flagged_cells
from cellprofiling.quality.checks.tables.declared import Declared, declared_separation
from cellprofiling.quality.checks.tables.design import confounding, control_wells
from cellprofiling.quality.checks.tables.features import (
    exploding_features,
    feature_sets,
    flat_features,
    missing_features,
    unusable_features,
)
from cellprofiling.quality.checks.tables.images import image_quality
from cellprofiling.quality.checks.tables.inputs import (
    duplicate_wells,
    metadata_types,
    perturbation_labels,
    platemap_coverage,
    unmatched_plates,
    wells_per_plate,
)
from cellprofiling.quality.checks.wells.contamination import exchanged_controls, stray_controls
from cellprofiling.quality.checks.wells.controls import profile_separation
from cellprofiling.quality.checks.wells.counts import (
    control_separation,
    control_spread,
    dead_plates,
    empty_plates,
    few_cells,
    thin_regions,
)
from cellprofiling.quality.checks.wells.duplicates import copied_profiles, near_duplicates
from cellprofiling.quality.checks.wells.replicates import replicating
from cellprofiling.quality.prepared import BATCH, look
from cellprofiling.quality.rules import Check, Overrides, Rules, load
from cellprofiling.quality.screen import Screen
from cellprofiling.quality.verdict import Quality
from cellprofiling.quality.waivers import Waivers, waive, waivers_of


def check_quality(
    wells: pd.DataFrame,
    *,
    platemap: pd.DataFrame | None = None,
    cells: Any = None,
    images: Any = None,
    reference: Reference = None,
    positive: Reference = None,
    by: By = None,
    hits: pd.DataFrame | None = None,
    profiles: pd.DataFrame | None = None,
    readouts: Declared = None,
    order: str | None = None,
    batch: str = BATCH,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    thresholds: Overrides = None,
    waivers: Waivers = None,
) -> Quality:
    """
    Check whether a screen can be trusted, and say what to do where it cannot.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well: ``Metadata_`` columns, cell counts and features, as `aggregate` returns it.
    platemap : pandas.DataFrame or None, default None
        What each well was meant to hold. Wells are compared with it; metadata that `wells` lacks is looked up in it.
    cells : pandas.DataFrame, Cells, str or os.PathLike, default None
        Single cells with flags: what `flag_cells` returns, or flags of coSMicQC (``Metadata_cqc_*_is_outlier``) or
        CellProfiler (``Metadata_QCFlag``). Read a plate at a time. Without, the counts of flags are used that
        `aggregate` puts beside wells, if there are any.
    images : pandas.DataFrame, str or os.PathLike, default None
        Measurements of images: the plate and ``ImageQuality_`` columns, as CellProfiler's MeasureImageQuality writes
        them.
    reference : str, mapping, array-like or None, default None
        The negative controls: a query, ``{column: value}`` or a mask. Without them the checks of controls are skipped
        and the verdict is at best "warn".
    positive : str, mapping, array-like or None, default None
        Positive controls that should change the number of cells, such as a toxic compound. Z' and SSMD need them.
    by : str, list of str or None, default None
        Metadata columns that name what is in a well. Without them, or the hit list to look them up in, nothing is said
        of replicates, layout and confounding.
    hits : pandas.DataFrame or None, default None
        The hit list, as `rank_hits` returns it: its audit is judged, and whether hits gather in places of the plate.
    profiles : pandas.DataFrame or None, default None
        The same wells with normalized features, as they are tested. Replicates are compared by them; without, by the
        features of `wells` in MADs of their plate.
    readouts : str, list of str or None, default None
        Features of `wells`, named before looking at the results, in which positive and negative controls must lie
        apart: Z' and SSMD of each are judged beside those of the cell count.
    order : str or None, default None
        A metadata column that sorts plates by acquisition: a date or number. None takes plates by name.
    batch : str, default "Metadata_Batch"
        Column with the batch, if there is one.
    plate : str, default "Metadata_Plate"
        Column with the plate.
    well : str, default "Metadata_Well"
        Column with the well.
    count : str, default "Metadata_Object_Count"
        Column with the number of cells in the well. Without the default column the checks of counts are skipped.
    thresholds : mapping or None, default None
        Numbers to use in place of the ones in ``thresholds.yaml``, as ``{"counts.control_low": {"warn": 0.2}}``; None
        in place of a number switches a limit off.
    waivers : list of mapping or None, default None
        Checks that someone lets pass: ``{"check": id, "scope": "P1", "reason": ..., "who": ..., "until":
        "2026-12-31"}``. `scope` is a plate, "P1 A01", "screen", or "*" for all (the default); without `until` there is
        no end. What is waived stays in sight, as "fail (waived)", and decides nothing.

    Returns
    -------
    Quality
        The verdict (``.status``), every check (``.checks``) and what it says about each well and plate (``.flags``).

    Raises
    ------
    InputError
        If the table is empty, a readout is named twice, `thresholds` or `waivers` name a check or number that does not
        exist, or a waiver lacks a reason or a name.
    ColumnError
        If a column is missing, or plate or well is missing in some rows.
    FeatureError
        If a readout is no feature of `wells`.
    ReferenceRowsError
        If `reference` or `positive` is unreadable or matches no row.
    PlateLayoutError
        If a well is not written like A01.

    Notes
    -----
    A check passes, warns, fails, is inconclusive (measured, but too little to tell) or is skipped (with the reason).
    The verdict is the worst status of all plates and of the screen; an inconclusive check warns, and so does a skipped
    one without which nothing speaks for the screen (controls, counts), and one that fails but is no gate. Wells never
    decide it: a treated well with few cells may be a toxic treatment. Features that are infinite count as missing.
    The same wells in another order give the same checks.

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
    >>> quality.checks.query("id == 'design.controls'").message.item()
    'Plate P1 has 2 negative control wells.'
    """
    checks.arguments(
        locals(),
        images=checks.optional(checks.either(checks.table, checks.path)),
        thresholds=checks.optional(checks.mapping),
        cells=checks.optional(checks.cells),
        hits=checks.optional(checks.table),
        profiles=checks.optional(checks.table),
        batch=checks.column,
    )
    rules = load(thresholds)
    screen = look(
        wells,
        platemap=platemap,
        reference=reference,
        positive=positive,
        hits=hits,
        profiles=profiles,
        readouts=readouts,
        by=by,
        order=order,
        batch=batch,
        cells=cells,
        images=images,
        plate=plate,
        well=well,
        count=count,
    )
    lines = [line for check in CHECKS for line in check(screen, rules)]
    lines += flagged_hits(screen, rules, lines)
    waived = waivers_of(waivers, rules, date.today())
    return Quality(
        lines=waive(lines, waived),
        keys=screen.keys.iloc[np.argsort(screen.row)],
        rules=tuple(rules.values()),
        unremarkable="skipped" if screen.lacks("count") else "pass",
        waivers=waived,
        order=() if screen.lacks("order") else tuple(name for name, _ in screen.in_order()),
    )


CHECKS: tuple[Callable[[Screen, Rules], Iterator[Check]], ...] = (
    duplicate_wells,
    unmatched_plates,
    platemap_coverage,
    wells_per_plate,
    metadata_types,
    perturbation_labels,
    control_wells,
    confounding,
    moved_plates,
    swapped_wells,
    empty_plates,
    dead_plates,
    few_cells,
    thin_regions,
    missing_features,
    unusable_features,
    exploding_features,
    flat_features,
    feature_sets,
    copied_profiles,
    near_duplicates,
    control_spread,
    control_separation,
    declared_separation,
    profile_separation,
    stray_controls,
    exchanged_controls,
    position_effects,
    same_position,
    plate_levels,
    trends,
    batch_effect,
    replicating,
    control_audit,
    hit_surface,
    flagged_cells,
    image_quality,
)
