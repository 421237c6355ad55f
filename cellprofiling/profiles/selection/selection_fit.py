"""What a selection of features decided: which stay, and why the others do not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import FeatureError, listed
from cellprofiling.core.frame import Table, feature_columns, join, split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.views import Facts
from cellprofiling.profiles.fits import Fit

UNKNOWN = "unknown to the selection"


@dataclass(frozen=True, repr=False)
class Selection(Fit):
    """What `fit_selection` decided.

    Attributes
    ----------
    steps : name and options of each step, in order.
    kept : the features that stay.
    dropped : the step that dropped each other feature, and the reason in words.
    judged_all : whether all features were judged, or those named with ``features=[...]`` only.
    """

    steps: Sequence[Sequence[Any]]
    kept: Sequence[str]
    dropped: Mapping[str, str]
    judged_all: bool

    def facts(self) -> Facts:
        """Return how many features stay, and how many each step dropped."""
        stay = [("kept", f"{len(self.kept):,} of {len(self.kept) + len(self.dropped):,} features")]
        by_step = Counter(reason.split(":")[0] for reason in self.dropped.values())
        return [*stay, *((str(name), f"{by_step[str(name)]:,} dropped") for name, *_ in self.steps)]

    def apply(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """
        Return profiles with the features that were kept.

        Parameters
        ----------
        profiles : pandas.DataFrame
            A profile table, of this screen or another one, with at least the features that were kept.

        Returns
        -------
        pandas.DataFrame
            The table without other features; a line in the ledger for each of them.

        Raises
        ------
        FeatureError
            The table lacks a feature that was kept.
        """
        there = set(feature_columns(profiles))
        absent = [name for name in self.kept if name not in there]
        if absent:
            raise FeatureError(
                f"profiles: {len(absent)} of the {len(self.kept)} features that were kept are not in this table: "
                f"{listed(absent)}."
            )
        judged = None if self.judged_all else [*self.kept, *(name for name in self.dropped if name in there)]
        return self.applied(split(profiles, judged), profiles)

    def applied(self, table: Table, source: pd.DataFrame) -> pd.DataFrame:
        """Return the table that `source` was split into with the features that were kept."""
        wanted = set(self.kept)
        kept = np.array([name in wanted for name in table.features])
        gone = [name for name in table.features if name not in wanted]
        return join(table.keep(kept), source=source, new=[line for name in gone for line in self._line(name)])

    def _line(self, name: str) -> list[Line]:
        return lines("select_features", "feature", [name], self.dropped.get(name, UNKNOWN))
