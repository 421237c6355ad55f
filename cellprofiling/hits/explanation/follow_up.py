"""What to do next about a hit: a small table of rules, the first that apply."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cellprofiling.hits.calling.count_matched import FEW_CELLS

MOST = 2  # suggestions per perturbation


class Evidence(NamedTuple):
    """What is known of a perturbation.

    Attributes
    ----------
    changed : rows of its explanation with a change, the largest first.
    cell_count_ratio : cells relative to controls; NaN if unknown.
    same_position : whether all its wells lie at one position of several plates.
    n_plates : how many plates it is on.
    """

    changed: list[dict[Any, Any]]
    cell_count_ratio: float
    same_position: bool
    n_plates: int


class Rule(NamedTuple):
    """When something is worth doing, and what."""

    applies: Callable[[Evidence], bool]
    words: str


def _says(*phrases: str) -> Callable[[Evidence], bool]:
    return lambda evidence: any(row["change"] in phrases for row in evidence.changed)


def _about(channel: str) -> Callable[[Evidence], bool]:
    """Return whether one of the three largest changes is about a channel."""
    return lambda evidence: any(f" {channel} " in f"{row['change']} " for row in evidence.changed[:3])


def _only_crowding(evidence: Evidence) -> bool:
    return bool(evidence.changed) and all(row["feature_group"] == "Neighbors" for row in evidence.changed)


RULES = (
    Rule(
        lambda evidence: not evidence.changed, "nothing to follow up; a weak effect needs more wells or a higher dose"
    ),
    Rule(
        lambda evidence: evidence.same_position,
        "repeat it at other well positions: it has one, and that of a well leaves its mark on profiles",
    ),
    Rule(lambda evidence: evidence.n_plates == 1, "repeat it on another plate"),
    Rule(
        lambda evidence: evidence.cell_count_ratio < FEW_CELLS,
        "compare it with compounds that leave as few cells, or at a lower dose: loss of cells may be all there is",
    ),
    Rule(_only_crowding, "count cells over time: slower growth or loose attachment would look like this"),
    Rule(
        lambda evidence: _says("shrinks the nuclei")(evidence) and _says("increases nuclear DNA intensity")(evidence),
        "stain for apoptosis (cleaved caspase 3): nuclei are small and dense",
    ),
    Rule(
        _says("enlarges the nuclei", "increases nuclear DNA intensity"),
        "measure the cell cycle: DNA content of single nuclei, and a marker of mitosis",
    ),
    Rule(_about("tubulin"), "look at microtubules at high magnification, and test polymerization of tubulin"),
    Rule(_about("actin"), "look at actin fibers at high magnification, and test whether cells spread and move"),
    Rule(_about("mitochondria"), "measure the membrane potential of mitochondria or the use of oxygen"),
    Rule(_about("ER"), "test for stress of the endoplasmic reticulum (CHOP, splicing of XBP1)"),
    Rule(_about("RNA"), "measure the synthesis of RNA and look at nucleoli"),
    Rule(lambda evidence: bool(evidence.changed), "look at its images beside those of controls"),
)


def next_test(evidence: Evidence) -> str:
    """Return what to do next: the words of the first two rules that apply."""
    return "; ".join([rule.words for rule in RULES if rule.applies(evidence)][:MOST])
