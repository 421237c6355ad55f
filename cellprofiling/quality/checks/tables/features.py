"""The checks of features: missing, infinite, exploding, without spread, or not the same on every plate."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.core.errors import listed
from cellprofiling.kernels.scale.scale import fit_mad
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

FEWEST_CONTROLS = 4  # of a plate, to say that a feature has no spread in them


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


def unusable_features(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for features that are infinite in some wells or missing in all, in the wells and in the profiles."""
    raw, kept = rules["features.unusable"], rules["features.unusable_kept"]
    if why := screen.lacks("features"):
        yield skipped(raw, why)
    else:
        yield _unusable(raw, screen.x, screen.infinite, screen.features, "the table")
    if screen.profiles is None:
        yield skipped(kept, screen.lacks("profiles"))
    else:
        yield _unusable(kept, screen.profiles, screen.profile_infinite, screen.profile_features, "the profiles")


def exploding_features(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for normalized features with values that no biology reaches."""
    rule = rules["features.exploding"]
    if screen.profiles is None:
        yield skipped(rule, screen.lacks("profiles"))
        return
    largest = np.nanmax(np.abs(screen.profiles), axis=0, initial=0.0)
    far = largest > (np.inf if rule.warn is None else rule.warn)
    worst = [screen.profile_features[i] for i in np.argsort(-largest, kind="stable")[: int(far.sum())]]
    value = float(largest.max(initial=0.0))
    message = f"The largest of {len(largest)} normalized features is {value:.3g} from its center."
    if worst:
        beyond = f"{len(worst)} of {len(largest)} normalized features go beyond {rule.warn:g}"
        message = f"{beyond}, up to {value:.3g}: {listed(worst)}."
    yield Check(rule, rule.status(value), message, value=value, n=len(largest))


def flat_features(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for features without spread in the control wells of a plate: scaling by them explodes."""
    rule = rules["features.flat_in_controls"]
    if why := screen.lacks("features", "controls"):
        yield skipped(rule, why)
        return
    for plate, here in screen.plates():
        x = screen.x[here & screen.controls]
        known = (~np.isnan(x)).sum(axis=0) >= FEWEST_CONTROLS
        n = int(known.sum())
        if not n:
            yield Check(rule, "inconclusive", f"Plate {plate} has too few control wells with features.", plate)
            continue
        flat = fit_mad(x[:, known].astype(np.float64)).scale == 0
        names = [
            name for name, is_flat in zip(np.array(screen.features, dtype=object)[known], flat, strict=True) if is_flat
        ]
        said = f": {listed(names)}" if names else ""
        message = f"{len(names)} of {n} features have a MAD of 0 in the control wells of plate {plate}{said}."
        yield Check(rule, rule.status(len(names) / n), message, plate, value=len(names) / n, n=n)


def feature_sets(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for features that other plates have and a plate lacks altogether."""
    rule = rules["features.set"]
    if why := screen.lacks("features"):
        yield skipped(rule, why)
        return
    measured = {plate: screen.finite[here].any(axis=0) for plate, here in screen.plates()}
    if len(measured) < 2:
        yield skipped(rule, "There is one plate.")
        return
    anywhere = np.any(list(measured.values()), axis=0)
    for plate, there in measured.items():
        if not there.any():
            continue  # features.missing says so
        lacking = [screen.features[i] for i in np.flatnonzero(anywhere & ~there)]
        share, said = len(lacking) / int(anywhere.sum()), f": {listed(lacking)}" if lacking else ""
        message = f"Plate {plate} lacks {len(lacking)} of the {int(anywhere.sum())} features of the screen{said}."
        yield Check(rule, rule.status(share), message, plate, value=share, n=int(anywhere.sum()))


def _unusable(rule: Rule, x: np.ndarray, infinite: np.ndarray, names: tuple[str, ...], where: str) -> Check:
    empty = np.isnan(x).all(axis=0) & (infinite == 0)
    bad = [names[i] for i in np.flatnonzero(empty | (infinite > 0))]
    message = f"None of the {len(names)} features of {where} is infinite anywhere or missing everywhere."
    if bad:
        message = (
            f"{len(bad)} of {len(names)} features of {where} are infinite in some wells ({int((infinite > 0).sum())}) "
            f"or missing in all ({int(empty.sum())}): {listed(bad)}."
        )
    return Check(rule, rule.status(len(bad)), message, value=len(bad), n=len(names))
