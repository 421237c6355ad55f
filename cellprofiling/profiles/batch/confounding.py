"""Which perturbations link which batches: where none does, a batch effect cannot be told from what perturbations do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cellprofiling.core.columns import By, Reference, groups, matches, require
from cellprofiling.core.errors import InputError
from cellprofiling.profiles.fits import Key, group_keys


@dataclass(frozen=True)
class BatchGraph:
    """Batches and perturbations, an edge where a batch holds a well of a perturbation.

    Attributes
    ----------
    batch, by : the columns that name batches and perturbations.
    n_batches, n_perturbations : how many there are, controls not counted.
    n_shared : perturbations in two or more batches.
    islands : the batches, grouped by which are linked by perturbations, directly or through other batches.
    """

    batch: Sequence[str]
    by: Sequence[str]
    n_batches: int
    n_perturbations: int
    n_shared: int
    islands: Sequence[Sequence[Key]]

    @property
    def connected(self) -> bool:
        """Whether all batches are linked."""
        return len(self.islands) == 1

    @property
    def share(self) -> float:
        """Share of perturbations in two or more batches."""
        return self.n_shared / self.n_perturbations if self.n_perturbations else 0.0

    def sentence(self) -> str:
        """Return in words how much the batches have in common."""
        by, batch = ", ".join(self.by), ", ".join(self.batch)
        if self.n_shared == 0:
            return f"none of {self.n_perturbations} values of {by} is in two of {self.n_batches} values of {batch}"
        linked = "" if self.connected else f", which leaves {len(self.islands)} sets of batches without a link"
        return (
            f"{self.n_shared} of {self.n_perturbations} values of {by} are in two or more of {self.n_batches} values "
            f"of {batch}{linked}"
        )


def batch_graph(profiles: pd.DataFrame, *, batch: By, by: By, reference: Reference = None) -> BatchGraph:
    """
    Return how the batches are linked by the perturbations they share.

    Parameters
    ----------
    profiles : a table of wells.
    batch, by : metadata columns that name batches, and perturbations.
    reference : control rows, which count as no perturbation: in a split library they are all that batches share.
    """
    names, labels = require(profiles, batch, "batch"), require(profiles, by, "by")
    if not names or not labels:
        raise InputError(f"batch={batch!r}, by={by!r}: name the columns of both, batches and perturbations.")
    batches, keys = group_keys(profiles, names)
    treated = np.ones(len(profiles), dtype=bool) if reference is None else ~matches(profiles, reference)
    codes, perturbations = groups(profiles[treated], labels)
    pairs = np.unique(np.column_stack([batches[treated], codes]), axis=0).reshape(-1, 2)
    n_batches, n_perturbations = len(keys), len(perturbations) if treated.any() else 0
    n_in = np.bincount(pairs[:, 1], minlength=n_perturbations)
    edges = (np.ones(len(pairs)), (pairs[:, 0], n_batches + pairs[:, 1]))
    size = n_batches + n_perturbations
    islands = connected_components(coo_array(edges, shape=(size, size)), directed=False)[1][:n_batches]
    return BatchGraph(
        batch=names,
        by=labels,
        n_batches=n_batches,
        n_perturbations=n_perturbations,
        n_shared=int((n_in > 1).sum()),
        islands=[[key for key, at in zip(keys, islands, strict=True) if at == island] for island in np.unique(islands)],
    )


def shared_rows(profiles: pd.DataFrame, *, batch: Sequence[str], by: Sequence[str]) -> np.ndarray:
    """Return the mask of the rows whose perturbation is in every batch."""
    batches, keys = group_keys(profiles, batch)
    codes, _ = groups(profiles, by)
    n_in = np.bincount(np.unique(np.column_stack([batches, codes]), axis=0)[:, 1])
    return (n_in == len(keys))[codes]
