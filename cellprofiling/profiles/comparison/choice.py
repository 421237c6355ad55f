"""Which correction to take, by a rule that can be read: safe, better than none, and no more than is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellprofiling.kernels.inference.bootstrap import Interval
from cellprofiling.profiles.comparison.scores import ALPHA, METRICS

WORDS = {metric.name: metric.words for metric in METRICS}
PRIMARY = ("cross_batch_map", "mechanism_map", "activity_map")  # the first that can be told
FEWEST = 5  # perturbations in each half


@dataclass(frozen=True)
class Limit:
    """What a score may not do: the whole interval beyond `bound`, of the value less chance or of the change."""

    metric: str
    of_change: bool
    above: bool
    bound: float
    words: str

    def broken(self, value: Interval, change: Interval, chance: float) -> bool:
        """Return whether the interval lies beyond the bound."""
        found, bound = (change, self.bound) if self.of_change else (value, self.bound + chance)
        return found.low > bound if self.above else found.high < bound


LIMITS = (
    Limit("control_gap", True, True, 0.05, "it moves the controls of the batches apart"),
    Limit("control_gap", False, True, 0.1, "the controls of the batches still lie apart"),
    Limit("pcr_controls", True, True, 0.01, "it makes batch explain more of what differs between controls"),
    Limit("calibration", False, True, 2 * ALPHA, "controls it was not fitted on look active"),
    Limit("effect_preservation", True, False, -0.1, "it turns the effects of perturbations"),
    Limit("seed_stability", False, False, 0.9, "another seed gives other profiles"),
)


@dataclass(frozen=True)
class Trial:
    """A candidate with its scores.

    Attributes
    ----------
    name, variant : what it is called.
    chosen_on, shown : value and change from "none" of each score, on the half for choosing and on the other.
    saw_labels : whether it knew what was scored.
    chance : what scores would be if batches did not differ.
    """

    name: str
    variant: str
    chosen_on: Mapping[str, tuple[Interval, Interval]]
    shown: Mapping[str, tuple[Interval, Interval]]
    saw_labels: bool
    chance: Mapping[str, float]

    def unsafe(self) -> list[str]:
        """Return in words what makes it unsafe."""
        found: dict[str, str] = {}
        for limit in LIMITS:
            value, change = self.shown[limit.metric]
            if limit.metric not in found and limit.broken(value, change, self.chance[limit.metric]):
                found[limit.metric] = f"{limit.words} ({_told(limit.metric, value, change)})"
        return list(found.values())


def primary_metric(n_known: Mapping[str, tuple[int, int]]) -> str | None:
    """Return the score that decides: the first that enough perturbations have in both halves."""
    return next((name for name in PRIMARY if min(n_known[name]) >= FEWEST), None)


def best_variants(trials: Sequence[Trial], primary: str) -> list[Trial]:
    """Return one trial per name: of its variants the one that scores best on the half for choosing, safe ones first."""
    best: dict[str, Trial] = {}
    for trial in trials:
        held = best.get(trial.name)
        if held is None or _rank(trial, primary) > _rank(held, primary):
            best[trial.name] = trial
    return list(best.values())


def _rank(trial: Trial, primary: str) -> tuple[bool, float]:
    value = trial.chosen_on[primary][0].value
    return not trial.unsafe(), value if np.isfinite(value) else -np.inf


def recommend(
    trials: Sequence[Trial], primary: str | None, refused: Mapping[str, str], evidence: Interval
) -> dict[str, Any]:
    """Return the recommendation as a plain record; trials come simplest first, "none" before all.

    Without evidence that batches differ nothing is recommended; where there can be none, the scores alone decide.
    Keys: `sentence`, `chosen`, `variant`, `primary`, `difference` (value, low, high on the half shown), and
    `candidates`, with the verdict and the reason for each.
    """
    verdicts = {"none": ("reference", "the profiles as they are")}
    verdicts |= {name: ("refused", reason) for name, reason in refused.items()}
    others = [trial for trial in trials if trial.name != "none"]
    eligible = []
    for trial in others:
        reasons = trial.unsafe()
        if reasons:
            verdicts[trial.name] = ("unsafe", "; ".join(reasons))
        elif trial.saw_labels:
            verdicts[trial.name] = ("saw labels", "it knew the labels that are scored, so its scores are flattered")
        elif primary is None:
            verdicts[trial.name] = ("not told", "too few perturbations to compare")
        else:
            eligible.append(trial)
            change = trial.chosen_on[primary][1]
            verdicts[trial.name] = ("not better", f"{WORDS[primary]} changes by {_signed(change)}")
    better = [trial for trial in eligible if primary and trial.chosen_on[primary][1].low > 0]
    record: dict[str, Any] = {"sentence": "", "chosen": "none", "variant": "", "primary": primary, "difference": None}
    if primary == "cross_batch_map" and evidence.low <= 0:
        record["sentence"] = (
            "Make no correction: nothing says that there is a batch effect. Wells find their replicates on plates of "
            f"other batches as well as on other plates of their own (difference {_signed(evidence)}; plates of one "
            "batch differ as well), so what a candidate gains it gains by pulling replicates together."
        )
        for trial in eligible:
            verdicts[trial.name] = ("not needed", f"no batch effect; {verdicts[trial.name][1]}")
    elif primary and better:
        chosen = _simplest(better, primary, verdicts)
        record |= {"chosen": chosen.name, "variant": chosen.variant}
        record["sentence"] = _settle(chosen, primary, record, verdicts)
    else:
        record["sentence"] = _no_correction(others, eligible, primary, verdicts)
    return record | {"candidates": {name: {"verdict": v, "reason": r} for name, (v, r) in verdicts.items()}}


def _simplest(better: list[Trial], primary: str, verdicts: dict[str, tuple[str, str]]) -> Trial:
    """Return the simplest within one standard error of the best, and note it for the others."""
    best = max(better, key=lambda trial: trial.chosen_on[primary][0].value)
    value, change = best.chosen_on[primary]
    near = [trial for trial in better if trial.chosen_on[primary][0].value >= value.value - change.error]
    for trial in better:
        told = f"{WORDS[primary]} changes by {_signed(trial.chosen_on[primary][1])}"
        if trial not in near:
            verdicts[trial.name] = ("less good", f"{told}; {best.name} does better")
        elif trial is not near[0]:
            verdicts[trial.name] = ("not needed", f"{told}; {near[0].name} is simpler and does as well")
    return near[0]


def _settle(trial: Trial, primary: str, record: dict[str, Any], verdicts: dict[str, tuple[str, str]]) -> str:
    """Return the sentence about the chosen candidate, after a look at the perturbations it was not chosen on."""
    value, change = trial.shown[primary]
    record["difference"] = [change.value, change.low, change.high]
    called = f"{trial.name} ({trial.variant})" if trial.variant else trial.name
    told = f"{WORDS[primary]} from {value.value - change.value:.3f} to {value.value:.3f} ({_signed(change)})"
    if change.low > 0:
        verdicts[trial.name] = ("recommended", f"safe, and raises {told}")
        return (
            f"Correct with {called}: it is safe, and on the half of the perturbations that it was not chosen on it "
            f"raises {told}."
        )
    record["chosen"], record["variant"] = "none", ""
    verdicts[trial.name] = ("not confirmed", f"on the other half of the perturbations it changes {told}")
    return (
        f"Make no correction: {called} looked best on the half of the perturbations used for choosing, but on the "
        f"other half it changes {told}, which does not confirm it. The profiles stay as they were measured."
    )


def _no_correction(
    others: Sequence[Trial], eligible: Sequence[Trial], primary: str | None, verdicts: Mapping[str, tuple[str, str]]
) -> str:
    if primary is None:
        return (
            f"Make no correction: fewer than {2 * FEWEST} perturbations have replicates that could show whether one "
            "helps."
        )
    if eligible:
        best = max(eligible, key=lambda trial: trial.chosen_on[primary][0].value)
        n = (
            f"none of the {len(eligible)} safe candidates raises"
            if len(eligible) > 1
            else f"{best.name} does not raise"
        )
        nearest = f"the best, {best.name}, changes it by" if len(eligible) > 1 else "it changes it by"
        return (
            f"Make no correction: {n} {WORDS[primary]} beyond doubt ({nearest} "
            f"{_signed(best.chosen_on[primary][1])}). The profiles lose nothing by staying as they were measured."
        )
    unsafe = [name for name, (verdict, _) in verdicts.items() if verdict == "unsafe"]
    why = f": {unsafe[0]}, for one, {verdicts[unsafe[0]][1].removeprefix('it ')}" if unsafe else ""
    return f"Make no correction: none of the {len(others)} candidates can be trusted on this screen{why}."


def _told(metric: str, value: Interval, change: Interval) -> str:
    before = value.value - change.value
    if np.isfinite(before):
        return f"{WORDS[metric]} {before:.3f} before, {value.value:.3f} after"
    return f"{WORDS[metric]} {value.value:.3f}"


def _signed(change: Interval) -> str:
    return f"{change.value:+.3f}, 95 % interval {change.low:+.3f} to {change.high:+.3f}"
