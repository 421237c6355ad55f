"""The check of how far positive and negative controls lie apart in their whole profiles, judged out of sample."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.discriminant import held_out_scores, interleaved_folds
from cellprofiling.kernels.scale.control_centers import control_centers
from cellprofiling.kernels.scale.spread import interval, ssmd, z_prime
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

FOLDS = 5


def profile_separation(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how far positive and negative controls lie apart along a direction learned from other plates."""
    named = ((rules["controls.profile_z_prime"], z_prime), (rules["controls.profile_ssmd"], _oriented))
    if why := screen.lacks("features", "controls", "positives"):
        yield from (skipped(rule, why) for rule, _ in named)
        return
    wells, scores = control_scores(screen)
    for rule, statistic in named:
        for plate, here in screen.plates():
            on_plate = here[wells] & np.isfinite(scores)
            positive = scores[on_plate & screen.positives[wells]]
            negative = scores[on_plate & screen.controls[wells]]
            yield judged(rule, statistic, plate, positive, negative)


def control_scores(screen: Screen) -> tuple[Indices, Doubles]:
    """Return the control wells with features, and how positive each looks to a direction that other wells taught."""
    known = np.isfinite(screen.readouts.space).all(axis=1)
    wells = np.flatnonzero(known & (screen.controls ^ screen.positives))
    positive, plate = screen.positives[wells], screen.plate_codes[wells]
    space = screen.readouts.space[wells]
    x = space - np.nan_to_num(control_centers(space, plate, ~positive, median=True))  # no negative control: as it is
    both = [code for code in np.unique(plate) if 0 < positive[plate == code].sum() < (plate == code).sum()]
    fold = plate if len(both) > 1 else interleaved_folds(positive, FOLDS)
    return wells, held_out_scores(x, positive, fold)


def judged(rule: Rule, statistic: object, plate: str, positive: Doubles, negative: Doubles) -> Check:
    """Return the line of a separation: its value, its 90 % bootstrap interval, and what the interval says."""
    n = min(len(positive), len(negative))
    wells = f"{len(positive)} positive and {len(negative)} negative control wells"
    if n < 3:
        return Check(rule, "inconclusive", f"Plate {plate} has {wells}, too few to tell.", plate, n=n)
    value = float(statistic(positive, negative))  # type: ignore[operator]
    if np.isnan(value):
        message = f"The controls of plate {plate} do not vary, or not from each other: {rule.metric} means nothing."
        return Check(rule, "inconclusive", message, plate, n=n)
    # one seed for every plate: the interval of a plate changes neither with its name nor with its neighbors
    low, high = interval(statistic, positive, negative, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    few = n < rule.number("wells")
    metric = rule.metric[:1].upper() + rule.metric[1:]
    message = f"{metric} on plate {plate}: {value:.2f} (90 % interval {low:.2f} to {high:.2f}; {wells})"
    status = "inconclusive" if few else rule.interval_status(low, high)
    return Check(rule, status, f"{message}{', too few to tell' if few else ''}.", plate, "", value, low, high, n)


def distance(positive: Doubles, negative: Doubles) -> Doubles:
    """Return SSMD without its sign: which side a positive control lies on is its own affair."""
    return np.abs(ssmd(positive, negative))


def _oriented(positive: Doubles, negative: Doubles) -> Doubles:
    return ssmd(positive, negative)  # the direction points to the positive controls: below 0 they lie the wrong way
