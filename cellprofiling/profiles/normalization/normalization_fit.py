"""What a normalization learned: where each feature lies in each group, and how far it spreads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import named
from cellprofiling.core.errors import FeatureError, ReferenceRowsError, listed
from cellprofiling.core.frame import Table, join, split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.views import Facts, span
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.scale import Scaling
from cellprofiling.profiles.fits import (
    Fit,
    Key,
    group_keys,
    group_words,
    key_names,
    of_groups,
    reference_again,
    reference_words,
)
from cellprofiling.profiles.normalization.pool import Members, pool_of, pooled_scale
from cellprofiling.profiles.normalization.scaling_methods import METHODS
from cellprofiling.profiles.remainder import without_remainder

ROUGH = 16  # with fewer reference rows more than 3 in 100 null values lie beyond three MADs, instead of 0.3


@dataclass(frozen=True, repr=False)
class Normalization(Fit):
    """What `fit_normalization` learned from the reference rows of each group.

    Attributes
    ----------
    method, options, by, zero_scale, min_reference, clip, pool_scale_by : as asked for.
    reference : the query or mapping, or None; a mask is not kept, for it says nothing about other rows.
    masked : whether the reference was a mask.
    features : the names of the features.
    keys, counts, fitted : the `by` values of each group, its number of reference rows, and what was measured on them.
    pools, pool_counts, pool_scales : the same for the groups of groups that share a scale.
    """

    method: str
    options: Mapping[str, Any]
    by: Sequence[str]
    reference: Any
    masked: bool
    zero_scale: str
    min_reference: int
    clip: float | None
    pool_scale_by: Sequence[str]
    features: Sequence[str]
    keys: Sequence[Key] = ()
    counts: Sequence[int] = ()
    fitted: Sequence[Scaling] = ()
    pools: Sequence[Key] = ()
    pool_counts: Sequence[int] = ()
    pool_scales: Sequence[Doubles] = ()

    @property
    def location(self) -> Doubles:
        """The center of each feature in each group, shape (n_groups, n_features)."""
        return np.array([fitted.location for fitted in self.fitted])

    @property
    def scale(self) -> Doubles:
        """The spread of each feature in each group, shape (n_groups, n_features); 0 where there is none."""
        return np.array([fitted.scale for fitted in self.fitted])

    def facts(self) -> Facts:
        """Return what was measured, where and on what."""
        flat = int((self.scale == 0).any(axis=0).sum()) if self.fitted else 0
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return [
            ("method", f"{self.method}{options}"),
            ("groups", group_words(self.by, self.keys)),
            ("reference", reference_words(self.reference, self.masked)),
            ("rows", f"{span(list(self.counts))} of the reference in a group"),
            ("features", f"{len(self.features):,}"),
            *([("no spread", f"{flat:,} features in some group: {self.zero_scale}")] if flat else []),
            *([("scale", f"shared inside {', '.join(self.pool_scale_by)}")] if self.pool_scale_by else []),
            *([("clip", f"{self.clip:g}")] if self.clip is not None else []),
        ]

    def apply(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """
        Return profiles on the scale that was learned.

        Parameters
        ----------
        profiles : pandas.DataFrame
            A profile table with the features and the `by` columns of the fit.

        Returns
        -------
        pandas.DataFrame
            The table with its features rescaled. A group that was in the fit keeps what was learned there; a new group
            (next month's plate) is measured on its own reference rows, found by the query of the fit, and takes the
            pooled scale of its batch from the fit, if the fit knows the batch. With ``zero_scale="drop"`` a feature
            without spread in any group, old or new, is left out.
        """
        table = split(profiles, self.features)
        held = set(self.keys)
        new = [key for key in group_keys(profiles, self.by)[1] if key not in held]
        if not new:
            return self.scaled(table, profiles)
        reference = reference_again(profiles, self.reference, self.masked, self.by, new)
        return self.measured(table, profiles, reference).scaled(table, profiles)

    def measured(self, table: Table, profiles: pd.DataFrame, reference: Mask) -> "Normalization":
        """Return the fit with the groups it does not hold yet, measured on their reference rows."""
        codes, keys = group_keys(profiles, self.by)
        held = set(self.keys)
        new = {key: np.flatnonzero(reference & (codes == i)) for i, key in enumerate(keys) if key not in held}
        self._refuse_few({key: len(wells) for key, wells in new.items()})
        measure = METHODS[self.method].function
        fit = replace(
            self,
            keys=[*self.keys, *new],
            counts=[*self.counts, *map(len, new.values())],
            fitted=[*self.fitted, *(measure(table.x[wells], **self.options) for wells in new.values())],
        )
        fit = fit._pooled(table.x, profiles, new) if self.pool_scale_by else fit
        fit._refuse_unfit()
        return fit

    def scaled(self, table: Table, profiles: pd.DataFrame, new: Sequence[Line] = ()) -> pd.DataFrame:
        """Return the table put together again, its features rescaled; `table` is `profiles` taken apart.

        The `new` lines come first in the ledger.
        """
        codes, keys = group_keys(profiles, self.by)
        fitted = dict(zip(self.keys, self.fitted, strict=True))
        x = np.empty_like(table.x)
        for code, key in enumerate(keys):
            wells = _run(np.flatnonzero(codes == code))
            x[wells] = fitted[key].apply(table.x[wells])
        flat = (self.scale == 0).any(axis=0)
        alone, left = without_remainder(table, "normalize", self._used(profiles))
        scaled = alone.with_x(x)
        scaled = scaled.keep(~flat) if self.zero_scale == "drop" and flat.any() else scaled
        clipped = self._clip(scaled.x)
        told = [*new, *left, *self._rough_lines(keys), *self._flat_lines(), *clipped]
        return join(scaled, source=profiles, new=told)

    def _used(self, profiles: pd.DataFrame) -> list[str]:
        """Return the columns that say what a row is compared with."""
        return [*self.by, *self.pool_scale_by, *named(self.reference, profiles.columns)]

    def _pooled(self, x: Floats, profiles: pd.DataFrame, new: Members) -> "Normalization":
        """Return the fit with the scale of its new groups taken from their pools; pools not known yet are measured."""
        method, pools = METHODS[self.method], pool_of(profiles, new, self.pool_scale_by)
        known = dict(zip(self.pools, zip(self.pool_counts, self.pool_scales, strict=True), strict=True))
        for pool in dict.fromkeys(pools.values()):
            if pool not in known:
                known[pool] = pooled_scale(x, new, pools, pool, method, self.options)
        own = len(self.keys) - len(new)
        shared = [replace(f, scale=known[pools[key]][1]) for key, f in zip(new, self.fitted[own:], strict=True)]
        counts, scales = zip(*known.values(), strict=True)
        fitted = [*self.fitted[:own], *shared]
        return replace(self, fitted=fitted, pools=list(known), pool_counts=counts, pool_scales=scales)

    def _clip(self, x: Floats) -> list[Line]:
        """Move what lies beyond `clip` to it, in place; return a ledger line that says how many values those are."""
        if self.clip is None:
            return []
        beyond = int(np.count_nonzero(np.abs(x) > self.clip))
        np.clip(x, -self.clip, self.clip, out=x)
        return lines("normalize", "value", [f"beyond {self.clip:g}"], "clipped", n=beyond) if beyond else []

    def _refuse_few(self, counts: Mapping[Key, int]) -> None:
        few = {key: n for key, n in counts.items() if n < self.min_reference}
        if few:
            given = "a mask" if self.masked else repr(self.reference)
            raise ReferenceRowsError(
                f"reference={given}: matches {listed(few.values())} row{'' if list(few.values()) == [1] else 's'}"
                f"{self._of(few)}, and at least {self.min_reference} are needed to measure a spread: leave these rows "
                "out, widen the reference, or pool groups with a coarser by (by=None makes one of all)."
            )

    def _refuse_unfit(self) -> None:
        empty, flat = np.isnan(self.location), self.scale == 0
        if empty.any():
            raise FeatureError(
                f"features {listed(self._features(empty))} have no value in the reference"
                f"{self._of(self._keys(empty))}: leave them out with features=[...], or first drop what has missing "
                "values with select_features(profiles, {'missing': {'cutoff': 0}})."
            )
        nothing_left = self.zero_scale == "drop" and flat.any(axis=0).all()
        if nothing_left or (self.zero_scale == "error" and flat.any()):
            raise FeatureError(
                f"features {listed(self._features(flat))} have no spread in the reference{self._of(self._keys(flat))}: "
                "leave them out with features=[...], widen the reference, or only center them with zero_scale='keep'."
            )

    def _flat_lines(self) -> list[Line]:
        """Return a ledger line for each feature without spread in some group."""
        kept = ": centered only" if self.zero_scale == "keep" else ""
        flat = self.scale == 0
        return [
            line
            for j in np.flatnonzero(flat.any(axis=0)).tolist()
            for line in lines(
                "normalize",
                "feature",
                [self.features[j]],
                f"no spread in the reference{self._of(self._keys(flat[:, [j]]))}{kept}",
            )
        ]

    def _rough_lines(self, keys: Sequence[Key]) -> list[Line]:
        """Return a ledger line for each of these groups, or for each pool, that has too few reference rows."""
        pooled = bool(self.pool_scale_by)
        counts = dict(
            zip(self.pools, self.pool_counts, strict=True) if pooled else zip(self.keys, self.counts, strict=True)
        )
        remedy = "" if pooled else "; pool_scale_by pools it over plates"
        return [
            line
            for key, n in counts.items()
            if self.by and n < ROUGH and (pooled or key in keys)
            for line in lines(
                "normalize",
                "group",
                [key_names([key])],
                f"spread from fewer than {ROUGH} reference rows is rough{remedy}",
                n=n,
            )
        ]

    def _of(self, keys: Iterable[Key]) -> str:
        return of_groups(self.by, keys)

    def _features(self, found: Mask) -> list[str]:
        return [name for name, hits in zip(self.features, found.T, strict=True) if hits.any()]

    def _keys(self, found: Mask) -> list[Key]:
        return [key for key, hits in zip(self.keys, found, strict=True) if hits.any()]


def _run(wells: Indices) -> Indices | slice:
    """Return row numbers as a slice where they follow each other: a view is read without a copy."""
    follow = len(wells) and wells[-1] - wells[0] + 1 == len(wells)
    return slice(int(wells[0]), int(wells[-1]) + 1) if follow else wells
