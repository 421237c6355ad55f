"""The corrections that are compared: functions, pipelines, or finished tables, each with how it can be run again."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import By, Reference, is_metadata, named
from cellprofiling.core.errors import InputError, KeyMatchError
from cellprofiling.core.ledgers import KEY
from cellprofiling.profiles.batch.correction import correct_batch
from cellprofiling.profiles.pipeline.pipeline import run_steps
from cellprofiling.profiles.whitening import whiten

UNCORRECTED = "none"


@dataclass(frozen=True)
class Roles:
    """The columns and rows that candidates are told of."""

    batch: By
    by: By
    reference: Reference
    plate: By
    well: str | None
    features: Sequence[str] | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to correct.

    Attributes
    ----------
    name, variant : what it is called; variants of a name differ in their options.
    run : from profiles, roles and a seed to a table; None for a finished table.
    table : the finished table, or None.
    seeded : whether the seed can matter.
    own_reference : whether it finds its controls itself, and not by the roles it is told.
    """

    name: str
    variant: str = ""
    run: Callable[[pd.DataFrame, Roles, int], pd.DataFrame] | None = None
    table: pd.DataFrame | None = None
    seeded: bool = False
    own_reference: bool = False

    @property
    def called(self) -> str:
        """The name, and the variant where there are several."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    def result(self, profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:
        """Return the corrected table, row for row that of the profiles."""
        table = self.table if self.run is None else self.run(profiles, roles, seed)
        if not isinstance(table, pd.DataFrame):
            raise KeyMatchError(
                f"candidates[{self.name!r}]: gives a {type(table).__name__}; a correction returns a table."
            )
        if len(table) != len(profiles) or not table.index.equals(profiles.index):
            raise KeyMatchError(
                f"candidates[{self.name!r}]: has {len(table)} rows, profiles have {len(profiles)}: the rows must be "
                "the same, with the same index and in the same order."
            )
        return table


def named_candidates(candidates: Mapping[str, Any] | None) -> list[Candidate]:
    """Return the candidates, "none" first and the others as they were given: the simplest first."""
    found = list(_defaults()) if candidates is None else _given(candidates)
    return [_uncorrected(), *(candidate for candidate in found if candidate.name != UNCORRECTED)]


def _uncorrected() -> Candidate:
    return Candidate(UNCORRECTED, run=_as_they_are)


def _as_they_are(profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:  # noqa: ARG001 - nothing is done
    return profiles


def _given(candidates: Mapping[str, Any]) -> list[Candidate]:
    if not isinstance(candidates, Mapping) or not all(isinstance(name, str) and name for name in candidates):
        raise InputError("candidates: give a mapping of names to functions, finished tables, or lists of steps.")
    found = []
    for name, given in candidates.items():
        if isinstance(given, Mapping):
            if not given:
                raise InputError(f"candidates[{name!r}]: no variants; give at least one.")
            found += [_one(name, one, str(variant)) for variant, one in given.items()]
        else:
            found.append(_one(name, given))
    return found


def _one(name: str, given: Any, variant: str = "") -> Candidate:
    if isinstance(given, pd.DataFrame):
        return Candidate(name, variant, table=given)
    if callable(given):
        seeded = "seed" in inspect.signature(given).parameters
        return Candidate(name, variant, run=_function(given, seeded), seeded=seeded, own_reference=True)
    if isinstance(given, str | Sequence):
        return Candidate(name, variant, run=_steps(given), seeded=_takes_seed(given))
    raise InputError(
        f"candidates[{name!r}]: a {type(given).__name__}; give a function of the profiles, a finished table, or a list "
        'of steps such as [{"correct_batch": {"method": "combat", "batch": "@batch"}}].'
    )


def _function(function: Callable[..., pd.DataFrame], seeded: bool) -> Callable[..., pd.DataFrame]:
    def run(profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:  # noqa: ARG001 - it has its own
        return function(profiles, seed=seed) if seeded else function(profiles)

    return run


def _steps(steps: Any) -> Callable[..., pd.DataFrame]:
    def run(profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:
        told: dict[str, Any] = {"reference": roles.reference, "by": roles.by, "batch": roles.batch}
        told["plate"] = roles.plate
        if roles.well is not None:
            told["well"] = roles.well
        return run_steps(profiles, steps, **told, seed=seed)

    return run


def _takes_seed(steps: Any) -> bool:
    """Return whether there is a step whose result may hang on the seed."""
    return "harmony" in str(steps)


def _defaults() -> list[Candidate]:
    """Return what is tried unless candidates are given, the simplest first."""
    anchored: dict[str, Any] = {"anchors": "reference"}
    free: dict[str, Any] = {}
    return [
        _corrector("linear, anchored", "linear", anchored, labels=False),
        _corrector("combat, anchored", "combat", anchored),
        _corrector("combat", "combat", free),
        _corrector("harmony, anchored", "harmony", anchored),
        _corrector("harmony", "harmony", free),
        Candidate("tvn", run=_tvn),
    ]


def _tvn(profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:  # noqa: ARG001 - nothing is drawn
    return whiten(profiles, "tvn", by=roles.batch, reference=roles.reference, features=roles.features)


def _corrector(name: str, method: str, options: Mapping[str, Any], labels: bool = True) -> Candidate:
    def run(profiles: pd.DataFrame, roles: Roles, seed: int) -> pd.DataFrame:
        told: dict[str, Any] = {"batch": roles.batch, "reference": roles.reference, "features": roles.features}
        return correct_batch(profiles, method, **told, by=roles.by if labels else None, **options, seed=seed)

    return Candidate(name, run=run, seeded=method == "harmony")


def saw_labels(table: pd.DataFrame, profiles: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Return whether the ledger says that the correction saw the perturbation labels."""
    old = len(profiles.attrs.get(KEY, ()))
    new = table.attrs.get(KEY, ())[old:]
    return any(line["item"] == "label" and line["name"] in columns for line in new)


def relabeled(
    profiles: pd.DataFrame, reference: Reference, by: Sequence[str], control: NDArray[np.bool_], held: dict[int, str]
) -> tuple[pd.DataFrame, bool]:
    """Return profiles in which some controls look like treated wells, and whether a reference can see that.

    Parameters
    ----------
    held : row number and new name of each control that is to be a perturbation.

    Notes
    -----
    What the reference asks for is copied from a treated well; a mask cannot be told.
    """
    result = profiles.copy()
    asked = [name for name in named(reference, profiles.columns) if name in profiles.columns and is_metadata(name)]
    at = np.fromiter(held, dtype=np.intp)
    donor = int(np.flatnonzero(~control)[0])
    for name in asked:
        column = result[name].astype(object)
        column.iloc[at] = profiles[name].iloc[donor]
        result[name] = column.astype(profiles[name].dtype)
    for name in by:
        column = result[name].astype(object)
        column.iloc[at] = list(held.values())
        result[name] = column
    return result, bool(asked)
