"""What a normalization learned: location and scale of each feature in each group."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import FeatureError, InputError, ReferenceRowsError, listed
from cellprofiling.core.frame import Table, groups, join, rows, split
from cellprofiling.core.ledger import Line, lines
from cellprofiling.io.files import atomic
from cellprofiling.kernels.scale import Scaling, fit_mad, fit_robust, fit_standard

METHODS: dict[str, Callable[..., Scaling]] = {
    "standardize": fit_standard,
    "robustize": fit_robust,
    "mad_robustize": fit_mad,
}
KIND = "cellprofiling normalization"  # first entry of a saved fit

Key = tuple[Any, ...]  # the `by` values of a group


@dataclass(frozen=True)
class Normalization:
    """What `fit_normalization` learned: location and scale of each feature in each group.

    Attributes
    ----------
    method, options, by, zero_scale, min_reference : as asked for.
    reference : the query or mapping, or None; a mask is not kept, for it says nothing about other rows.
    masked : whether the reference was a mask.
    features : the names of the features.
    keys : the `by` values of each group.
    location, scale : shape (n_groups, n_features); a scale of 0 says that there was no spread.
    """

    method: str
    options: Mapping[str, Any]
    by: Sequence[str]
    reference: Any
    masked: bool
    zero_scale: str
    min_reference: int
    features: Sequence[str]
    keys: Sequence[Key]
    location: NDArray[np.float64]
    scale: NDArray[np.float64]

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
            (next month's plate) is measured on its own reference rows, found by the query of the fit. With
            ``zero_scale="drop"`` a feature without spread in any group, old or new, is left out.
        """
        table = split(profiles, self.features)
        codes, keys = _groups(profiles, self.by)
        fit = self if set(keys) <= set(self.keys) else self.measured(table, profiles, self._reference(profiles, keys))
        x = np.empty(table.x.shape)
        for code, key in enumerate(keys):
            group = fit.keys.index(key)
            x[codes == code] = Scaling(fit.location[group], fit.scale[group]).apply(table.x[codes == code])
        spread = np.array([self.zero_scale != "drop" or scales.all() for scales in fit.scale.T])
        return join(table.with_x(x).keep(spread), source=profiles, new=fit._lines())

    def save(self, path: str | Path) -> Path:
        """
        Write the fit to a file that `load_fit` reads.

        Parameters
        ----------
        path : str or pathlib.Path
            The file to write, in JSON.

        Returns
        -------
        pathlib.Path
            The file.
        """
        text = json.dumps({"kind": KIND} | vars(self), default=_plain)
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return Path(path)

    def measured(self, table: Table, profiles: pd.DataFrame, reference: NDArray[np.bool_]) -> "Normalization":
        """Return the fit with the groups it does not hold yet, measured on their reference rows."""
        codes, keys = _groups(profiles, self.by)
        members = {key: reference & (codes == code) for code, key in enumerate(keys) if key not in self.keys}
        self._refuse_few({key: int(rows_.sum()) for key, rows_ in members.items()})
        scalings = [METHODS[self.method](table.x[rows_], **self.options) for rows_ in members.values()]
        fit = replace(
            self,
            keys=[*self.keys, *members],
            location=np.vstack([self.location, *[scaling.location for scaling in scalings]]),
            scale=np.vstack([self.scale, *[scaling.scale for scaling in scalings]]),
        )
        fit._refuse_unfit()
        return fit

    def _reference(self, profiles: pd.DataFrame, keys: Sequence[Key]) -> NDArray[np.bool_]:
        if self.masked:
            new = [key for key in keys if key not in self.keys]
            raise ReferenceRowsError(
                f"reference: no fit for the rows{self._of(new)}, and the reference of the fit was a mask, which does "
                "not say which rows of a new group are controls: fit with a query."
            )
        return rows(profiles, self.reference)

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
        nothing_left = self.zero_scale == "drop" and len(self._features(flat)) == len(self.features)
        if nothing_left or (self.zero_scale == "error" and flat.any()):
            raise FeatureError(
                f"features {listed(self._features(flat))} have no spread in the reference{self._of(self._keys(flat))}: "
                "leave them out with features=[...], widen the reference, or only center them with zero_scale='keep'."
            )

    def _lines(self) -> list[Line]:
        """Return a ledger line for each feature without spread in some group."""
        kept = ": centered only" if self.zero_scale == "keep" else ""
        flat = {
            name: [key for key, scale in zip(self.keys, scales, strict=True) if scale == 0]
            for name, scales in zip(self.features, self.scale.T, strict=True)
        }
        return [
            line
            for name, keys in flat.items()
            if keys
            for line in lines("normalize", "feature", [name], f"no spread in the reference{self._of(keys)}{kept}")
        ]

    def _features(self, found: NDArray[np.bool_]) -> list[str]:
        return [name for name, hits in zip(self.features, found.T, strict=True) if hits.any()]

    def _keys(self, found: NDArray[np.bool_]) -> list[Key]:
        return [key for key, hits in zip(self.keys, found, strict=True) if hits.any()]

    def _of(self, keys: Sequence[Key] | Mapping[Key, Any]) -> str:
        """Return " of Metadata_Plate 'P1', 'P2'", or nothing where all rows are one group."""
        values = [key[0] if len(key) == 1 else key for key in keys]
        return f" of {', '.join(self.by)} {listed(values)}" if self.by else ""


def _groups(profiles: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.intp], list[Key]]:
    codes, table = groups(profiles, by)
    return codes, [tuple(values) for values in table.to_numpy(dtype=object)]


def _plain(value: object) -> object:
    """Return arrays and NumPy numbers as what JSON knows; what is left cannot be written."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise InputError(
        f"by: a group is called {value!r}, a {type(value).__name__}, which a saved fit cannot hold: "
        "turn the column into text first."
    )
