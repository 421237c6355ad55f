"""Cell lines, time points, donors: what a well and its controls may differ in, and whether it matters."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core.account.roles import Column, Named, as_numbers, columns_of
from cellprofiling.core.account.spelling import canonical_codes
from cellprofiling.core.account.vocabulary import FEATURE, STRATUM, TIME
from cellprofiling.core.columns import By
from cellprofiling.core.errors import listed
from cellprofiling.kernels.arrays import Doubles, Mask

LEVEL = 0.01  # controls of strata that differ with a p-value of at most this differ beyond chance
PERMUTATIONS = 999
MOST_FEATURES = 256  # evenly spaced in the order of their names: a cell line moves most features
FEWEST = 2  # control wells of a stratum on a plate; one says nothing of its spread


class Stratum(NamedTuple):
    """A column in which a well and its controls may differ.

    Attributes
    ----------
    column : its name.
    values : what it holds, sorted.
    level : "well" if some plate holds several of the values, "plate" otherwise.
    p_value : that the controls of different strata on one plate are alike; missing without such controls.
    """

    column: Any
    values: tuple[str, ...]
    level: str
    p_value: float

    @property
    def differs(self) -> bool:
        """Whether the controls of the strata differ beyond chance."""
        return self.p_value <= LEVEL

    @property
    def sentence(self) -> str:
        """What to know and what to do, where `within` does not name the column."""
        holds = f"{self.column!r} holds {listed(self.values, limit=4)}"
        remedy = f"say within={self.column!r}, or within=[] to compare wells with all controls of their plate"
        if self.level == "plate":
            return (
                f"{holds}, each on plates of its own: wells of one perturbation on plates of different "
                f"{self.column!r} are no replicates; name it in by= or within=."
            )
        if self.differs:
            return (
                f"{holds} on one plate, and their controls differ beyond chance (p = {self.p_value:.2g}, whole control "
                f"wells permuted inside plates): {remedy}."
            )
        tested = "were not compared"
        if not np.isnan(self.p_value):
            tested = f"do not differ beyond chance (p = {self.p_value:.2g})"
        return f"{holds} on one plate; their controls {tested}: {remedy}."


def strata_of(
    profiles: pd.DataFrame,
    plate: str | None = None,
    within: By = None,
    *,
    by: By = None,
    controls: Mask | None = None,
    columns: Sequence[Column] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> list[Stratum]:
    """Return the columns of strata and time points that `within` and `by` do not name, and whether controls differ.

    Parameters
    ----------
    plate : the column that names plates; None takes the table for one plate.
    within, by : columns that are named already; both may be None.
    controls : which rows are controls; None compares nothing.
    columns : the account of the columns, if it is there already.

    Notes
    -----
    The test: features (at most 256) centered on the controls of their plate and scaled; the sum of squares between
    strata against that of 999 permutations of whole control wells inside their plate. Strata with fewer than two
    control wells on a plate are left out there. The result does not depend on the order of rows or the names of strata.
    """
    columns = columns if columns is not None else columns_of(profiles, Named(plate=plate, within=within, by=by))
    said = {*_listed(within), *_listed(by)}
    strata = [column.name for column in columns if column.role in (STRATUM, TIME) and column.name not in said]
    plates = _plates(profiles, plate)
    features = [column.name for column in columns if column.role == FEATURE]
    unnamed = []
    for name in strata:
        codes, values = canonical_codes(profiles[name])
        if len(values) < 2:
            continue
        pairs = pd.DataFrame({"plate": plates, "value": codes})[codes >= 0].drop_duplicates()
        level = "well" if pairs.groupby("plate").size().max() > 1 else "plate"
        p = np.nan
        if level == "well" and controls is not None and features:
            p = _difference(profiles, features, plates, codes, controls, permutations, seed)
        unnamed.append(Stratum(name, tuple(values), level, p))
    return unnamed


def _difference(
    profiles: pd.DataFrame,
    features: Sequence[Any],
    plates: np.ndarray,
    codes: np.ndarray,
    controls: Mask,
    permutations: int,
    seed: int,
) -> float:
    """Return the p-value of a difference between the controls of strata that share a plate."""
    from cellprofiling.kernels.inference.strata_shift import strata_shift  # Numba: half a second, for strata only

    rows = np.flatnonzero(controls & (codes >= 0) & (plates >= 0))
    cells = pd.DataFrame({"plate": plates[rows], "value": codes[rows]})
    cells = cells.assign(size=cells.groupby(["plate", "value"])["value"].transform("size"))
    rows, cells = rows[(cells["size"] >= FEWEST).to_numpy()], cells[cells["size"] >= FEWEST]
    several = (cells.groupby("plate")["value"].transform("nunique") > 1).to_numpy()
    rows = rows[several]
    if not len(rows):
        return np.nan
    x = _values(profiles, features, rows)
    return strata_shift(x, codes[rows], plates[rows], permutations, seed)


def _values(profiles: pd.DataFrame, features: Sequence[Any], rows: np.ndarray) -> Doubles:
    names = sorted(features, key=str)
    chosen = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_FEATURES)).round().astype(int))
    frame = profiles[[names[i] for i in chosen]].iloc[rows]
    return frame.apply(as_numbers).to_numpy(dtype=np.float64, na_value=np.nan)


def _plates(profiles: pd.DataFrame, plate: Any) -> np.ndarray:
    if plate is None or plate not in profiles:
        return np.zeros(len(profiles), dtype=np.intp)
    return canonical_codes(profiles[plate])[0]


def _listed(columns: By) -> Iterable[Any]:
    return [columns] if isinstance(columns, str) else list(columns or [])
