"""What a batch correction learned: how the rows of each batch are moved and scaled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import InputError, listed
from cellprofiling.core.frame import Table, complete, join, split
from cellprofiling.core.ledgers import Line
from cellprofiling.core.views import Facts
from cellprofiling.kernels.batches.combat import Adjustment
from cellprofiling.profiles.batch.design import STEP
from cellprofiling.profiles.fits import Fit, Key, group_keys, group_words, key_names
from cellprofiling.profiles.remainder import without_remainder


@dataclass(frozen=True, repr=False)
class BatchFit(Fit):
    """What `fit_batch_correction` learned.

    Attributes
    ----------
    method, options, batch : as asked for.
    features : names of the features, in alphabetical order.
    keys : the values of the `batch` columns of each batch.
    center, gain : per batch, shape (n_batches, n_features); x becomes (x - center) * gain + target.
    target : shape (n_features,).
    notes : the ledger lines of the correction.
    """

    method: str
    options: Mapping[str, Any]
    batch: Sequence[str]
    features: Sequence[str]
    keys: Sequence[Key]
    center: np.ndarray
    gain: np.ndarray
    target: np.ndarray
    notes: Sequence[Line]

    def facts(self) -> Facts:
        """Return what was fitted, and on which batches."""
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return [
            ("method", f"{self.method}{options}"),
            ("batches", group_words(self.batch, self.keys)),
            ("features", f"{len(self.features):,}"),
            *((note["name"], note["reason"]) for note in self.notes),
        ]

    def apply(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """
        Return profiles with the batch effects that were learned taken out.

        Parameters
        ----------
        profiles : pandas.DataFrame
            A profile table with the features of the fit, and rows of its batches only: what a batch does is not known
            before it is fitted.

        Returns
        -------
        pandas.DataFrame
            The table corrected.
        """
        return self.applied(complete(split(profiles, _as_they_lie(profiles, self.features))), profiles)

    def applied(self, table: Table, profiles: pd.DataFrame, used: Sequence[str] = ()) -> pd.DataFrame:
        """Return what `apply` does, from profiles already taken apart, whose values are written over.

        The columns `used` stay beside the batch.
        """
        codes, keys = group_keys(profiles, self.batch, "batch")
        unknown = [key for key in keys if key not in self.keys]
        if unknown:
            raise InputError(
                f"batch={listed(self.batch)}: {key_names(unknown)} not among the batches of the fit, which are "
                f"{key_names(self.keys)}: fit again with all of them."
            )
        place = np.array([self.keys.index(key) for key in keys])[codes]
        column = np.argsort(np.argsort(np.array(table.features, dtype=object)))  # of each, among those of the fit
        adjustment = Adjustment(self.center[:, column], self.gain[:, column], self.target[column])
        own: Any = table.x if table.x.dtype == np.float64 else None
        alone, left = without_remainder(table, STEP, [*self.batch, *used])
        moved = alone.with_x(adjustment.apply(table.x, place, out=own))
        return join(moved, source=profiles, new=[*left, *self.notes])


def _as_they_lie(profiles: pd.DataFrame, features: Sequence[str]) -> list[str]:
    """Return the features of a fit as they lie in the table; one that is missing comes last, for `split` to name."""
    known = set(features)
    names = [name for name in profiles.columns if name in known]
    return names + sorted(known - set(names))
