"""What is asked of a sample of cells, checked before anything is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cellprofiling.cells.source import MASK
from cellprofiling.core.columns import By, Reference, named, require
from cellprofiling.core.errors import InputError
from cellprofiling.core.frame import feature_columns


@dataclass(frozen=True)
class SamplePlan:
    """What is asked for, checked.

    Attributes
    ----------
    labels : columns that say what a well is, and are read from the cells.
    beside : columns that say what a cell is, read along for the sampled cells.
    """

    by: list[str]
    reference: Reference
    treated: Reference
    plate: str | None
    well: str
    platemap: pd.DataFrame | None
    features: list[str]
    labels: list[str]
    beside: list[str]
    max_cells: int
    seed: int

    @property
    def place(self) -> list[str]:
        """The columns that name a well."""
        return [*([] if self.plate is None else [self.plate]), self.well]


def sample_plan(
    schema: pd.DataFrame,
    by: By,
    reference: Reference,
    treated: Reference,
    plate: str | None,
    well: str,
    platemap: pd.DataFrame | None,
    features: Sequence[str] | None,
    max_cells: int,
    seed: int,
    identity: bool,
) -> SamplePlan:
    """Return what is asked for; columns that are not there are errors."""
    if reference is None:
        raise InputError("reference=None: say which wells are the controls, as in \"Metadata_Role == 'negcon'\".")
    place = [*require(schema, plate, "plate"), *require(schema, well, "well")]
    mapped = [] if platemap is None else [name for name in platemap if name not in place]
    known = schema.assign(**{str(name): 0 for name in [*mapped, MASK] if name not in schema})
    keys = require(known, by, "by")
    if not keys:
        raise InputError(f"by={by!r}: name the columns that make a perturbation.")
    asked = [*require(known, named(reference, []), "reference"), *require(known, named(treated, []), "treated")]
    labels = [name for name in dict.fromkeys([*keys, *asked]) if name not in mapped and name not in place]
    measured = feature_columns(schema, features)
    others = [str(name) for name in schema if name not in {*measured, *place, *labels}]
    return SamplePlan(
        keys, reference, treated, plate, well, platemap, measured, labels, others if identity else [], max_cells, seed
    )
