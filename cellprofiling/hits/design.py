"""Who is compared with whom: perturbations, control wells and the plates they share."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from cellprofiling.core.account.strata import strata_of
from cellprofiling.core.account.units import refuse_shared_wells
from cellprofiling.core.columns import groups, rows
from cellprofiling.core.errors import ReferenceRowsError, listed
from cellprofiling.core.frame import Table, split
from cellprofiling.core.ledgers import KEY, Line, lines
from cellprofiling.core.question import Question
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order

Features = Sequence[str] | None
FEWEST_CONTROLS = 2  # one control has no spread, and is its own mean


@dataclass(frozen=True)
class Layout:
    """Who is compared with whom, one entry per well.

    Attributes
    ----------
    is_control : which wells are controls.
    plate : number of the block of each well: its plate, and its stratum where the question names one.
    group : number of the perturbation of each well, -1 for controls.
    keys : what names a perturbation, one row each.
    plates : what blocks are called, by number.
    notes : what to know of cell lines, time points and the like that the question does not name, in sentences.
    """

    is_control: Mask
    plate: Indices
    group: Indices
    keys: pd.DataFrame
    plates: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def lines(self, step: str) -> list[Line]:
        """Return the notes as lines of the ledger."""
        return [line for note in self.notes for line in lines(step, "stratum", ["all"], note)]


@dataclass(frozen=True)
class Design(Layout):
    """A screen in arrays, one entry per well.

    Attributes
    ----------
    x : profiles as given, missing values set to the median of their block; float64, shape (n_wells, n_features).
    features : names of the columns of `x`.
    was_whitened : whether the ledger says that the profiles were whitened on few reference rows.
    """

    x: Doubles = field(default_factory=lambda: np.empty((0, 0)))
    features: tuple[str, ...] = ()
    was_whitened: bool = False

    @cached_property
    def unit(self) -> Doubles:
        """The profiles as unit vectors; one of length zero stays zero."""
        return direction(self.x)

    @cached_property
    def rank(self) -> Indices:
        """The place of each well in an order by content, that the order of rows and names cannot change."""
        return content_rank(self.x)

    def taken(self, rows: Indices) -> "Design":
        """Return the design of some wells, in the order given; perturbations and plates keep their numbers."""
        return replace(
            self, x=self.x[rows], is_control=self.is_control[rows], plate=self.plate[rows], group=self.group[rows]
        )

    def with_features(self, columns: Indices) -> "Design":
        """Return the design with some of its features."""
        return replace(self, x=self.x[:, columns], features=tuple(self.features[column] for column in columns))

    def without(self, dead: Mask) -> "Design":
        """Return the design in which some wells are neither controls nor of any perturbation."""
        if not dead.any():
            return self
        is_control, group = self.is_control & ~dead, np.where(dead, -1, self.group)
        _refuse_bare_plates(self.plate[group >= 0], self.plate[is_control], self.plates, "valid control wells")
        return replace(self, is_control=is_control, group=group)

    def wells_of(self, group: int) -> Indices:
        """Return the wells of one perturbation."""
        return np.flatnonzero(self.group == group)

    def wells_of_all(self) -> list[Indices]:
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

    wells: Indices
    n_treated: Indices
    n_control: Indices

    @property
    def treated(self) -> Indices:
        """The treated wells, as positions in `wells`."""
        sizes = self.n_treated + self.n_control
        first = np.cumsum(sizes) - sizes
        return np.concatenate([np.arange(f, f + n) for f, n in zip(first, self.n_treated, strict=True)])

    @property
    def block(self) -> Indices:
        """The number of the plate of each well."""
        return np.repeat(np.arange(len(self.n_treated)), self.n_treated + self.n_control)


def find_layout(profiles: pd.DataFrame, question: Question) -> Layout:
    """Return who is compared with whom.

    A plate whose controls cannot be compared with is an error, and so are rows that share plate and well, and strata
    that the question does not name and whose controls differ beyond chance.
    """
    is_control = rows(profiles, question.reference)
    well = question.well if question.well in profiles else None
    refuse_shared_wells(profiles, plate=question.plate, well=well, within=question.within)
    notes = _unnamed_strata(profiles, question, is_control)
    for argument, columns in (("plate", question.plate), ("within", question.within)):
        groups(profiles, columns, argument)  # a missing value is of the column that the user named
    plate, plate_keys = groups(profiles, question.block, "plate")
    plates = tuple(", ".join(map(str, names)) or "all" for names in plate_keys.itertuples(index=False))
    _refuse_bare_plates(plate[~is_control], plate[is_control], plates)
    codes, keys = _perturbations(profiles[~is_control], question)
    group = np.full(len(profiles), -1, dtype=np.intp)
    group[~is_control] = codes
    return Layout(is_control, plate, group, keys, plates, notes)


def _perturbations(treated: pd.DataFrame, question: Question) -> tuple[Indices, pd.DataFrame]:
    """Return the number of the perturbation of each treated well, and their keys; wells without a dose come last."""
    dose = question.dose
    if dose is None or not treated[dose].isna().any():
        return groups(treated, question.keys)
    codes, keys = groups(treated.assign(**{dose: treated[dose].fillna(np.inf)}), question.keys)
    return codes, keys.assign(**{dose: keys[dose].replace(np.inf, np.nan)})


def _unnamed_strata(profiles: pd.DataFrame, question: Question, is_control: Mask) -> tuple[str, ...]:
    """Return what to know of strata that the question does not name; refuse those whose controls differ."""
    if question.says_within:
        return ()
    strata = strata_of(profiles, question.plate, by=question.keys, controls=is_control)
    for stratum in strata:
        if stratum.level == "well" and stratum.differs:
            raise ReferenceRowsError(f"within: {stratum.sentence}")
    return tuple(stratum.sentence for stratum in strata)


def find_design(profiles: pd.DataFrame, question: Question, features: Features = None) -> Design:
    """Take a table of wells apart into a design; missing values become the median of their block.

    Features stand in the order of their names: that of the columns of a file then changes no sum and no random draw.
    """
    layout = find_layout(profiles, question)
    table = by_name(split(profiles, features))
    was_whitened = any(line["step"] == "whiten" and line["item"] == "reference" for line in profiles.attrs.get(KEY, ()))
    return Design(
        **vars(layout), x=fill_with_median(table.x, layout.plate), features=table.features, was_whitened=was_whitened
    )


def by_name(table: Table) -> Table:
    """Return the table with its features in the order of their names."""
    order = np.argsort(np.array(table.features, dtype=str), kind="stable")
    names = tuple(table.features[column] for column in order)
    return table if names == table.features else replace(table, x=np.take(table.x, order, axis=1), features=names)


def pool_of(design: Design, treated: Indices, controls: Indices, rank: Indices) -> Pool:
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


def content_rank(x: Doubles) -> Indices:
    """Return the rank of each row in an order by content, that the order of rows and names cannot change."""
    order = content_order(x)
    rank = np.empty(len(x), dtype=np.intp)
    rank[order] = np.arange(len(x))
    return rank


def alike(x: Doubles) -> Mask:
    """Return which rows hold one value only, all zero for example; a single feature tells nothing about that."""
    if x.shape[1] < 2:
        return np.zeros(len(x), dtype=bool)
    return np.all(x == x[:, :1], axis=1)


def _refuse_bare_plates(treated: Indices, control: Indices, plates: Sequence[str], what: str = "control wells") -> None:
    """Refuse plates with treated wells and fewer controls than a comparison needs."""
    counts = np.bincount(control, minlength=len(plates))
    bare = [plate for plate in np.unique(treated) if counts[plate] < FEWEST_CONTROLS]
    if bare:
        raise ReferenceRowsError(
            f"reference: plates {listed(plates[plate] for plate in bare)} have fewer than {FEWEST_CONTROLS} {what} "
            f"({listed(int(counts[plate]) for plate in bare)}); a well is compared with the controls of "
            "its own plate: leave these plates out or widen the reference."
        )
