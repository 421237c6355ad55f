"""Candidates run and scored, on both halves of the perturbations, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.inference.bootstrap import Interval, draw_weights, interval
from cellprofiling.profiles.comparison.candidates import UNCORRECTED, Candidate, Roles, saw_labels
from cellprofiling.profiles.comparison.choice import PRIMARY, Trial, primary_metric
from cellprofiling.profiles.comparison.safety import (
    HeldOut,
    calibration,
    effect_preservation,
    seed_stability,
)
from cellprofiling.profiles.comparison.scores import CONTROL, HALVED, PERTURBATION, PSEUDO, Sample, absent, samples
from cellprofiling.profiles.comparison.screen import Screen, View, look, view

UNKNOWN = Interval(np.nan, np.nan, np.nan, np.nan)
EVERY, CHOSEN_ON, SHOWN = "every", "chosen on", "shown"  # which perturbations

Weights = Mapping[tuple[str, str], tuple[Doubles, Doubles]]
Scores = dict[str, tuple[Interval, Interval]]
Drawn = Mapping[tuple[str, str], tuple[float, Doubles]]


@dataclass(frozen=True)
class Setting:
    """What all candidates are run on.

    Attributes
    ----------
    profiles, roles, screen : the table, the columns candidates are told of, and what the table says of rows.
    held : controls that play perturbations.
    given, before : the profiles as they are, and the effects in them.
    neighbors, seed : as asked for.
    """

    profiles: pd.DataFrame
    roles: Roles
    screen: Screen
    held: HeldOut
    given: View
    before: Doubles
    neighbors: int
    seed: int


@dataclass(frozen=True)
class Run:
    """A candidate and its scores, not yet summed up."""

    candidate: Candidate
    samples: Mapping[str, Sample]
    seconds: float
    saw_labels: bool


def run(candidate: Candidate, setting: Setting) -> Run:
    """Return the scores of a candidate; what it refuses is raised."""
    profiles, roles, screen, seed = setting.profiles, setting.roles, setting.screen, setting.seed
    start = perf_counter()
    table = candidate.result(profiles, roles, seed)
    seconds = perf_counter() - start
    seen = view(look(table, roles.features), screen)
    found = samples(screen, seen, setting.neighbors)
    found["calibration"] = calibration(candidate, profiles, roles, screen, setting.held, seed)
    found["effect_preservation"] = effect_preservation(screen, setting.before, setting.given.features, seen)
    found["seed_stability"] = absent("no seed")
    if candidate.seeded:
        again = look(candidate.result(profiles, roles, seed + 1), roles.features)
        found["seed_stability"] = seed_stability(screen, seen, view(again, screen))
    finished = candidate.run is None or candidate.name == UNCORRECTED
    return Run(candidate, found, np.nan if finished else seconds, saw_labels(table, profiles, screen.columns["by"]))


def judge(
    runs: Sequence[Run],
    screen: Screen,
    chosen_on: Mask,
    flagged: Sequence[str],
    draws: int,
    rng: np.random.Generator,
) -> tuple[list[Trial], str | None]:
    """Return the scores on both halves, and the score that decides."""
    known = {name: runs[0].samples[name].known for name in PRIMARY}
    split_in = {
        name: (int((of & chosen_on).sum()), int((of & ~chosen_on).sum())) if len(of) else (0, 0)
        for name, of in known.items()
    }
    weights = _weights(screen, runs[0].samples, chosen_on, draws, rng)
    none = _drawn(runs[0].samples, weights)
    trials = []
    for one in runs:
        chosen, shown = _intervals(_drawn(one.samples, weights), none)
        name = one.candidate.name
        chance = {metric: sample.chance for metric, sample in one.samples.items()}
        trials.append(Trial(name, one.candidate.variant, chosen, shown, one.saw_labels or name in flagged, chance))
    return trials, primary_metric(split_in)


def halves(screen: Screen, rng: np.random.Generator) -> Mask:
    """Return which perturbations are in the half for choosing: of those in several batches, and with a mechanism, half.

    Perturbations are numbered by content, so neither their names nor the order of rows decides.
    """
    kind = 2 * (screen.spread_over(screen.batch) > 1) + (screen.mechanism >= 0)
    order = rng.permutation(screen.n_labels)
    order = order[np.argsort(kind[order], kind="stable")]
    chosen_on = np.zeros(screen.n_labels, dtype=bool)
    chosen_on[order[::2]] = True
    return chosen_on


def _weights(screen: Screen, found: Mapping[str, Sample], half: Mask, draws: int, rng: np.random.Generator) -> Weights:
    """Return weights on units, the plain ones and those of the bootstrap, by kind of unit and which of them."""
    n_pseudo = len(found["calibration"].known)
    kinds: dict[tuple[str, str], Indices] = {
        (PERTURBATION, CHOSEN_ON): np.where(half, 0, -1),
        (PERTURBATION, SHOWN): np.where(half, -1, 0),
        (PERTURBATION, EVERY): np.zeros(screen.n_labels, dtype=np.intp),
        (CONTROL, EVERY): screen.batch[screen.control],
        (PSEUDO, EVERY): np.zeros(n_pseudo, dtype=np.intp),
    }
    result = {}
    for kind, stratum in kinds.items():
        inside = stratum >= 0
        drawn = np.zeros((draws, len(stratum)))
        drawn[:, inside] = draw_weights(stratum[inside], draws, rng)
        result[kind] = (inside[None].astype(np.float64), drawn)
    return result


def _drawn(found: Mapping[str, Sample], weights: Weights) -> Drawn:
    """Return each score and its bootstrap draws, on both halves where these differ."""
    result = {}
    for name, sample in found.items():
        for part in (CHOSEN_ON, SHOWN) if name in HALVED else (EVERY,):
            if len(sample.known):
                plain, drawn = weights[sample.unit, part]
                result[name, part] = (float(sample.statistic(plain)[0]), sample.statistic(drawn))
            else:
                result[name, part] = (np.nan, np.zeros(0))
    return result


def _intervals(drawn: Drawn, none: Drawn) -> tuple[Scores, Scores]:
    """Return score and change from "none" on the half for choosing and on the other."""
    both: tuple[Scores, Scores] = ({}, {})
    for (name, part), (value, values) in drawn.items():
        before, befores = none[name, part]
        paired = len(values) == len(befores)
        change = interval(value - before, values - befores) if paired else UNKNOWN
        for half, parts in zip(both, ((CHOSEN_ON, EVERY), (SHOWN, EVERY)), strict=True):
            if part in parts:
                half[name] = (interval(value, values), change)
    return both
