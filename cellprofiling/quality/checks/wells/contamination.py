"""The checks of control wells that do not look like controls: contaminated, or exchanged with the other kind."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.core.columns import WELL
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.kernels.scale.outlying import distances
from cellprofiling.kernels.scale.spread import mad
from cellprofiling.quality.checks.wells.controls import control_scores
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

DIMENSIONS = 10


def stray_controls(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how many negative controls of each plate lie far from the cloud of the others."""
    plates, of_well = rules["controls.stray"], rules["controls.stray_well"]
    if why := screen.lacks("features", "controls"):
        yield skipped(plates, why)
        return
    space = screen.readouts.space[:, :DIMENSIONS]
    wells = np.flatnonzero(screen.controls & np.isfinite(space).all(axis=1))
    far = distances(space[wells], screen.plate_codes[wells])
    for plate, here in screen.plates():
        on_plate = here[wells] & np.isfinite(far)
        n = int(on_plate.sum())
        if not n:
            yield Check(plates, "inconclusive", f"Plate {plate} has too few negative controls to compare.", plate)
            continue
        stray = far[on_plate] > 1
        share = float(stray.mean())
        status = plates.status(share) if stray.sum() >= plates.number("wells") else "pass"
        message = f"{stray.sum()} of {n} negative control wells of plate {plate} lie far from the others."
        yield Check(plates, status, message, plate, value=share, n=n)
        for row, distance in zip(wells[on_plate][stray], far[on_plate][stray], strict=True):
            well = str(screen.keys[WELL].iloc[row])
            message = f"{plate} {well} lies {distance:.1f} times as far from the other controls as it may."
            yield Check(of_well, "warn", message, plate, well, float(distance), n=1)


def exchanged_controls(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for control wells that look like the other kind of control."""
    plates, of_well = rules["controls.exchanged"], rules["controls.exchanged_well"]
    if why := screen.lacks("features", "controls", "positives"):
        yield skipped(plates, why)
        return
    wells, scores = control_scores(screen)
    for plate, here in screen.plates():
        on_plate = here[wells] & np.isfinite(scores)
        s, positive = scores[on_plate], screen.positives[wells[on_plate]]
        if min(positive.sum(), (~positive).sum()) < 4:
            yield Check(plates, "inconclusive", f"Plate {plate} has fewer than 4 controls of a kind.", plate)
            continue
        exchanged = _like_the_others(s, positive, plates)
        if exchanged is None:
            message = f"Controls of plate {plate} do not lie apart far enough to tell one kind from the other."
            yield Check(plates, "skipped", message, plate, n=len(s))
            continue
        n = int(exchanged.sum())
        message = f"{n} of {len(s)} control wells of plate {plate} look like the other kind of control."
        yield Check(plates, plates.status(n), message, plate, value=n, n=len(s))
        for row in wells[on_plate][exchanged]:
            well = str(screen.keys[WELL].iloc[row])
            other = "negative" if screen.positives[row] else "positive"
            yield Check(of_well, "fail", f"{plate} {well} looks like a {other} control.", plate, well, n=1)


def _like_the_others(scores: Doubles, positive: Mask, rule: Rule) -> Mask | None:
    """Return which wells lie far from their own kind and near the other; None where the kinds overlap."""
    centers = [float(np.median(scores[kind])) for kind in (~positive, positive)]
    spreads = [float(mad(scores[kind])) for kind in (~positive, positive)]
    gap = abs(centers[1] - centers[0])
    if gap == 0 or gap < rule.number("apart") * max(spreads):
        return None
    own, other = np.where(positive, centers[1], centers[0]), np.where(positive, centers[0], centers[1])
    spread = np.where(positive, spreads[1], spreads[0])
    from_own, from_other = np.abs(scores - own), np.abs(scores - other)
    return (from_other < from_own / 2) & (from_own > 4 * spread)
