"""The checks of layout: plates that were turned, shifted or made with another map, and wells that were swapped."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.kernels.directions.plate_components import plate_components
from cellprofiling.kernels.plates.layouts import (
    CANNOT_TELL,
    MOVED,
    OTHER,
    LayoutScores,
    compare_layouts,
    layouts_by_content,
)
from cellprofiling.kernels.plates.patterns import polished
from cellprofiling.kernels.plates.swapped_labels import find_exchanges
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

FEWEST_FEATURES = 5


def moved_plates(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check each plate against the others of its layout, as recorded, turned, shifted, and against other layouts."""
    rule = rules["layout.plate"]
    if why := screen.lacks("treatment"):
        yield skipped(rule, why)
        return
    if screen.keys.duplicated().any():
        yield skipped(rule, "Some wells occur twice: see inputs.duplicate_wells.")
        return
    patterns = _patterns(screen)
    if not patterns:
        yield skipped(rule, "There are neither cell counts nor features to compare plates by.")
        return
    label = np.unique(screen.treatment.astype(str), return_inverse=True)[1]
    label = np.where(screen.treatment == "", -1, label)  # nothing known is no label
    layout, n_layouts = layouts_by_content(label, screen.plate_codes, _place(screen))
    if n_layouts == len(layout):
        yield skipped(rule, "No two plates have the same layout, so there is nothing to lay them over.")
        return
    scores = compare_layouts(patterns, layout, n_layouts)
    names = [name for name, _ in screen.plates()]
    for number in range(len(names)):
        yield _moved(rule, scores, names, number)


def swapped_wells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for pairs of wells of a plate that would both fit their replicates better with their labels exchanged."""
    rule = rules["layout.swapped_wells"]
    if why := screen.lacks("treatment") or ("" if screen.profiles is not None else screen.lacks("features")):
        yield skipped(rule, why)
        return
    asked = np.flatnonzero((screen.treatment != "") & ~np.isnan(screen.normalized).any(axis=1))
    label = np.unique(screen.treatment[asked].astype(str), return_inverse=True)[1]
    x = screen.normalized[asked]
    if x.shape[1] < FEWEST_FEATURES or len(asked) < 2:
        yield skipped(rule, f"{x.shape[1]} features are too few to tell wells apart.")
        return
    found = find_exchanges(x, label, screen.plate_codes[asked])
    known = ~np.isnan(found.p_value)
    if not known.any():
        yield skipped(rule, "No two perturbations of a plate are on another plate too.")
        return
    n_plates = len(np.unique(screen.plate_codes[asked][known]))
    p = np.minimum(found.p_value * n_plates, 1)
    swapped = np.flatnonzero(known & (p < (rule.warn or 0)))
    wells, plates = screen.keys[WELL].to_numpy(dtype=object)[asked], screen.keys[PLATE].to_numpy(dtype=object)[asked]
    pairs = sorted({(plates[i], *sorted((wells[i], wells[found.partner[i]]))) for i in swapped})
    smallest = float(p[known].min())
    message = f"No pair among {int(known.sum())} wells fits its replicates clearly better with labels exchanged."
    if pairs:
        first = "; ".join(f"{one} and {other} of plate {plate}" for plate, one, other in pairs[:3])
        more = f" and {len(pairs) - 3} pairs more" if len(pairs) > 3 else ""
        message = f"These wells fit their replicates clearly better with labels exchanged: {first}{more}."
    yield Check(rule, rule.status(smallest), message, value=smallest, n=int(known.sum()))
    for plate, one, other in pairs:
        for well, partner in ((one, other), (other, one)):
            yield Check(rule, "warn", f"{plate} {well} looks like what {partner} should hold.", plate, well)


def _patterns(screen: Screen) -> list[NDArray[np.float64]]:
    measures = [] if screen.lacks("count") else [np.log1p(np.maximum(screen.count, 0))]
    if screen.x.shape[1]:
        filled = fill_with_median(screen.x, screen.plate_codes)
        measures += list(plate_components(filled, screen.plate_codes).T)
    grids = []
    for values in measures:
        grid = np.full((int(screen.plate_codes.max()) + 1, screen.shape[0] * screen.shape[1]), np.nan)
        grid[screen.plate_codes, _place(screen)] = values
        grids.append(polished(grid.reshape(-1, *screen.shape)))
    return grids


def _place(screen: Screen) -> NDArray[np.intp]:
    return screen.position.row * screen.shape[1] + screen.position.column


def _moved(rule: Rule, scores: LayoutScores, names: list[str], number: int) -> Check:
    fit, name = scores.fit(number), names[number]
    recorded, n = float(scores.moved[0, number]), int(scores.n_replicates[number])
    if not n:
        return Check(rule, "skipped", f"No other plate has the layout of plate {name}.", name)
    if fit.verdict == CANNOT_TELL:
        said = f"Plate {name} has no pattern in common with the {n} other plates of its layout: a turn would not show."
        return Check(rule, "skipped", said, name, n=n)
    message = f"Plate {name} fits the {n} other plates of its layout as recorded (correlation {recorded:.2f})."
    if fit.verdict == MOVED:
        who = f"Plate {name}" if n > 1 else f"Plate {name}, or the only other plate of its layout,"
        message = (
            f"{who} looks {fit.transform}: its correlation with its replicates is then {fit.score:.2f}, "
            f"{recorded:.2f} as recorded."
        )
    if fit.verdict == OTHER:
        like = next(other for other, own in zip(names, scores.own, strict=True) if own == fit.layout)
        message = (
            f"Plate {name} looks like a plate with the layout of {like} (correlation {fit.layout_score:.2f}), not with "
            f"its own ({recorded:.2f})."
        )
    value = max(fit.score, fit.layout_score) - recorded if fit.verdict in (MOVED, OTHER) else 0.0
    return Check(rule, rule.status(value), message, name, value=value, n=n)
