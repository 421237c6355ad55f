"""The steps of feature selection: each judges every feature by the rows given, and says why one has to go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import yaml

from cellprofiling.core.columns import PLATE, By, groups
from cellprofiling.core.errors import FeatureError, InputError, listed
from cellprofiling.core.frame import Table
from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.models.replicates import group_spread, intraclass_correlation
from cellprofiling.kernels.scale.scale import fit_mad, fit_standard
from cellprofiling.kernels.similarity.redundancy import correlations, dropped_in_pairs, representatives


@dataclass(frozen=True)
class Judgment:
    """What a step says of each feature: the value it looked at, whether to drop it, and the reason in words."""

    value: Doubles
    dropped: Mask
    reasons: Sequence[str]


def missing(table: Table, *, cutoff: float = 0.05) -> Judgment:
    """Drop a feature missing in more than `cutoff` of the rows."""
    share = np.isnan(table.x).mean(axis=0)
    return Judgment(share, share > cutoff, [f"missing in {value:.1%} of rows" for value in share])


def blocklist(table: Table, *, features: Sequence[str] | None = None, pattern: str | None = None) -> Judgment:
    """Drop a feature on the list, or whose name begins as the regular expression `pattern` says.

    With neither, the list that pycytominer ships (Way 2019).
    """
    listed_ = features if features is not None or pattern is not None else _published_blocklist()
    unwanted = set(listed_ or ())
    found = np.array([name in unwanted or bool(pattern and re.match(pattern, name)) for name in table.features])
    return Judgment(found.astype(np.float64), found, ["on the blocklist" if hit else "" for hit in found])


def variance(table: Table, *, cutoff: float = 1e-6) -> Judgment:
    """Drop a feature whose variance, in the units it comes in, is at most `cutoff`."""
    value = fit_standard(table.x).scale ** 2
    return Judgment(value, ~(value > cutoff), [f"variance {v:.2g}" for v in value])


def frequency(table: Table, *, freq_cut: float = 0.05, unique_cut: float = 0.01, rule: str = "and") -> Judgment:
    """Drop a feature that is nearly one value only.

    The second most frequent value is less than `freq_cut` as frequent as the first, and (`rule="or"`: or) there are
    fewer than `unique_cut` distinct values per row.
    """
    ratio, distinct = _repetition(table.x)
    rare, few = ratio < freq_cut, distinct < unique_cut
    reasons = [
        f"second most frequent value {r:.2g} as frequent as the first, {d:.2%} distinct values"
        for r, d in zip(ratio, distinct, strict=True)
    ]
    return Judgment(ratio, rare & few if rule == "and" else rare | few, reasons)


def outliers(table: Table, *, cutoff: float = 500.0, share: float = 0.01) -> Judgment:
    """Drop a feature that lies beyond `cutoff` from zero in more than a `share` of the rows."""
    value = (np.abs(table.x) > cutoff).mean(axis=0)
    return Judgment(value, value > share, [f"beyond {cutoff:g} in {v:.1%} of rows" for v in value])


def low_variation(table: Table, *, by: By = PLATE, cutoff: float = 1e-3) -> Judgment:
    """Drop a feature whose MAD is at most `cutoff` times its median in any group, as the JUMP recipe does.

    A median of exactly 0 counts as no variation there, and so does a feature without any value in a group.
    """
    codes, keys = groups(table.metadata, by)
    value = np.full(len(table.features), np.inf)
    for code in range(len(keys)):
        scaling = fit_mad(table.x[codes == code], mad_scale=1.0)
        size = np.abs(scaling.location)
        value = np.minimum(value, np.divide(scaling.scale, size, out=np.zeros(len(size)), where=size > 0))
    return Judgment(value, ~(value > cutoff), [f"MAD {v:.2g} times the median" for v in value])


def noise(table: Table, *, by: By = None, cutoff: float = 0.8, ddof: int = 0) -> Judgment:
    """Drop a feature whose standard deviation among replicates, averaged over groups, is above `cutoff`."""
    value = group_spread(table.x, _replicates(table, by, "noise"), ddof=ddof)
    return Judgment(value, value > cutoff, [f"standard deviation {v:.2g} among replicates" for v in value])


def reproducibility(table: Table, *, by: By = None, cutoff: float = 0.1) -> Judgment:
    """Drop a feature whose correlation between replicates (ICC) is below `cutoff`, or cannot be known."""
    value = intraclass_correlation(table.x, _replicates(table, by, "reproducibility"))
    return Judgment(value, ~(value >= cutoff), [f"correlation {v:.2f} between replicates" for v in value])


def correlation(table: Table, *, cutoff: float = 0.9, rule: str = "greedy") -> Judgment:
    """Drop features until no two correlate by more than `cutoff`, up or down; see `representatives` for which.

    With `rule="pairwise"` the features that pycytominer drops; see `dropped_in_pairs`.
    """
    by_name = np.argsort(table.features)  # the verdict must not hang on the order of the columns
    r = correlations(table.x[:, by_name])
    kept = representatives(r, cutoff) if rule == "greedy" else ~dropped_in_pairs(r, cutoff)
    strength = np.abs(r) if rule == "greedy" else r
    np.fill_diagonal(strength, 0.0)
    if rule == "greedy":
        strength[:, ~kept] = 0.0
    place = np.argsort(by_name)
    value, partner = strength.max(axis=1)[place], by_name[strength.argmax(axis=1)[place]]
    sign = "|r|" if rule == "greedy" else "r"
    reasons = [f"{sign} = {v:.3f} with {table.features[p]}" for v, p in zip(value, partner, strict=True)]
    return Judgment(value, ~kept[place], reasons)


def keep(table: Table, *, features: Sequence[str] | str | Path | None = None) -> Judgment:
    """Drop a feature that is not on the list: names, or a file with one name per line."""
    wanted = _names(features)
    absent = [name for name in wanted if name not in set(table.features)]
    if absent:
        raise FeatureError(
            f"keep: {len(absent)} of {len(wanted)} features are not in the table, or were dropped by an earlier step: "
            f"{listed(absent)}."
        )
    there = np.isin(np.array(table.features, dtype=object), wanted)
    return Judgment(there.astype(np.float64), ~there, ["on the list" if hit else "not on the list" for hit in there])


ICC = "Shrout and Fleiss, Psychol. Bull. 86, 420 (1979), https://doi.org/10.1037/0033-2909.86.2.420"
CARET = "Kuhn, J. Stat. Softw. 28, 5 (2008), https://doi.org/10.18637/jss.v028.i05"
STEPS = table_of(
    Method("missing", "Drops a feature that is missing in more than a share of the rows.", missing),
    Method(
        "blocklist",
        "Drops a feature that is on a list, by default that of features known to be unreliable, or matches a pattern.",
        blocklist,
        "Way, figshare (2019), https://doi.org/10.6084/m9.figshare.10255811",
    ),
    Method("variance", "Drops a feature that hardly varies, in the units of the data.", variance),
    Method(
        "frequency",
        "Drops a feature that is nearly one value only.",
        frequency,
        CARET,
        choices={"rule": ("and", "or")},
    ),
    Method("outliers", "Drops a feature that lies far from zero in more than a share of the rows.", outliers),
    Method(
        "low_variation",
        "Drops a feature that hardly varies for its size in some group, as the JUMP recipe does before normalization.",
        low_variation,
    ),
    Method("noise", "Drops a feature that varies much among replicates.", noise, needs="replicates, by=..."),
    Method(
        "reproducibility",
        "Drops a feature whose correlation between replicates is low.",
        reproducibility,
        ICC,
        "replicates, by=...",
    ),
    Method(
        "correlation",
        "Drops all but one of features that say the same.",
        correlation,
        choices={"rule": ("greedy", "pairwise")},
    ),
    Method("keep", "Drops a feature that is not on the list given.", keep, needs="features=..."),
)


def _repetition(x: Floats) -> tuple[Doubles, Doubles]:
    """Return the count of the second most frequent value over that of the first, and distinct values per row."""
    ratio, distinct = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    present = (~np.isnan(x)).sum(axis=0)
    for j, column in enumerate(np.sort(np.ascontiguousarray(x.T), axis=1)):  # missing values come last
        values = column[: present[j]]
        runs = np.diff(np.flatnonzero(values[1:] != values[:-1]) + 1, prepend=0, append=len(values))
        runs = runs[runs > 0]
        distinct[j] = len(runs) / len(x)
        if len(runs) > 1:
            second, first = np.partition(runs, -2)[-2:]
            ratio[j] = second / first
    return ratio, distinct


def _replicates(table: Table, by: By, step: str) -> Indices:
    """Return the group of each row; at least one must have two rows."""
    if not by:
        raise InputError(
            f"{step}: needs the metadata columns that replicates have in common, such as "
            f"{{{step!r}: {{'by': 'Metadata_Compound'}}}}."
        )
    codes, keys = groups(table.metadata, by)
    if np.bincount(codes).max() < 2:
        raise InputError(f"{step}: by={by!r} makes {len(keys)} groups of one row each, so there are no replicates.")
    return codes


def _names(features: Sequence[str] | str | Path | None) -> list[str]:
    if features is None:
        raise InputError("keep: needs features=[...], or features='file' with one name per line.")
    if not isinstance(features, str | Path):
        return list(features)
    try:
        text = Path(features).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"keep: features={str(features)!r} cannot be read ({error}).") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _published_blocklist() -> list[str]:
    """Return the default list of pycytominer from its data file: importing the package would switch a pandas option."""
    file = distribution("pycytominer").locate_file("pycytominer/data/default_blocklists.yaml")
    return yaml.safe_load(Path(str(file)).read_text(encoding="utf-8"))["default"]
