"""The checks of replicates: whether they agree better than wells that are none, on the whole and on each plate."""

from collections.abc import Iterator

import numpy as np

from cellprofiling.kernels.inference.proportions import clopper_pearson
from cellprofiling.kernels.retrieval.agreement import plate_agreement, replicate_p_values
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

ALPHA = 0.05
DRAWS = 199  # random sets for each perturbation: the smallest p-value is 0.005
PLATE_DRAWS = 999
MOST = 1000  # perturbations that are asked; the share among more is known well enough
FEWEST_FEATURES = 5


def replicating(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check which share of perturbations has replicates that agree, and whether each plate agrees with the others."""
    share, each = rules["replicates.share"], rules["replicates.plate"]
    if why := screen.lacks("treatment") or _too_few_features(screen):
        yield from (skipped(rule, why) for rule in (share, each))
        return
    asked = (screen.treatment != "") & ~screen.controls & ~screen.positives & ~np.isnan(screen.directions).any(axis=1)
    unit, plate = screen.directions[asked], screen.plate_codes[asked]
    label = np.unique(screen.treatment[asked].astype(str), return_inverse=True)[1]
    if not len(label) or not _on_two_plates(label, plate).any():
        yield from (skipped(rule, "No perturbation is on two plates.") for rule in (share, each))
        return
    yield _share(share, unit, label, plate)
    found = {
        name: plate_agreement(unit, label, plate, code, PLATE_DRAWS) for code, (name, _) in enumerate(screen.plates())
    }
    agree = [p <= ALPHA for _, _, p, _ in found.values() if not np.isnan(p)]
    usual = sum(agree) > len(agree) / 2
    for name, (score, chance, p, n) in found.items():
        yield _plate(each, name, score, chance, p, n, usual)


def _too_few_features(screen: Screen) -> str:
    n = len(screen.features if screen.profiles is None else screen.profile_features)
    if n >= FEWEST_FEATURES:
        return ""
    return screen.lacks("features") if not n else f"{n} features are too few to tell how alike profiles are."


def _on_two_plates(label: np.ndarray, plate: np.ndarray) -> np.ndarray:
    pairs = np.unique(np.column_stack([label, plate]), axis=0)
    return np.bincount(pairs[:, 0]) > 1


def _share(rule: Rule, unit: np.ndarray, label: np.ndarray, plate: np.ndarray) -> Check:
    labels = np.flatnonzero(_on_two_plates(label, plate))
    chosen = labels if len(labels) <= MOST else labels[np.linspace(0, len(labels) - 1, MOST).round().astype(np.intp)]
    p = replicate_p_values(unit, label, plate, chosen, DRAWS)[1]
    p = p[~np.isnan(p)]
    if not len(p):
        return Check(rule, "inconclusive", "Plates hold too few different perturbations to say what chance gives.")
    k, n = int((p <= ALPHA).sum()), len(p)
    low, high = clopper_pearson(k, n)
    of = f"{n}" if len(labels) == len(p) else f"{n} of {len(labels)}"
    message = (
        f"{k} of {of} perturbations have replicates that agree better than 95 % of random wells of their plates: "
        f"{k / n:.0%} (95 % interval {low:.0%} to {high:.0%}; chance gives {ALPHA:.0%})."
    )
    return Check(rule, _judged(rule, k / n, low, high), message, value=k / n, ci_low=low, ci_high=high, n=n)


def _judged(rule: Rule, value: float, low: float, high: float) -> str:
    """Return the status: fail if the interval reaches down to chance, unless it is too wide to say."""
    if rule.fail is not None and low <= rule.fail:
        return "fail" if rule.warn is None or high < rule.warn else "inconclusive"
    return "warn" if rule.warn is not None and value < rule.warn else "pass"


def _plate(rule: Rule, name: str, score: float, chance: float, p: float, n: int, usual: bool) -> Check:
    if np.isnan(p):
        return Check(
            rule, "skipped", f"Plate {name} shares {n} perturbations with other plates, too few to tell.", name
        )
    message = (
        f"The {n} replicated wells of plate {name} and their replicates elsewhere have a mean cosine of {score:.2f}; "
        f"with labels permuted on the plate it is {chance:.2f} (p = {p:.3g})."
    )
    status = rule.status(p)
    if status != "pass" and not usual:
        return Check(rule, "skipped", f"{message} Most plates are no better, so this says nothing of one.", name, n=n)
    return Check(rule, status, message, name, value=p, n=n)
