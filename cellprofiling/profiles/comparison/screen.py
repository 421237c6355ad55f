"""What a comparison of corrections knows of the rows, whatever is done to their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.core.columns import WELL, By, Reference, groups, is_there, require, rows
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.core.frame import Table, complete, split
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import means
from cellprofiling.profiles.fits import group_keys

FEWEST = 2  # controls in a batch, to have a spread
NONE = -1  # the number of what a row has not


@dataclass(frozen=True)
class Screen:
    """Rows of a screen in an order by content; groups are numbered as they appear in it, so names decide nothing.

    Attributes
    ----------
    order : the row of the table that stands at each place.
    control : which rows are controls.
    batch, plate : of each row.
    label : perturbation of each row, -1 for controls.
    position : well of each row, or None where that is not known.
    mechanism : of each perturbation, -1 where unknown.
    n_labels, n_batches : how many perturbations and batches there are.
    columns : names of the batch, by, and plate columns, for messages.
    """

    order: Indices
    control: Mask
    batch: Indices
    plate: Indices
    label: Indices
    position: Indices | None
    mechanism: Indices
    n_labels: int
    n_batches: int
    columns: dict[str, list[str]]

    @property
    def controls(self) -> Indices:
        """The places of the controls."""
        return np.flatnonzero(self.control)

    def spread_over(self, codes: Indices) -> Indices:
        """Return in how many groups (of `codes`) each perturbation is."""
        treated = ~self.control
        pairs = np.unique(np.column_stack([self.label[treated], codes[treated]]), axis=0).reshape(-1, 2)
        return np.bincount(pairs[:, 0], minlength=self.n_labels)

    @property
    def fixed(self) -> float:
        """Share of the perturbations on several plates that have the same positions on all; NaN if none is there."""
        if self.position is None:
            return np.nan
        treated = ~self.control
        places = pd.DataFrame({"label": self.label, "plate": self.plate, "position": self.position})[treated]
        on_plate = places.drop_duplicates().groupby(["label", "plate"]).size().groupby("label").max()
        anywhere = places.groupby("label")["position"].nunique()
        several = self.spread_over(self.plate) > 1
        return float((anywhere == on_plate)[several].mean()) if several.any() else np.nan

    def by_label(self, values: Doubles) -> Doubles:
        """Return the mean over the wells of each perturbation, missing values left out."""
        known = (self.label >= 0) & ~np.isnan(values)
        n = np.bincount(self.label[known], minlength=self.n_labels)
        sums = np.bincount(self.label[known], weights=values[known], minlength=self.n_labels)
        return np.divide(sums, n, out=np.full(self.n_labels, np.nan), where=n > 0)

    def centers(self, x: Doubles) -> Doubles:
        """Return the mean profile of each perturbation."""
        sums = np.zeros((self.n_labels, x.shape[1]))
        treated = ~self.control
        np.add.at(sums, self.label[treated], x[treated])
        return sums / np.bincount(self.label[treated], minlength=self.n_labels)[:, None]


@dataclass(frozen=True)
class View:
    """The features of the rows of a screen under one correction, as distances from the mean of all controls.

    Attributes
    ----------
    x : shape (n_rows, n_features), rows in the order of the screen.
    features : names of the columns, sorted.
    origin : the mean of all controls.
    """

    x: Doubles
    features: Sequence[str]
    origin: Doubles


def find_screen(
    profiles: pd.DataFrame,
    table: Table,
    *,
    batch: By,
    by: By,
    reference: Reference,
    plate: By,
    well: str | None,
    label: str | None,
) -> Screen:
    """Return the screen, or say why corrections of it cannot be compared."""
    columns = {name: require(profiles, given, name) for name, given in (("batch", batch), ("by", by), ("plate", plate))}
    for name, found in columns.items():
        if not found:
            raise InputError(f"{name}=None: name the columns, such as {name}='Metadata_{name.title()}'.")
    if reference is None:
        raise InputError("reference=None: say which rows are controls, such as \"Metadata_Role == 'negcon'\".")
    control = rows(profiles, reference)
    if control.all():
        raise ReferenceRowsError("reference: matches all rows, so there is no perturbation to score.")
    order = content_order(table.x, np.argsort(np.array(table.features, dtype=object)))
    batches, keys = group_keys(profiles, columns["batch"], "batch")
    _refuse_batches(batches, keys, control, columns["batch"])
    labels = np.full(len(profiles), NONE)
    labels[~control] = groups(profiles[~control], columns["by"])[0]
    numbered = _appearing(labels[order])
    return Screen(
        order=order,
        control=control[order],
        batch=_appearing(batches[order]),
        plate=_appearing(groups(profiles, columns["plate"], "plate")[0][order]),
        label=numbered,
        position=_positions(profiles, well, order),
        mechanism=_mechanisms(profiles, label, order, numbered),
        n_labels=int(numbered.max()) + 1,
        n_batches=len(keys),
        columns=columns,
    )


def look(table: pd.DataFrame, features: Sequence[str] | None) -> Table:
    """Return the features of a table: those asked for if it has them, else (an embedding) all that it has."""
    there = None if features is None else [name for name in features if name in table.columns]
    return complete(split(table, there or None))


def view(table: Table, screen: Screen) -> View:
    """Return features in the order of the screen, columns by name, the mean of the controls at the origin."""
    names = np.array(table.features, dtype=object)
    by_name = np.argsort(names)
    x = np.asarray(table.x, dtype=np.float64)[np.ix_(screen.order, by_name)]
    origin = means(x[screen.control])
    x -= origin
    return View(x, names[by_name].tolist(), origin)


def _refuse_batches(codes: Indices, keys: Sequence[tuple], control: Mask, names: Sequence[str]) -> None:
    if len(keys) < 2:
        raise InputError(f"batch={', '.join(names)}: has one value, so there are no batches to correct.")
    n = np.bincount(codes[control], minlength=len(keys))
    bare = [key[0] if len(key) == 1 else key for key, count in zip(keys, n, strict=True) if count < FEWEST]
    if bare:
        raise ReferenceRowsError(
            f"reference: fewer than {FEWEST} controls in {', '.join(names)} {', '.join(map(str, bare))}; whether a "
            "correction is safe is seen on the controls of each batch: leave such batches out."
        )


def _appearing(codes: Indices) -> Indices:
    """Return groups numbered as they appear, -1 left as it is."""
    return pd.factorize(pd.Series(codes).where(codes >= 0))[0].astype(np.intp)


def _positions(profiles: pd.DataFrame, well: str | None, order: Indices) -> Indices | None:
    if well is None or not is_there(profiles, well, WELL, "well"):
        return None
    return pd.factorize(profiles[well].to_numpy(dtype=object)[order])[0].astype(np.intp)


def _mechanisms(profiles: pd.DataFrame, label: str | None, order: Indices, labels: Indices) -> Indices:
    """Return the mechanism of each perturbation: that of its first row which has one."""
    found = np.full(int(labels.max()) + 1, NONE)
    if label is None:
        return found
    require(profiles, label, "label")
    codes = pd.factorize(profiles[label].to_numpy(dtype=object)[order])[0]
    known = np.flatnonzero((labels >= 0) & (codes >= 0))[::-1]
    found[labels[known]] = codes[known]
    return found
