"""The checks of drift and batches: control wells of plate after plate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.batches.mixing import explained_by_batch
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.scale.control_chart import distances, drift, longest_run
from cellprofiling.kernels.scale.scale import MAD_TO_SD, fit_mad, medians
from cellprofiling.kernels.scale.spread import mad
from cellprofiling.quality.readouts import COMPONENTS, COUNTS, thinned
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

DRAWS = 9999
FEWEST_WELLS = 3  # control wells whose median stands for a plate
ROOT_OF_MEDIAN = 1.2533  # SD of the median of n normal values, times the root of n


@dataclass(frozen=True)
class _Series:
    """The medians of the control wells of the plates of one batch, in order of acquisition.

    Attributes
    ----------
    values : in SDs of control wells of a plate.
    n_wells : control wells behind each.
    """

    batch: str
    readout: str
    plates: list[str]
    values: Doubles
    n_wells: Indices


def plate_levels(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether the control wells of each plate lie where those of the other plates of its batch do."""
    rule = rules["drift.plate_level"]
    series, why = _series(screen, rule)
    if why:
        yield skipped(rule, why)
        return
    lines: dict[str, tuple[float, float, str]] = {}
    for each in series:
        floor = ROOT_OF_MEDIAN / np.sqrt(np.median(each.n_wells))
        for plate, z, value in zip(each.plates, distances(each.values, floor), each.values, strict=True):
            if plate not in lines or abs(z) > abs(lines[plate][0]):
                lines[plate] = (float(z), float(value - np.median(each.values)), each.readout)
    for plate in sorted(lines):
        z, shift, readout = lines[plate]
        status = rule.status(abs(z)) if abs(shift) >= rule.number("shift") else "pass"
        z = float(np.clip(z, -99.0, 99.0))
        message = (
            f"Plate {plate}: the control wells lie {shift:+.2f} SDs (of a control well) from those of the other plates "
            f"of the batch in {readout}, which is {abs(z):.1f} times as far as plates differ."
        )
        yield Check(rule, status, message, plate, value=z, n=len(next(s for s in series if plate in s.plates).plates))


def trends(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether control wells drift over the plates of a batch, or stay on one side for long."""
    run, trend = rules["drift.run"], rules["drift.trend"]
    for rule in (run, trend):
        series, why = _series(screen, rule)
        if why:
            yield skipped(rule, why)
            continue
        found = [_run(each) if rule is run else _trend(each) for each in series]
        n_tests = len(found)
        value, p, message = min(found, key=lambda each: (each[1], -abs(each[0])))
        p = min(p * n_tests, 1.0)
        sure = p <= rule.number("level")
        by_name = " Plates are taken by name." if "order" in screen.absent else ""
        status = rule.status(abs(value)) if sure else "pass"
        yield Check(rule, status, f"{message} (p = {p:.2g}).{by_name}", value=value, n=len(series[0].plates))


def batch_effect(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check how much of the variance of control wells lies between batches, where features are normalized."""
    rule = rules["drift.batch"]
    if why := screen.lacks("controls", "batch") or (screen.profiles is None and screen.lacks("features")):
        yield skipped(rule, why)
        return
    wells = np.flatnonzero(screen.controls & (screen.batch != ""))
    given = screen.x if screen.profiles is None else screen.profiles
    z, location = _comparable(given[wells])
    batches, code = np.unique(screen.batch[wells].astype(str), return_inverse=True)
    if len(batches) < 2 or len(z) <= len(batches) or not z.shape[1]:
        yield skipped(rule, "The control wells lie in one batch, or share no feature without missing values.")
        return
    share = explained_by_batch(z, code.astype(np.intp))
    share = max(0.0, 1 - (1 - share) * (len(z) - 1) / (len(z) - len(batches)))
    message = f"{100 * share:.0f} % of the variance of {len(z)} control wells lies between {len(batches)} batches."
    if screen.profiles is None and location > rule.number("raw"):
        why = f"{message} The features are not normalized yet, so this is not held against the screen."
        yield Check(rule, "skipped", why, value=share, n=len(z))
    else:
        yield Check(rule, rule.status(share), message, value=share, n=len(z))


def _comparable(given: Floats) -> tuple[Doubles, float]:
    """Return features that vary, on one scale, and how many spreads the median feature lies from 0."""
    x = given[:, np.isfinite(given).all(axis=0)].astype(np.float64)
    x = x[:, (x != x[:1]).any(axis=0)]
    if not x.size:
        return x, 0.0
    scaling = fit_mad(x)
    spread = np.where(scaling.scale > 0, scaling.scale, x.std(axis=0))
    return np.clip((x - scaling.location) / spread, -10, 10), float(np.median(np.abs(scaling.location) / spread))


def _series(screen: Screen, rule: Rule) -> tuple[list[_Series], str]:
    """Return what the control wells of plates show, batch by batch, or why nothing."""
    if why := screen.lacks("controls") or (screen.lacks("count") and screen.lacks("features")):
        return [], why
    fewest, series = int(rule.number("plates")), []
    plates = [(name, here & screen.controls) for name, here in screen.in_order()]
    plates = [(name, wells) for name, wells in plates if wells.sum() >= FEWEST_WELLS]
    batch_of = {name: str(screen.batch[wells][0]) for name, wells in plates}
    for batch in sorted(set(batch_of.values())):
        here = [(name, wells) for name, wells in plates if batch_of[name] == batch]
        if len(here) >= fewest:
            series += _of_batch(screen, batch, here)
    return series, "" if series else f"No batch has {fewest} plates with {FEWEST_WELLS} control wells."


def _of_batch(screen: Screen, batch: str, plates: list[tuple[str, Mask]]) -> list[_Series]:
    rows = [np.flatnonzero(wells) for _, wells in plates]
    names, n_wells = [name for name, _ in plates], np.array([len(wells) for wells in rows])
    found = []
    counts = [screen.readouts.counts[wells] for wells in rows]
    if all(np.isfinite(c).sum() >= FEWEST_WELLS for c in counts):
        counts = [c[np.isfinite(c)] for c in counts]
        spread = float(np.median([mad(c) for c in counts]))
        if spread > 0:
            middles = np.array([np.median(c) for c in counts]) / spread
            found.append(_Series(batch, COUNTS, names, middles, n_wells))
    values = _components(screen, rows)
    found += [_Series(batch, name, names, v, n_wells) for name, v in zip(COMPONENTS, values.T, strict=False)]
    return found


def _components(screen: Screen, rows: list[Indices]) -> Doubles:
    """Return the directions in which the medians of plates differ most, in SDs of control wells of a plate."""
    if screen.lacks("features"):
        return np.empty((len(rows), 0))
    kept = thinned(len(screen.features))
    x = [screen.x[wells][:, kept].astype(np.float64) for wells in rows]
    middle = np.array([medians(plate) for plate in x])
    spread = np.array([MAD_TO_SD * medians(np.abs(p - m)) for p, m in zip(x, middle, strict=True)])
    scale = np.median(spread, axis=0)
    good = np.isfinite(middle).all(axis=0) & (scale > 0)
    if not good.any():
        return np.empty((len(rows), 0))
    scaled = (middle[:, good] - np.median(middle[:, good], axis=0)) / scale[good]
    axes = principal_directions(scaled - scaled.mean(axis=0))[1][:, : len(COMPONENTS)]
    if not axes.shape[1]:
        return np.empty((len(rows), 0))
    inside = np.concatenate([(p[:, good] - m[good]) / scale[good] for p, m in zip(x, middle, strict=True)])
    noise = mad((np.nan_to_num(inside) @ axes).T)
    return scaled @ axes / np.where(noise > 0, noise, 1.0)


def _run(series: _Series) -> tuple[float, float, str]:
    length, p = longest_run(series.values)
    where = f" of batch {series.batch}" if series.batch else ""
    message = f"{length} plates in a row{where} lie on one side of the median in {series.readout}"
    return float(length), p, message


def _trend(series: _Series) -> tuple[float, float, str]:
    value, p = drift(series.values, DRAWS, np.random.default_rng(0))
    where = f" of batch {series.batch}" if series.batch else ""
    message = (
        f"The control wells{where} move by {value:+.2f} SDs (of a control well) in {series.readout}, "
        "by the moving average over plates in order"
    )
    return value, p, message
