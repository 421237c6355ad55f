"""The rule: safe, better than none, the simplest that does as well as the best, confirmed on the other half."""

import numpy as np
import pytest

from cellprofiling.kernels.inference.bootstrap import Interval
from cellprofiling.profiles.comparison.choice import LIMITS, Trial, best_variants, primary_metric, recommend

UNKNOWN = Interval(np.nan, np.nan, np.nan, np.nan)
CLEAR = Interval(0.1, 0.05, 0.15, 0.03)
SAFE = {limit.metric: (UNKNOWN, UNKNOWN) for limit in LIMITS}
CHANCE = {limit.metric: 0.0 for limit in LIMITS}


def scores(gain, error=0.01, **more):
    change = Interval(gain, gain - 2 * error, gain + 2 * error, error)
    return {**SAFE, "cross_batch_map": (Interval(0.3 + gain, 0.2, 0.5, 0.1), change), **more}


def trial(name, gain, shown=None, *, variant="", saw=False, **more):
    return Trial(name, variant, scores(gain, **more), scores(gain if shown is None else shown, **more), saw, CHANCE)


def judge(*trials, evidence=CLEAR, primary="cross_batch_map", refused=None):
    return recommend([trial("none", 0.0), *trials], primary, refused or {}, evidence)


def test_the_simplest_within_one_standard_error_of_the_best_is_taken():
    record = judge(trial("poor", 0.1), trial("simple", 0.195), trial("best", 0.2), trial("late", 0.2))
    assert record["chosen"] == "simple"
    verdicts = {name: told["verdict"] for name, told in record["candidates"].items()}
    assert verdicts == {
        "none": "reference", "poor": "less good", "simple": "recommended", "best": "not needed", "late": "not needed",
    }  # fmt: skip
    assert record["sentence"] == (
        "Correct with simple: it is safe, and on the half of the perturbations that it was not chosen on it raises "
        "cross-batch mAP from 0.300 to 0.495 (+0.195, 95 % interval +0.175 to +0.215)."
    )
    assert record["difference"] == pytest.approx([0.195, 0.175, 0.215])


def test_what_is_not_better_beyond_doubt_is_not_taken():
    record = judge(trial("a", 0.01), trial("b", -0.1))
    assert record["chosen"] == "none"
    assert record["sentence"] == (
        "Make no correction: none of the 2 safe candidates raises cross-batch mAP beyond doubt (the best, a, changes "
        "it by +0.010, 95 % interval -0.010 to +0.030). The profiles lose nothing by staying as they were measured."
    )
    assert judge(trial("a", 0.01))["sentence"].startswith("Make no correction: a does not raise cross-batch mAP")


def test_what_the_other_half_does_not_confirm_is_not_taken():
    record = judge(trial("lucky", 0.2, shown=0.0))
    assert record["chosen"] == "none"
    assert record["candidates"]["lucky"]["verdict"] == "not confirmed"
    assert "looked best on the half of the perturbations used for choosing" in record["sentence"]


def test_without_evidence_of_a_batch_effect_nothing_is_taken_and_without_knowing_scores_decide():
    none = judge(trial("a", 0.2), evidence=Interval(0.0, -0.1, 0.1, 0.05))
    assert none["chosen"] == "none"
    assert none["sentence"].startswith("Make no correction: nothing says that there is a batch effect.")
    assert none["candidates"]["a"]["verdict"] == "not needed"
    assert judge(trial("a", 0.2), evidence=UNKNOWN)["chosen"] == "a"


@pytest.mark.parametrize(
    ("metric", "value", "change", "words"),
    [
        ("control_gap", 0.05, 0.06, "moves the controls of the batches apart"),
        ("control_gap", 0.2, -0.5, "still lie apart"),
        ("pcr_controls", 0.1, 0.02, "batch explain more"),
        ("calibration", 0.2, 0.1, "look active"),
        ("effect_preservation", 0.7, -0.2, "turns the effects"),
        ("seed_stability", 0.8, np.nan, "another seed"),
    ],
)
def test_each_limit_makes_a_candidate_unsafe_if_the_whole_interval_is_beyond(metric, value, change, words):
    sure = (Interval(value, value, value, 0), Interval(change, change, change, 0))
    wide = (Interval(value, value - 1, value + 1, 0), Interval(change, change - 1, change + 1, 0))
    record = judge(trial("a", 0.2, **{metric: sure}))
    assert record["chosen"] == "none"
    assert record["candidates"]["a"]["verdict"] == "unsafe"
    assert words in record["candidates"]["a"]["reason"]
    assert record["sentence"].startswith(
        "Make no correction: none of the 1 candidates can be trusted on this screen: a,"
    )
    assert judge(trial("a", 0.2, **{metric: wide}))["chosen"] == "a"


def test_labels_seen_and_candidates_refused():
    record = judge(trial("a", 0.2, saw=True), refused={"b": "no."})
    assert record["candidates"]["a"]["verdict"] == "saw labels"
    assert record["candidates"]["b"] == {"verdict": "refused", "reason": "no."}
    assert record["chosen"] == "none"


def test_the_best_safe_variant_stands_for_a_name():
    bad = (Interval(1, 1, 1, 0), Interval(1, 1, 1, 0))
    kept = best_variants(
        [trial("a", 0.1, variant="x"), trial("a", 0.2, variant="y"), trial("a", 0.9, variant="z", control_gap=bad)],
        "cross_batch_map",
    )
    assert [one.variant for one in kept] == ["y"]


def test_the_first_score_that_enough_perturbations_have_decides():
    assert (
        primary_metric({"cross_batch_map": (5, 5), "mechanism_map": (9, 9), "activity_map": (9, 9)})
        == "cross_batch_map"
    )
    assert (
        primary_metric({"cross_batch_map": (4, 9), "mechanism_map": (0, 0), "activity_map": (5, 5)}) == "activity_map"
    )
    assert primary_metric({"cross_batch_map": (0, 0), "mechanism_map": (0, 0), "activity_map": (4, 4)}) is None
    assert "fewer than 10" in judge(trial("a", 0.2), primary=None)["sentence"]
