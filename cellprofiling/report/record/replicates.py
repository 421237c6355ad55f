"""Whether wells of one perturbation resemble each other more than wells of any: the similarities and their null."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import is_metadata, require
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.report.record.sources import Sources

DRAWS = 1000  # groups of wells that hold nothing in common


@dataclass(frozen=True)
class Replicates:
    """Mean similarities of the wells of each perturbation, and of as many treated wells that share none."""

    observed: Doubles
    null: Doubles
    limit: float

    @property
    def share(self) -> float:
        """The share of perturbations above 95 % of the null."""
        return float((self.observed > self.limit).mean())


def replicate_similarity(sources: Sources, controls: Mask | None) -> Replicates | None:
    """Return the mean cosine between wells of one perturbation, or None where none has two treated wells.

    The mean over pairs follows from the length of the sum of the unit vectors, so pairs are never listed. A group of
    the null has as many wells as some perturbation, drawn from different perturbations without replacement; where there
    are fewer perturbations than that it has one of each, which only widens the null.
    """
    profiles = sources.profiles
    if profiles is None or not sources.names:
        return None
    names = require(profiles, sources.names, "profiles")
    treated = np.ones(len(profiles), dtype=bool) if controls is None else ~controls
    codes = np.full(len(profiles), -1)
    codes[treated] = profiles.loc[treated, names].groupby(names, sort=True, dropna=False).ngroup()
    units = _units(profiles)
    codes[~np.isfinite(units[:, 0])] = -1
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    groups = np.flatnonzero(sizes >= 2)
    if not len(groups):
        return None
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(sizes) + 1))
    observed = np.array([_mean_cosine(units[order[starts[group] : starts[group + 1]]]) for group in groups])
    null = _null(units, codes, sizes[groups])
    return Replicates(observed, null, float(np.quantile(null, 0.95))) if len(null) else None


def _units(profiles: pd.DataFrame) -> NDArray[np.float32]:
    columns = [name for name in profiles.columns if not is_metadata(name)]
    x = np.empty((len(profiles), max(len(columns), 1)), dtype=np.float32)
    x[:] = np.nan
    for place, name in enumerate(columns):
        x[:, place] = profiles[name].to_numpy(dtype=np.float32, na_value=np.nan)
    x[~np.isfinite(x).all(axis=1)] = np.nan
    length = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(x, length, out=x)


def _mean_cosine(units: NDArray[np.float32]) -> float:
    n = len(units)
    total = units.sum(axis=0, dtype=np.float64)
    return float((total @ total - n) / (n * (n - 1)))


def _null(units: NDArray[np.float32], codes: Indices, sizes: Indices) -> Doubles:
    """Return similarities of groups of treated wells that each come from another perturbation."""
    wells = np.flatnonzero(codes >= 0)
    rng = np.random.default_rng(0)
    found = []
    distinct = len(np.unique(codes[wells]))
    for size in np.minimum(rng.choice(np.sort(sizes), DRAWS), distinct):
        chosen = rng.choice(wells, min(2 * int(size) + 8, len(wells)), replace=False)
        _, first = np.unique(codes[chosen], return_index=True)
        if len(first) >= size:
            found.append(_mean_cosine(units[chosen[np.sort(first)[:size]]]))
    return np.array(found)
