"""What a whitening learned: for each group of rows, the map that makes its reference uncorrelated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import describe_reference, named
from cellprofiling.core.errors import FeatureError, ReferenceRowsError, listed, plural
from cellprofiling.core.frame import Table, complete, join, split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.methods import Method, table_of
from cellprofiling.core.views import Facts, span
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.directions.whitening import Whitening, fit_whitening, spreads
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.profiles.fits import (
    Fit,
    Key,
    group_keys,
    group_words,
    of_groups,
    reference_again,
    reference_words,
)
from cellprofiling.profiles.remainder import without_remainder

STEP = "whiten"
AT_ONCE = 4096  # rows, to save memory


@dataclass(frozen=True, kw_only=True)
class WhiteningMethod(Method):
    """A way to whiten; shrinkage is an argument of the verb, so that it has no options of its own.

    Attributes
    ----------
    rotate_back : whether the components are turned back to features.
    align : whether batches are aligned afterwards.
    """

    rotate_back: bool
    align: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """None."""
        return {}


KESSY = "Kessy, Lewin and Strimmer, Am. Stat. 72, 309 (2018), https://doi.org/10.1080/00031305.2016.1277159"
SCALED, AS_THEY_ARE = partial(fit_whitening, correlation=True), partial(fit_whitening, correlation=False)

METHODS = table_of(
    WhiteningMethod(
        "zca_cor",
        "Scaled features made uncorrelated, each as close as possible to what it was.",
        partial(SCALED, rotate_back=True),
        KESSY,
        rotate_back=True,
    ),
    WhiteningMethod(
        "zca",
        "Features made uncorrelated, each as close as possible to what it was.",
        partial(AS_THEY_ARE, rotate_back=True),
        KESSY,
        rotate_back=True,
    ),
    WhiteningMethod(
        "pca_cor",
        "Principal components of scaled features, each of variance one.",
        partial(SCALED, rotate_back=False),
        KESSY,
        rotate_back=False,
    ),
    WhiteningMethod(
        "pca",
        "Principal components, each of variance one.",
        partial(AS_THEY_ARE, rotate_back=False),
        KESSY,
        rotate_back=False,
    ),
    WhiteningMethod(
        "tvn",
        "As pca_cor, and then the controls of each batch brought to the same mean and covariance.",
        partial(SCALED, rotate_back=False),
        "Ando, McLean and Berndl, bioRxiv (2017), https://doi.org/10.1101/161422",
        "the columns of the batches, by=...",
        rotate_back=False,
        align=True,
    ),
)


@dataclass(frozen=True, repr=False)
class WhiteningFit(Fit):
    """What `fit_whitening` learned.

    Attributes
    ----------
    method, by, shrinkage : as asked for.
    reference : the query or mapping, or None; a mask is not kept, for it says nothing about other rows.
    masked : whether the reference was a mask.
    features : names of the features with a spread, in alphabetical order.
    flat : names of those without.
    common : of `tvn`, the map fitted on the reference rows of all groups; otherwise None.
    keys : the `by` values of each group.
    maps : the map of each group.
    """

    method: str
    by: Sequence[str]
    reference: Any
    masked: bool
    shrinkage: float | None
    features: Sequence[str]
    flat: Sequence[str]
    common: Whitening | None
    keys: Sequence[Key]
    maps: Sequence[Whitening]

    def facts(self) -> Facts:
        """Return what was measured, where and on what."""
        shrunk = [found.shrinkage for found in self.maps]
        return [
            ("method", self.method),
            ("groups", group_words(self.by, self.keys)),
            ("reference", reference_words(self.reference, self.masked)),
            ("rows", f"{span([found.n_rows for found in self.maps])} of the reference in a group"),
            ("features", f"{len(self.features):,}, and {len(self.flat):,} without spread left out"),
            ("directions", f"{span([found.rank for found in self.maps])} in which the reference spreads"),
            ("shrinkage", f"{min(shrunk, default=0):.2f} to {max(shrunk, default=0):.2f}"),
        ]

    def apply(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """
        Return profiles whitened by what was learned.

        Parameters
        ----------
        profiles : pandas.DataFrame
            A profile table with the features and the `by` columns of the fit.

        Returns
        -------
        pandas.DataFrame
            The table whitened. A group that was in the fit keeps its map; a new group is measured on its own reference
            rows, found by the query of the fit (for `tvn`, after the map that all groups share).
        """
        table = self._table(profiles)
        codes, keys = group_keys(profiles, self.by)
        new = [key for key in keys if key not in self.keys]
        fit = self
        if new:
            reference = reference_again(profiles, self.reference, self.masked, self.by, new)
            fit = self.measured(table.x, codes, keys, reference)
        names, columns = fit._names(profiles)
        whitened = np.empty((len(table.x), len(names)), dtype=table.x.dtype)
        for code, key in enumerate(keys):
            inside = np.flatnonzero(codes == code)
            # A matrix product may differ in its last bit with the place of a row among the others.
            inside = inside[content_order(table.x[inside])]
            for some in np.split(inside, range(AT_ONCE, len(inside), AT_ONCE)):
                whitened[np.ix_(some, columns)] = fit._map_rows(table.x[some], key)
        alone, left = without_remainder(table, STEP, [*self.by, *named(self.reference, profiles.columns)])
        return join(replace(alone, x=whitened, features=names), source=profiles, new=[*left, *fit._lines()])

    def measured(self, x: Floats, codes: Indices, keys: Sequence[Key], reference: Mask) -> "WhiteningFit":
        """Return the fit with the maps of the groups it does not hold yet."""
        method, fit = METHODS[self.method], self
        if method.align and self.common is None:
            fit = replace(self, common=self._map(_rows(x, reference), method, []))
        new = {key: code for code, key in enumerate(keys) if key not in self.keys}
        maps = [fit._map_of_group(_rows(x, reference & (codes == code)), key) for key, code in new.items()]
        return replace(fit, keys=[*self.keys, *new], maps=[*self.maps, *maps])

    def _map_of_group(self, x: Floats, key: Key) -> Whitening:
        """Return the map of one group: of its features, or with `tvn` of its coordinates in the common space."""
        if self.common is None:
            return self._map(x, METHODS[self.method], [key])
        self._refuse_few(x, [key])
        coordinates = self.common.apply(x)
        if np.ptp(coordinates, axis=0).max() == 0:
            raise FeatureError(f"profiles: all {len(x)} reference rows{of_groups(self.by, [key])} are equal.")
        return self._map(coordinates, METHODS["zca"], [key])

    def _map(self, x: Floats, method: WhiteningMethod, keys: Sequence[Key]) -> Whitening:
        self._refuse_few(x, keys)
        if self.common is None:
            self._refuse_flat(x, keys)
        found = method(x, shrinkage=self.shrinkage)
        if self.shrinkage == 0 and found.rank < x.shape[1]:
            raise ReferenceRowsError(
                f"reference={self._reference()}: {len(x)} rows{of_groups(self.by, keys)} spread in only {found.rank} "
                f"of {x.shape[1]} directions, and shrinkage={self.shrinkage!r} needs all of them: take "
                "shrinkage='ledoit_wolf', add reference rows, or drop redundant features with select_features."
            )
        return found

    def _map_rows(self, x: Floats, key: Key) -> Doubles:
        return self.maps[self.keys.index(key)].apply(x if self.common is None else self.common.apply(x))

    def _table(self, profiles: pd.DataFrame) -> Table:
        """Take apart what the fit knows; features it dropped are left out."""
        return complete(split(profiles.drop(columns=[name for name in self.flat if name in profiles]), self.features))

    def _names(self, profiles: pd.DataFrame) -> tuple[tuple[str, ...], Indices]:
        """Return the names of the new columns, and the place of each column of the map among them."""
        first = self.common or self.maps[0]
        if not first.rotate_back:
            return tuple(f"PC{i + 1}" for i in range(first.rank)), np.arange(first.rank)
        known = set(self.features)
        names = [name for name in profiles.columns if name in known]
        return tuple(names), np.argsort(np.array(names, dtype=object))

    def _lines(self) -> list[Line]:
        """Return a ledger line for each feature without spread, and for each map with fewer rows than it needs."""
        flat = lines(STEP, "feature", self.flat, "no spread in the reference")
        stages = [([key], found) for key, found in zip(self.keys, self.maps, strict=True)]
        if self.common:
            stages.insert(0, ([], self.common))
        few = [line for keys, found in stages for line in self._line(keys, found)]
        first = self.common or self.maps[0]
        lost = 0 if first.rotate_back else len(self.features) - first.rank
        gone = f"the reference spreads in {first.rank} of {len(self.features)} directions; the others are left out"
        return [*flat, *few, *lines(STEP, "component", ["PCA"] if lost else [], gone, n=lost)]

    def _line(self, keys: Sequence[Key], found: Whitening) -> list[Line]:
        n_features = len(found.location)
        if found.n_rows >= 2 * n_features:
            return []
        name = f"reference{of_groups(self.by, keys) if keys else ''}"
        held = f"covariance shrunk by {found.shrinkage:.2f}" if found.shrinkage else "not shrunk: noise is amplified"
        return lines(
            STEP, "reference", [name], f"{found.n_rows} rows for {n_features} features: {held}", n=found.n_rows
        )

    def _refuse_few(self, x: Floats, keys: Sequence[Key]) -> None:
        fewest = x.shape[1] + 1 if self.shrinkage == 0 else 2
        if len(x) < fewest:
            need = f"{fewest} (one more than features) without shrinkage" if fewest > 2 else "2 to measure a spread"
            raise ReferenceRowsError(
                f"reference={self._reference()}: matches {plural(len(x), 'row')}"
                f"{of_groups(self.by, keys) if keys else ''} for {x.shape[1]} features, and at least {need} are "
                "needed: take shrinkage='ledoit_wolf', widen the reference, or pool groups with a coarser by."
            )

    def _refuse_flat(self, x: Floats, keys: Sequence[Key]) -> None:
        flat = spreads(x).flat
        if flat.any():
            names = [name for name, bad in zip(self.features, flat, strict=True) if bad]
            raise FeatureError(
                f"features {listed(names)} have no spread in the reference{of_groups(self.by, keys)}: leave them out "
                "with features=[...], or widen the reference."
            )

    def _reference(self) -> str:
        return "a mask" if self.masked else describe_reference(self.reference)


def flat_features(x: Floats, codes: Indices, reference: Mask) -> Mask:
    """Return which features have no spread in the reference rows of some group."""
    flat = np.zeros(x.shape[1], dtype=bool)
    for code in np.unique(codes[reference]):
        block = x[reference & (codes == code)]
        flat |= spreads(block).flat & (len(block) > 1)  # a single row is refused later
    return flat


def _rows(x: Floats, mask: Mask) -> Floats:
    """Return the rows of a mask in an order by content."""
    inside = np.flatnonzero(mask)
    return x[inside[content_order(x[inside])]]
