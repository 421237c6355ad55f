"""Where wells lie on their plates, and the layouts from which a position effect cannot be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.account.formats import PlateFormat, plate_format_of
from cellprofiling.core.columns import By, groups, require
from cellprofiling.core.errors import FeatureError, InputError, PlateLayoutError, listed
from cellprofiling.core.plates import LETTERS, parse_wells, plate_shape, well_name
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask

FEWEST_WELLS, FEWEST_LINES = 16, 4  # wells, and rows and columns they lie in, for a surface of seven coefficients
FEWEST_VALUES = 8  # values of a feature, likewise
FEWEST_IN_LINE = 4  # wells of a row or column whose median is taken out: a lone well would be its own median
MOST_ALIKE = 0.5  # share of a row or column that one perturbation may hold before its median is that perturbation's


@dataclass(frozen=True)
class Layout:
    """Wells on plates, one entry per row of the table.

    Attributes
    ----------
    row, column : from 0.
    edge : whether the well lies on the edge of its plate.
    format : how many wells a plate has, and what says so.
    plate, pool : group numbers; the plates of one pool are fitted together. Without pools each plate is one.
    names, pool_names : names of the plates, and of the pools, for messages.
    fit : which wells position effects are measured on.
    perturbation : number of the perturbation of each well, or None where it was not said.
    """

    row: Indices
    column: Indices
    edge: Mask
    format: PlateFormat
    plate: Indices
    pool: Indices
    names: Sequence[str]
    pool_names: Sequence[str]
    fit: Mask
    perturbation: Indices | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a plate."""
        return plate_shape(self.format.n_wells or 0)

    @property
    def places(self) -> Doubles:
        """Row and column, shape (n_wells, 2)."""
        return np.column_stack([self.row, self.column]).astype(np.float64)

    @property
    def well(self) -> Indices:
        """One number for each position, row by row."""
        return self.row * self.shape[1] + self.column

    def plates(self) -> Iterator[tuple[str, Indices]]:
        """Give the name and the rows of each plate."""
        yield from _members(self.plate, self.names)

    def pools(self) -> Iterator[tuple[str, Indices]]:
        """Give the name and the rows of each pool."""
        yield from _members(self.pool, self.pool_names)


def find_layout(
    profiles: pd.DataFrame,
    by: By,
    well: str,
    fit: Mask,
    pool_by: By,
    perturbation: By,
    plate_format: int | None = None,
) -> Layout:
    """Return where the wells of a table lie."""
    column = require(profiles, well, "well")[0]
    wells = parse_wells(profiles[column], f"{column}: well")
    plates = plate_format_of(profiles[column], given=plate_format)
    plate, keys = groups(profiles, by)
    pool, pool_keys = (plate, keys) if pool_by is None else groups(profiles, pool_by, "pool_by")
    named = None if perturbation is None else groups(profiles, perturbation, "perturbation")[0]
    return Layout(
        row=wells.row,
        column=wells.column,
        edge=wells.edge_distance(plates.n_wells) == 0,
        format=plates,
        plate=plate,
        pool=pool,
        names=_names(keys, "the table"),
        pool_names=_names(pool_keys, "the table"),
        fit=fit,
        perturbation=named,
    )


def refuse_confined(layout: Layout, method: str) -> None:
    """Refuse plates, or pools of plates, whose fitted wells are too few or lie in too few rows or columns."""
    for name, wells in layout.pools():
        fitted = wells[layout.fit[wells]]
        n_rows, n_columns = len(np.unique(layout.row[fitted])), len(np.unique(layout.column[fitted]))
        if len(fitted) < FEWEST_WELLS or min(n_rows, n_columns) < FEWEST_LINES:
            raise PlateLayoutError(
                f"method={method!r}: the {len(fitted)} reference wells of {name} lie in {n_rows} rows and {n_columns} "
                f"columns; at least {FEWEST_WELLS} wells in {FEWEST_LINES} rows and {FEWEST_LINES} columns are needed "
                f"to tell position from anything else. {_what_would_do(layout)}"
            )


def refuse_empty_features(x: Floats, layout: Layout, features: Sequence[str], method: str) -> None:
    """Refuse features with too few values among the fitted wells of a pool."""
    for name, wells in layout.pools():
        n_values = (~np.isnan(x[wells[layout.fit[wells]]])).sum(axis=0)
        if (n_values < FEWEST_VALUES).any():
            few = [name for name, n in zip(features, n_values, strict=True) if n < FEWEST_VALUES]
            raise FeatureError(
                f"features {listed(few)} have {n_values.min()} values in the reference wells of {name}, and "
                f"{method!r} needs {FEWEST_VALUES}: drop them with "
                "select_features(profiles, {'missing': {'cutoff': 0}}), or leave them out with features=[...]."
            )


def refuse_thin_lines(layout: Layout, method: str) -> None:
    """Refuse plates with rows or columns that hold too few fitted wells to have a median of their own."""
    for name, wells in layout.plates():
        fitted = wells[layout.fit[wells]]
        for kind, at in (("row", layout.row), ("column", layout.column)):
            found = {line: int((at[fitted] == line).sum()) for line in np.unique(at[wells])}
            thin = {line: n for line, n in found.items() if n < FEWEST_IN_LINE}
            if thin:
                line, n = next(iter(thin.items()))
                raise PlateLayoutError(
                    f"method={method!r}: {kind} {_line(kind, line)} of {name} has {n} wells to take a median of (such "
                    f"{kind}s: {len(thin)} of {len(found)}), and {FEWEST_IN_LINE} are needed, for a well alone is its "
                    "own median: leave those wells out, or choose 'control_surface' or 'loess'."
                )


def refuse_doubled(layout: Layout, method: str) -> None:
    """Refuse plates that have several rows of the table for one well."""
    for name, wells in layout.plates():
        positions, counts = np.unique(layout.well[wells], return_counts=True)
        if (counts > 1).any():
            doubled = [well_name(*divmod(int(p), layout.shape[1])) for p in positions[counts > 1]]
            raise PlateLayoutError(
                f"method={method!r}: wells {listed(doubled)} of {name} have several rows, and a plate grid has one "
                "place for each: aggregate them first, or name all columns that make a plate in `by`."
            )


def refuse_lines_of_one(layout: Layout, method: str) -> None:
    """Refuse plates on which one perturbation holds most of a row or a column."""
    if layout.perturbation is None:
        return
    for name, wells in layout.plates():
        fitted = wells[layout.fit[wells]]
        for kind, at in (("row", layout.row), ("column", layout.column)):
            for line in np.unique(at[fitted]):
                inside = layout.perturbation[fitted[at[fitted] == line]]
                most = int(np.bincount(inside).max())
                if most > MOST_ALIKE * len(inside):
                    raise PlateLayoutError(
                        f"method={method!r}: one perturbation holds {most} of the {len(inside)} wells in {kind} "
                        f"{_line(kind, line)} of {name}, so its effect would be taken for that of the {kind}; at most "
                        f"{MOST_ALIKE:.0%} may be alike: leave them out of the fit with reference=..., or choose "
                        "'control_surface'."
                    )


def refuse_fixed(layout: Layout, limit: float) -> None:
    """Refuse a layout in which most perturbations are seen in one position only."""
    if layout.perturbation is None:
        raise InputError(
            "perturbation=None: 'well_mean' takes away what wells of one position share, which is the treatment where "
            "each treatment has its own position; name the columns that say what a well got, such as "
            "perturbation='Metadata_Compound', so that this can be checked."
        )
    for name, wells in layout.pools():
        pairs = pd.DataFrame({"perturbation": layout.perturbation[wells], "well": layout.well[wells]})
        seen = pairs.groupby("perturbation")["well"].agg(["size", "nunique"])
        repeated = seen[seen["size"] > 1]
        fixed = int((repeated["nunique"] == 1).sum())
        if len(repeated) and fixed > limit * len(repeated):
            raise PlateLayoutError(
                f"method='well_mean': {fixed} of {len(repeated)} perturbations of {name} ({fixed / len(repeated):.0%}) "
                f"lie in one position on all plates, and at most {limit:.0%} may: the mean of a position would be "
                "their effect. Choose 'control_surface', which is fitted on controls only."
            )


def _what_would_do(layout: Layout) -> str:
    fitted = layout.fit
    n_rows, n_columns = len(np.unique(layout.row[fitted])), len(np.unique(layout.column[fitted]))
    if len(layout.names) > 1 and fitted.sum() >= FEWEST_WELLS and min(n_rows, n_columns) >= FEWEST_LINES:
        return (
            f"Those of all {len(layout.names)} plates together lie in {n_rows} rows and {n_columns} columns: fit one "
            "surface for the plates of a batch with pool_by='Metadata_Batch'."
        )
    return (
        "Take more wells as reference, or, if most wells are inactive, choose 'median_polish' or 'loess' with "
        "reference=None."
    )


def _members(codes: Indices, names: Sequence[str]) -> Iterator[tuple[str, Indices]]:
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for i, name in enumerate(names):
        yield name, order[starts[i] : starts[i + 1]]


def _names(keys: pd.DataFrame, alone: str) -> list[str]:
    columns = ", ".join(map(str, keys.columns))
    values: list[Any] = [row[0] if len(row) == 1 else tuple(row) for row in keys.to_numpy(dtype=object).tolist() if row]
    return [f"{columns} {value!r}" for value in values] or [alone]


def _line(kind: str, number: int) -> str:
    return LETTERS[number] if kind == "row" else str(number + 1)
