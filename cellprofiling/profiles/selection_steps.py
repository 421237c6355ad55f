"""The steps of feature selection: each judges every feature by the rows given, and says why one has to go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from cellprofiling.core.errors import one_of
from cellprofiling.core.frame import Floats, Table
from cellprofiling.kernels.redundancy import correlations, representatives
from cellprofiling.kernels.scale import fit_standard


@dataclass(frozen=True)
class Judgment:
    """What a step says of each feature: the value it looked at, whether to drop it, and the reason in words."""

    value: NDArray[np.float64]
    dropped: NDArray[np.bool_]
    reasons: Sequence[str]


def missing(table: Table, *, cutoff: float = 0.05) -> Judgment:
    """Drop a feature missing in more than `cutoff` of the rows."""
    share = np.isnan(table.x).mean(axis=0)
    return Judgment(share, share > cutoff, [f"missing in {value:.1%} of rows" for value in share])


def blocklist(table: Table, *, features: Sequence[str] | None = None) -> Judgment:
    """Drop a feature on the list; None stands for the list that pycytominer ships (Way 2019)."""
    unwanted = set(_published_blocklist() if features is None else features)
    found = np.array([name in unwanted for name in table.features])
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
    one_of("rule", rule, ("and", "or"))
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


def correlation(table: Table, *, cutoff: float = 0.9) -> Judgment:
    """Drop features until no two correlate by more than `cutoff`, up or down; see `representatives` for which."""
    by_name = np.argsort(table.features)  # the verdict must not hang on the order of the columns
    strength = np.abs(correlations(table.x[:, by_name]))
    kept = representatives(strength, cutoff)
    np.fill_diagonal(strength, 0.0)
    strength[:, ~kept] = 0.0
    place = np.argsort(by_name)
    value, partner = strength.max(axis=1)[place], by_name[strength.argmax(axis=1)[place]]
    reasons = [f"|r| = {v:.3f} with {table.features[p]}" for v, p in zip(value, partner, strict=True)]
    return Judgment(value, ~kept[place], reasons)


STEPS: dict[str, Callable[..., Judgment]] = {
    "missing": missing,
    "blocklist": blocklist,
    "variance": variance,
    "frequency": frequency,
    "outliers": outliers,
    "correlation": correlation,
}


def _repetition(x: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the count of the second most frequent value over that of the first, and distinct values per row."""
    counts = [np.sort(np.unique(column[~np.isnan(column)], return_counts=True)[1]) for column in x.T]
    ratio = [float(n[-2] / n[-1]) if len(n) > 1 else 0.0 for n in counts]
    return np.array(ratio), np.array([len(n) / len(x) for n in counts])


def _published_blocklist() -> list[str]:
    """Return the default list of pycytominer from its data file: importing the package would switch a pandas option."""
    file = distribution("pycytominer").locate_file("pycytominer/data/default_blocklists.yaml")
    return yaml.safe_load(Path(str(file)).read_text(encoding="utf-8"))["default"]
