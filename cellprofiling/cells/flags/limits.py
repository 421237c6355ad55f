"""What the rules learned from the cells of each group, and which cells lie beyond it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.cells.flags.rules import BORDER, MISSING, QC, ROBUST, Limit, Rule
from cellprofiling.core.columns import PLATE, groups
from cellprofiling.core.errors import KeyMatchError, listed
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.scale.limits import FEWEST, robust_limits

FLAGGED = f"{QC}Flagged"
HALF = 0.5  # of a pixel: boxes are whole numbers, and 0 is the border


@dataclass(frozen=True)
class Bounds:
    """The limits of one feature in each group, shape (n_groups,), in units of the feature; NaN where there is none.

    Attributes
    ----------
    center, scale : median, and MAD as a standard deviation (of logarithms where the limit is one of logarithms).
    low, high : a cell below or above is flagged.
    reason : why there is no limit, empty where there is one.
    apart : share of the cells that lie apart below the low limit, and had no say in it; 0 where there is no such crowd.
    """

    center: Doubles
    scale: Doubles
    low: Doubles
    high: Doubles
    reason: tuple[str, ...]
    apart: tuple[float, ...] = ()


@dataclass(frozen=True)
class Fit:
    """The rules as they apply to some groups of cells.

    Attributes
    ----------
    by : the columns that tell the groups, and `keys`, their values, a row for each group.
    bounds : by rule name, and in the order of its limits, those of each feature.
    """

    by: list[str]
    keys: pd.DataFrame
    rules: tuple[Rule, ...]
    bounds: Mapping[str, Sequence[Mapping[str, Bounds]]]

    def flags(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Return a column of flags for each rule, and whether there is any."""
        codes = self.codes(cells)
        flags = {rule.column: self._beyond(rule, cells, codes) for rule in self.rules}
        return pd.DataFrame({**flags, FLAGGED: np.logical_or.reduce([*flags.values()])}, index=cells.index)

    def codes(self, cells: pd.DataFrame) -> Indices:
        """Return the group number of each cell."""
        if len(self.keys) == 1:
            return np.zeros(len(cells), np.intp)
        codes = _index(self.keys).get_indexer(_index(cells[self.by]))
        if (codes < 0).any():
            strange = names(cells.loc[codes < 0, self.by].drop_duplicates())
            raise KeyMatchError(f"cells of {listed(strange)}: not there when the limits were learned; flag them anew.")
        return codes

    def _beyond(self, rule: Rule, cells: pd.DataFrame, codes: Indices) -> Mask:
        marks = [
            np.logical_or.reduce([_TESTS[limit.test](values(cells, name), codes, b) for name, b in bounds.items()])
            for limit, bounds in zip(rule.limits, self.bounds[rule.name], strict=True)
        ]
        return np.logical_and.reduce(marks)


def fit(cells: pd.DataFrame, by: Sequence[str], rules: Sequence[Rule], reference: Mask) -> Fit:
    """Learn the limits of each group from its reference cells."""
    codes, keys = groups(cells, by)
    plates = groups(cells, PLATE)[0] if PLATE in by else np.zeros(len(cells), np.intp)
    bounds = {
        rule.name: [_FITS[limit.test](limit, cells, codes, reference, plates) for limit in rule.limits]
        for rule in rules
    }
    return Fit(list(by), keys, tuple(rules), bounds)


def values(cells: pd.DataFrame, name: str) -> Doubles:
    """Return a feature as numbers, missing as NaN."""
    return cells[name].to_numpy(dtype=np.float64, na_value=np.nan)


def names(keys: pd.DataFrame) -> list[str]:
    """Return the name of each group."""
    return [" ".join(map(str, key)) or "all cells" for key in keys.itertuples(index=False)] or ["all cells"]


def _index(keys: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(keys.astype(str))


def _fit_robust(limit: Limit, cells: pd.DataFrame, codes: Indices, reference: Mask, _: Indices) -> dict[str, Bounds]:
    return {name: _robust(limit, values(cells, name), codes, reference) for name in limit.features}


def _robust(limit: Limit, x: Doubles, codes: Indices, reference: Mask) -> Bounds:
    n_groups = int(codes.max()) + 1
    low, high, least, most = (
        np.nan if side is None else side for side in (limit.low, limit.high, limit.least, limit.most)
    )
    found = robust_limits(x[reference], codes[reference], n_groups, low=low, high=high, log=limit.log)
    asked = not np.isnan([low, high]).all()
    reason = [_reason(n, scale) if asked else "" for n, scale in zip(found.n, found.scale, strict=True)]
    low_limit, high_limit = np.fmax(found.low, least), np.fmin(found.high, most)
    return Bounds(found.center, found.scale, low_limit, high_limit, tuple(reason), tuple(found.apart.tolist()))


def _reason(n: int, scale: float) -> str:
    if n < FEWEST:
        return f"fewer than {FEWEST} values"
    return "" if 0 < scale < np.inf else "more than half of the values are one"


def _fit_border(limit: Limit, cells: pd.DataFrame, codes: Indices, _: Mask, plates: Indices) -> dict[str, Bounds]:
    """Return the borders of the image: 0, and the farthest that a box reaches on the plate.

    Where no box begins at 0 the cells at the border were left out already, and the farthest box is inside the image.
    """
    n_groups = int(codes.max()) + 1
    none, reason = np.full(n_groups, np.nan), ("",) * n_groups
    plate_of = np.zeros(n_groups, np.intp)
    plate_of[codes] = plates
    bounds = {}
    half = len(limit.features) // 2
    for near, far in zip(limit.features[:half], limit.features[half:], strict=True):
        ends = [_end(values(cells, near), values(cells, far), plates == plate) for plate in range(plates.max() + 1)]
        bounds[near] = Bounds(none, none, np.full(n_groups, HALF), none, reason)
        bounds[far] = Bounds(none, none, none, np.array(ends)[plate_of] - HALF, reason)
    return bounds


def _end(near: Doubles, far: Doubles, rows: Mask) -> float:
    return float(np.fmax.reduce(far[rows])) if (near[rows] < HALF).any() else np.nan


def _fit_missing(limit: Limit, cells: pd.DataFrame, codes: Indices, _: Mask, __: Indices) -> dict[str, Bounds]:
    """Return no limits; a feature without any value in a group tells nothing about single cells there."""
    n_groups = int(codes.max()) + 1
    none = np.full(n_groups, np.nan)
    there = {name: np.bincount(codes, ~np.isnan(values(cells, name)), n_groups) > 0 for name in limit.features}
    reasons = {name: tuple("" if some else f"no value of {name}" for some in seen) for name, seen in there.items()}
    return {name: Bounds(none, none, none, none, reason) for name, reason in reasons.items()}


def _outside(x: Doubles, codes: Indices, bounds: Bounds) -> Mask:
    return (x < bounds.low[codes]) | (x > bounds.high[codes])  # NaN is neither


def _empty(x: Doubles, codes: Indices, bounds: Bounds) -> Mask:
    return np.isnan(x) & np.array([not reason for reason in bounds.reason])[codes]


_FITS: dict[str, Callable[..., dict[str, Bounds]]] = {
    ROBUST: _fit_robust,
    BORDER: _fit_border,
    MISSING: _fit_missing,
}
_TESTS: dict[str, Callable[..., Mask]] = {ROBUST: _outside, BORDER: _outside, MISSING: _empty}
