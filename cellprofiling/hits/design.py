"""Who is compared with whom: perturbations, control wells and the plates they share."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import ReferenceRowsError, listed
from cellprofiling.core.frame import By, Reference, groups, rows, split
from cellprofiling.core.ledgers import KEY
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order

FEWEST_CONTROLS = 2  # one control has no spread, and is its own mean


@dataclass(frozen=True)
class Design:
    """A screen in arrays, one entry per well.

    Attributes
    ----------
    x : profiles as given, missing values set to the median of their plate; float64, shape (n_wells, n_features).
    features : names of the columns of `x`.
    is_control : which wells are controls.
    plate : number of the plate of each well.
    group : number of the perturbation of each well, -1 for controls.
    keys : the `by` columns, one row per perturbation.
    by : names of those columns.
    was_whitened : whether the ledger says that the profiles were whitened on few reference rows.
    """

    x: NDArray[np.float64]
    features: tuple[str, ...]
    is_control: NDArray[np.bool_]
    plate: NDArray[np.intp]
    group: NDArray[np.intp]
    keys: pd.DataFrame
    by: tuple[str, ...]
    was_whitened: bool = False

    @cached_property
    def unit(self) -> NDArray[np.float64]:
        """The profiles as unit vectors; one of length zero stays zero."""
        return direction(self.x)

    def taken(self, order: NDArray[np.intp]) -> "Design":
        """Return the design with its wells in another order."""
        return replace(
            self,
            x=self.x[order],
            is_control=self.is_control[order],
            plate=self.plate[order],
            group=self.group[order],
        )

    def without(self, dead: NDArray[np.bool_]) -> "Design":
        """Return the design in which some wells are neither controls nor of any perturbation."""
        if not dead.any():
            return self
        is_control, group = self.is_control & ~dead, np.where(dead, -1, self.group)
        names = pd.Series([f"number {plate}" for plate in range(self.plate.max() + 1)])
        _refuse_bare_plates(self.plate[group >= 0], self.plate[is_control], names, "valid control wells")
        return replace(self, is_control=is_control, group=group)

    def wells_of(self, group: int) -> NDArray[np.intp]:
        """Return the wells of one perturbation."""
        return np.flatnonzero(self.group == group)

    def wells_of_all(self) -> list[NDArray[np.intp]]:
        """Return the wells of each perturbation, in the order of `keys`."""
        order = np.argsort(self.group, kind="stable")
        ends = np.searchsorted(self.group[order], np.arange(len(self.keys) + 1))
        return [order[first:last] for first, last in pairwise(ends)]


@dataclass(frozen=True)
class Pool:
    """The wells of one test, plate after plate, in an order that does not depend on the order of rows.

    Attributes
    ----------
    wells : row numbers; in each plate the treated wells come first, then the controls.
    n_treated, n_control : how many of each, per plate.
    """

    wells: NDArray[np.intp]
    n_treated: NDArray[np.intp]
    n_control: NDArray[np.intp]

    @property
    def treated(self) -> NDArray[np.intp]:
        """The treated wells, as positions in `wells`."""
        sizes = self.n_treated + self.n_control
        first = np.cumsum(sizes) - sizes
        return np.concatenate([np.arange(f, f + n) for f, n in zip(first, self.n_treated, strict=True)])

    @property
    def block(self) -> NDArray[np.intp]:
        """The number of the plate of each well."""
        return np.repeat(np.arange(len(self.n_treated)), self.n_treated + self.n_control)


@dataclass(frozen=True)
class Layout:
    """Which wells are controls, which plate and which perturbation each well belongs to, and the `by` columns."""

    is_control: NDArray[np.bool_]
    plate: NDArray[np.intp]
    group: NDArray[np.intp]
    keys: pd.DataFrame


def read_layout(profiles: pd.DataFrame, by: By, reference: Reference, plate: str | None) -> Layout:
    """Return who is compared with whom; a plate whose controls cannot be compared with is an error."""
    is_control = rows(profiles, reference)
    plates, plate_keys = groups(profiles, plate, "plate")
    names = pd.Series(["all"]) if plate is None else plate_keys[plate]
    _refuse_bare_plates(plates[~is_control], plates[is_control], names)
    codes, keys = groups(profiles[~is_control], by)
    group = np.full(len(profiles), -1, dtype=np.intp)
    group[~is_control] = codes
    return Layout(is_control, plates, group, keys)


def read_design(profiles: pd.DataFrame, by: By, reference: Reference, plate: str | None) -> Design:
    """Take a table of wells apart into a design; missing values become the median of their plate."""
    layout = read_layout(profiles, by, reference, plate)
    table = split(profiles)
    x = fill_with_median(table.x, layout.plate)
    was_whitened = any(line["step"] == "whiten" and line["item"] == "reference" for line in profiles.attrs.get(KEY, ()))
    return Design(
        x,
        table.features,
        layout.is_control,
        layout.plate,
        layout.group,
        layout.keys,
        tuple(layout.keys.columns),
        was_whitened,
    )


def read_pool(design: Design, treated: NDArray[np.intp], controls: NDArray[np.intp], rank: NDArray[np.intp]) -> Pool:
    """Return the pool of treated wells and of the controls on their plates, in canonical order.

    Parameters
    ----------
    rank : the place of each well in an order by content (see `content_rank`).
    """
    blocks = []
    for plate in np.unique(design.plate[treated]):
        chosen = treated[design.plate[treated] == plate]
        beside = controls[design.plate[controls] == plate]
        blocks.append((len(chosen), len(beside), chosen[np.argsort(rank[chosen])], beside[np.argsort(rank[beside])]))
    blocks.sort(key=lambda block: (block[0], block[1], rank[block[2][0]]))
    return Pool(
        wells=np.concatenate([np.concatenate(block[2:]) for block in blocks]),
        n_treated=np.array([block[0] for block in blocks], dtype=np.intp),
        n_control=np.array([block[1] for block in blocks], dtype=np.intp),
    )


def content_rank(x: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rank of each row in an order by content, that the order of rows and names cannot change."""
    order = content_order(x)
    rank = np.empty(len(x), dtype=np.intp)
    rank[order] = np.arange(len(x))
    return rank


def alike(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows hold one value only, all zero for example; a single feature tells nothing about that."""
    if x.shape[1] < 2:
        return np.zeros(len(x), dtype=bool)
    return np.all(x == x[:, :1], axis=1)


def _refuse_bare_plates(
    treated: NDArray[np.intp], control: NDArray[np.intp], names: pd.Series, what: str = "control wells"
) -> None:
    """Refuse plates with treated wells and fewer controls than a comparison needs."""
    counts = np.bincount(control, minlength=len(names))
    bare = [plate for plate in np.unique(treated) if counts[plate] < FEWEST_CONTROLS]
    if bare:
        raise ReferenceRowsError(
            f"reference: plates {listed(str(names[plate]) for plate in bare)} have fewer than {FEWEST_CONTROLS} {what} "
            f"({listed(int(counts[plate]) for plate in bare)}); a well is compared with the controls of "
            "its own plate: leave these plates out or widen the reference."
        )
