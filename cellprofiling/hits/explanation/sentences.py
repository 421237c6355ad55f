"""Sentences for the rows of an explanation: what changed, by how much, how sure that is, and which features make it."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import plural
from cellprofiling.hits.explanation.groups import CLUSTER, FeatureGroups
from cellprofiling.hits.explanation.vocabulary import main_aspects, noun, phrase
from cellprofiling.kernels.arrays import Doubles

DRIVERS, LOOKED_AT = 3, 12  # features named per group, and the first among which they are chosen


class ExplanationRow(NamedTuple):
    """What a sentence is made of: columns of an explanation."""

    effect: float
    ci_low: float
    ci_high: float
    p_value: float
    q_value: float
    rank: int
    n_wells: int
    n_plates: int
    group: str
    compartment: str | None
    feature_group: str | None
    channel: str | None
    change: str
    driven_by: str


def in_words(
    effect: Doubles, change: Doubles, grouped: FeatureGroups, loadings: list[Doubles]
) -> dict[str, NDArray[np.object_]]:
    """Return what happened to each group, and the features that make the effect, one entry per row of the table.

    Parameters
    ----------
    effect : of each perturbation and group, in rows of the table.
    change : of each feature in each perturbation, in standard deviations of controls.
    loadings : weight of each feature of each group in its score.
    """
    n_groups = len(grouped.members)
    effects = effect.reshape(len(change), n_groups)
    words, drivers = (np.empty(effects.shape, dtype=object) for _ in range(2))
    for g, columns in enumerate(grouped.members):
        own = change[:, columns]
        pull = own * loadings[g] * np.where(effects[:, g] < 0, -1.0, 1.0)[:, None]
        words[:, g] = _phrases(effects[:, g], pull, own, grouped, g)
        drivers[:, g] = _drivers(pull, own, [grouped.measures[i] for i in columns])
    return {"change": words.ravel(), "driven_by": drivers.ravel()}


def _phrases(effect: Doubles, pull: Doubles, change: Doubles, grouped: FeatureGroups, group: int) -> list[str]:
    """Return what happened to one group of features in each perturbation."""
    about = grouped.table.iloc[group]
    if not grouped.by_name:
        return [f"raises {about['group']}" if value >= 0 else f"lowers {about['group']}" for value in effect]
    if about["feature_group"] == CLUSTER:
        return [f"changes {about['group']}"] * len(effect)
    aspect, grew = main_aspects(pull, change, grouped.aspects[grouped.members[group]])
    known = {
        (a, up): phrase(a, up, about["compartment"], about["feature_group"], about["channel"])
        for a in np.unique(aspect).tolist()
        for up in (True, False)
    }
    return [known[pair] for pair in zip(aspect.tolist(), grew.tolist(), strict=True)]


def _drivers(pull: Doubles, change: Doubles, names: list[str]) -> list[str]:
    """Return the features that add most to each effect, each with its own change."""
    best = np.argsort(-pull, axis=1, kind="stable")[:, :LOOKED_AT]
    return [_first_of_each(each, pull[row], change[row], names) for row, each in enumerate(best.tolist())]


def _first_of_each(best: list[int], pull: Doubles, change: Doubles, names: list[str]) -> str:
    """Return the first features of different measures: those of one measure at several scales say the same."""
    told: dict[str, str] = {}
    for i in best:
        if len(told) < DRIVERS and pull[i] > 0:
            told.setdefault(names[i].partition(" ")[0], f"{names[i]} ({change[i]:+.1f})")
    return ", ".join(told.values())


def sentences(table: pd.DataFrame, keys: pd.DataFrame, fdr: float, level: float) -> list[str]:
    """Return the sentence of each row of an explanation; the rows of a perturbation stand together."""
    n_groups = len(table) // max(1, len(keys))
    names = np.repeat(perturbation_names(keys), n_groups)
    columns = [table[name].tolist() for name in ExplanationRow._fields]
    rows = (ExplanationRow(*values) for values in zip(*columns, strict=True))
    return [_sentence(name, row, n_groups, fdr, level) for name, row in zip(names, rows, strict=True)]


def _sentence(name: str, row: ExplanationRow, n_groups: int, fdr: float, level: float) -> str:
    where = f"{plural(row.n_wells, 'well')}, {plural(row.n_plates, 'plate')}"
    if np.isnan(row.p_value):
        return f"{name} ({where}): {_what(row)} cannot be judged."
    size = f"g = {row.effect:.1f}, {level:.0%} CI {row.ci_low:.1f} to {row.ci_high:.1f}"
    if row.q_value > fdr:
        return f"{name} ({where}): no change of {_what(row)} found ({size}; FDR {row.q_value:.2g})."
    rank = f"{ordinal(row.rank)}largest of {n_groups} groups" if n_groups > 1 else "the only group"
    driven = f"; driven by {row.driven_by}" if row.driven_by else ""
    return f"{name} ({where}) {row.change} ({size}; {rank}, FDR {row.q_value:.2g}){driven}."


def _what(row: ExplanationRow) -> str:
    if row.compartment is None and row.channel is None:
        return str(row.group)
    return noun(row.compartment, row.feature_group, row.channel)


def perturbation_names(keys: pd.DataFrame) -> list[str]:
    """Return what perturbations are called: "nocodazole 1"."""
    return [" ".join(_text(value) for value in row) for row in keys.itertuples(index=False)]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def ordinal(n: int) -> str:
    """Return nothing for the first, and otherwise "2nd ", "3rd ", "11th "."""
    if n == 1:
        return ""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending} "
