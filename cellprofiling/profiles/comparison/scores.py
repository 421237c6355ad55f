"""The scores of a correction, each a row in a table: what it is for, and how it is taken from a screen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import stdtrit

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.batches.mixing import (
    as_expected,
    batch_silhouettes,
    center_gaps,
    effective_batches,
    shares_between,
)
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.inference.bootstrap import Interval, weighted_means, weighted_medians
from cellprofiling.kernels.retrieval.precision_by_label import listed_precisions, reciprocal_ranks
from cellprofiling.kernels.similarity.neighbors import Neighbors, most_alike, nearest
from cellprofiling.profiles.comparison.screen import NONE, Screen, View

PERTURBATION, CONTROL, PSEUDO = "perturbation", "control well", "pseudo-perturbation"
ALPHA = 0.05  # level at which held-out controls are called active
FIXED = 0.8  # of the perturbations always in the same positions: replicates then share these as well


@dataclass(frozen=True)
class Sample:
    """A statistic of units that are drawn again in the bootstrap.

    Attributes
    ----------
    unit : what is drawn.
    statistic : from weights, shape (n_draws, n_units), to values, shape (n_draws,).
    known : units that say something.
    note : why the value is missing, or with what caution to read it.
    chance : about what it would be if batches did not differ, where that is not 0.
    """

    unit: str
    statistic: Callable[[Doubles], Doubles]
    known: Mask
    note: str = ""
    chance: float = 0.0


@dataclass(frozen=True)
class Metric:
    """A score: its name, what it belongs to, its words, and whether more is better (1), less (-1) or neither (0)."""

    name: str
    group: str
    words: str
    better: int


METRICS = (
    Metric("cross_batch_map", "biology", "cross-batch mAP", 1),
    Metric("activity_map", "biology", "activity mAP", 1),
    Metric("replicate_map", "biology", "replicate mAP", 1),
    Metric("mechanism_map", "biology", "mechanism mAP", 1),
    Metric("nearest_other_plate", "biology", "nearest on other plates: same perturbation", 1),
    Metric("nearest_same_plate", "technical", "nearest on the same plate", -1),
    Metric("ilisi_controls", "technical", "iLISI, controls", 1),
    Metric("kbet_controls", "technical", "kBET, controls", 1),
    Metric("pcr_controls", "technical", "PCR, controls", -1),
    Metric("bras", "technical", "BRAS, shared perturbations", 1),
    Metric("position_leakage", "technical", "position leakage", -1),
    Metric("control_gap", "safety", "control gap", -1),
    Metric("calibration", "safety", "held-out controls called active", 0),
    Metric("effect_preservation", "safety", "effect preservation", 1),
    Metric("seed_stability", "safety", "seed stability", 1),
    Metric("seconds", "cost", "seconds", -1),
)
HALVED = tuple(metric.name for metric in METRICS if metric.name.endswith("_map"))  # told on the half not chosen on


def samples(screen: Screen, seen: View, neighbors: int) -> dict[str, Sample]:
    """Return the scores that need only the corrected features."""
    unit = direction(seen.x)
    return {
        **_biology(screen, seen, unit),
        **_neighbors_by_plate(screen, seen),
        **_on_controls(screen, seen, neighbors),
        "bras": _bras(screen, seen),
        "position_leakage": _position_leakage(screen, unit),
    }


def batch_evidence(screen: Screen, seen: View) -> Interval:
    """Return how much worse wells find their like on a plate of another batch than on one of their own, and how sure.

    Pairs of plates are what varies: plates differ, too, and pairs of one batch must stand out from that. The interval
    is that of the difference of two means (Student's t, one variance). Missing with fewer than two pairs of a kind.
    """
    treated = np.flatnonzero(~screen.control)
    sums, n = reciprocal_ranks(direction(seen.x[treated]), screen.label[treated], screen.plate[treated])
    a, b = np.nonzero(np.triu(n + n.T, 1))
    score = (sums + sums.T)[a, b] / (n + n.T)[a, b]
    batch = np.zeros(len(sums), dtype=np.intp)
    batch[screen.plate] = screen.batch
    own, other = score[batch[a] == batch[b]], score[batch[a] != batch[b]]
    freedom = len(score) - 2
    if min(len(own), len(other)) < 2:
        return Interval(np.nan, np.nan, np.nan, np.nan)
    squares = ((own - own.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()
    error = float(np.sqrt(squares / freedom * (1 / len(own) + 1 / len(other))))
    value, reach = float(own.mean() - other.mean()), float(stdtrit(freedom, 0.975)) * error
    return Interval(value, value - reach, value + reach, error)


def of_labels(values: Doubles, missing: str = "", note: str = "") -> Sample:
    """Return a mean over perturbations; `missing` says why if no perturbation has a value."""
    known = ~np.isnan(values)
    return Sample(PERTURBATION, partial(weighted_means, values), known, note if known.any() else missing)


def absent(note: str, unit: str = PERTURBATION) -> Sample:
    """Return a score that cannot be taken, and why."""
    return Sample(unit, lambda weights: np.full(len(weights), np.nan), np.zeros(0, dtype=bool), note)


def _biology(screen: Screen, seen: View, unit: Doubles) -> dict[str, Sample]:
    treated, label = ~screen.control, screen.label
    fixed = screen.fixed
    caution = ""
    if fixed > FIXED:
        caution = (
            f"layout is fixed: {fixed:.0%} of perturbations have the same positions on all plates, so replicates "
            "resemble each other because of where they lie, too"
        )
    one_plate, one_batch = "no perturbation is on two plates", "no perturbation is in two batches"
    activity = _by_block(screen, unit, screen.plate, screen.control)
    replicate = _by_block(screen, unit, screen.plate, treated)
    crossing = _by_block(screen, unit, screen.batch, treated)
    return {
        "activity_map": of_labels(screen.by_label(activity), one_plate),
        "replicate_map": of_labels(screen.by_label(replicate), one_plate, caution),
        "cross_batch_map": of_labels(screen.by_label(crossing), one_batch),
        "mechanism_map": _mechanism(screen, direction(screen.centers(seen.x)), label),
    }


def _by_block(screen: Screen, unit: Doubles, block: Indices, negative: Mask) -> Doubles:
    """Return the AP of each treated well: positives in other blocks, negatives in its own."""
    found = np.full(len(unit), np.nan)
    several = np.append(screen.spread_over(block) > 1, False)[screen.label]
    for code in np.unique(block):
        queries = np.flatnonzero((block == code) & several)
        others = np.flatnonzero((block == code) & negative)
        if len(queries) and len(others):
            found[queries] = listed_precisions(unit, queries, others, screen.label, block)
    return found


def _mechanism(screen: Screen, unit: Doubles, label: Indices) -> Sample:
    """Return the mAP of mean profiles; positives are in another batch where every perturbation is in one batch only."""
    known = np.flatnonzero(screen.mechanism >= 0)
    if not len(known):
        return absent("no mechanisms are given: name their column with label=...")
    split_library = (screen.spread_over(screen.batch) == 1).all()
    apart = np.arange(screen.n_labels)
    if split_library:
        first = np.full(screen.n_labels, NONE)
        first[label[~screen.control]] = screen.batch[~screen.control]
        apart = first
    found = np.full(screen.n_labels, np.nan)
    found[known] = listed_precisions(unit, known, known, screen.mechanism, apart)
    where = " in another batch" if split_library else ""
    return of_labels(found, f"no two perturbations{where} share a mechanism")


def _neighbors_by_plate(screen: Screen, seen: View) -> dict[str, Sample]:
    """Return how often the nearest treated well is on the same plate, and the nearest elsewhere the same treatment.

    By cosine of profiles as they stand, from the origin they have.
    """
    treated = np.flatnonzero(~screen.control)
    unit = direction(seen.x[treated] + seen.origin)
    label, plate = screen.label[treated], screen.plate[treated]
    anywhere, elsewhere = most_alike(unit.astype(np.float32), plate)
    same_plate, same_label = np.full(len(seen.x), np.nan), np.full(len(seen.x), np.nan)
    same_plate[treated] = plate[anywhere] == plate
    several = (screen.spread_over(screen.plate) > 1)[label]
    same_label[treated[several]] = (label[elsewhere] == label)[several]
    return {
        "nearest_same_plate": of_labels(screen.by_label(same_plate)),
        "nearest_other_plate": of_labels(screen.by_label(same_label), "no perturbation is on two plates"),
    }


def _on_controls(screen: Screen, seen: View, neighbors: int) -> dict[str, Sample]:
    controls = screen.controls
    x, batch = seen.x[controls], screen.batch[controls]
    around = nearest(x, neighbors)
    every = np.ones(len(controls), dtype=bool)
    shares = np.bincount(batch, minlength=screen.n_batches) / len(batch)
    n, size = screen.n_batches, np.bincount(batch)
    chance = float(np.sqrt(1 / size - 1 / len(batch)).mean())
    told = f"about {chance:.3f} by chance"
    effective = effective_batches(around.distance, batch[around.rows], n)
    accepted = as_expected(batch[_closest(around, batch)], shares).astype(np.float64)
    return {
        "ilisi_controls": Sample(CONTROL, lambda w: (weighted_medians(effective, w) - 1) / (n - 1), every),
        "kbet_controls": Sample(CONTROL, partial(weighted_means, accepted), every),
        "pcr_controls": Sample(CONTROL, partial(shares_between, x, batch), every),
        "control_gap": Sample(CONTROL, partial(center_gaps, x, batch), every, told, chance),
    }


def _closest(around: Neighbors, batch: Indices) -> Indices:
    """Return as many neighbors as kBET looks at: a quarter of a batch, 10 to 70 (Büttner et al. 2019)."""
    quarter = int(np.bincount(batch).mean() // 4)
    return around.rows[:, : min(70, max(10, quarter))]


def _bras(screen: Screen, seen: View) -> Sample:
    found = batch_silhouettes(seen.x, screen.label, screen.batch)
    return of_labels(found, "no perturbation has several wells in two batches")


def _position_leakage(screen: Screen, unit: Doubles) -> Sample:
    """Return the mAP with which controls find those of their position on other plates."""
    if screen.position is None:
        return absent("the wells are not known: name their column with well=...", CONTROL)
    controls = screen.controls
    position, plate = np.where(screen.control, screen.position, NONE), screen.plate
    found = np.full(len(unit), np.nan)
    for code in np.unique(plate[controls]):
        queries = controls[plate[controls] == code]
        others = controls[plate[controls] != code]
        if len(others):
            found[queries] = listed_precisions(unit, queries, others, position, plate)
    found = found[controls]
    known = ~np.isnan(found)
    if not known.any():
        return absent("no control position is on two plates beside others", CONTROL)
    return Sample(CONTROL, partial(weighted_means, found), known, _by_chance(position[controls], plate[controls]))


def _by_chance(position: Indices, plate: Indices) -> str:
    """Return in words what the precision would be if position did nothing: the share of positives."""
    table = np.zeros((position.max() + 1, plate.max() + 1))
    np.add.at(table, (position, plate), 1)
    positives = table.sum(axis=1)[position] - table[position, plate]
    others = len(plate) - table.sum(axis=0)[plate]
    known = (positives > 0) & (positives < others)
    return f"about {(positives[known] / others[known]).mean():.3f} if position did nothing"
