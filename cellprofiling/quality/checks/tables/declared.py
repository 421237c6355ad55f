"""The readouts that a user declares before looking: features by which controls must lie apart, beside the count."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cellprofiling.core.errors import FeatureError, InputError, listed, nearest
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.scale.spread import z_prime
from cellprofiling.quality.checks.wells.controls import distance, judged
from cellprofiling.quality.rules import Check, Rules, skipped
from cellprofiling.quality.screen import Screen

Declared = str | Sequence[str] | None


def find_readouts(readouts: Declared, features: Sequence[str]) -> Indices:
    """Return the numbers of the features that were declared, in the order of the declaration."""
    names = [readouts] if isinstance(readouts, str) else readouts or []
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"readouts={readouts!r}: give names of features, as a list of texts.")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InputError(f"readouts: {listed(twice)} is named twice; a readout is judged once.")
    place = {name: number for number, name in enumerate(features)}
    unknown = [name for name in names if name not in place]
    if unknown:
        there = f"features are {listed(features)}" if features else "the table has no features"
        raise FeatureError(
            f"readouts={listed(unknown)}: no feature of that name; {there}.{nearest(unknown[0], features)}"
        )
    return np.array([place[name] for name in names], dtype=np.intp)


def declared_separation(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how far positive and negative controls lie apart in each declared readout, on a bootstrap interval.

    As many intervals are judged as readouts were declared, and each line says how many: of 20 readouts without any
    effect of their own, one or another looks better than it is.
    """
    named = ((rules["controls.readout_z_prime"], z_prime), (rules["controls.readout_ssmd"], distance))
    why = screen.lacks("readouts", "controls", "positives")
    if why:
        yield from (skipped(rule, why) for rule, _ in named)
        return
    n = len(screen.declared)
    said = "It is the only declared readout." if n == 1 else f"It is one of {n} declared readouts."
    for rule, statistic in named:
        for number in screen.declared:
            values = screen.x[:, number].astype(np.float64)
            # the metric names the readout: lines of one check and one plate are told apart by it
            of_readout = replace(rule, metric=f"{rule.metric.split(' of ')[0]} of {screen.features[number]}")
            for plate, here in screen.plates():
                positive, negative = (_known(values, here & kind) for kind in (screen.positives, screen.controls))
                line = judged(of_readout, statistic, plate, positive, negative)
                yield replace(line, message=f"{line.message} {said}")


def _known(values: Doubles, where: Mask) -> Doubles:
    chosen = values[where]
    return chosen[~np.isnan(chosen)]
