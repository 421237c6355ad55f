"""The control cells of each plate, and the scale that they give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.cells.source import MASK, CellSource
from cellprofiling.cells.summaries import Groups, SummaryPlan
from cellprofiling.core.columns import (
    PLATE,
    WELL,
    Reference,
    columns_once,
    describe_reference,
    groups,
    matches,
    named,
    require,
    rows,
)
from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError, listed
from cellprofiling.kernels.arrays import Indices, Mask
from cellprofiling.kernels.scale.groups import Grouping, group_statistics
from cellprofiling.kernels.scale.scale import MAD_SCALE, Scaling, without_noise


@dataclass(frozen=True)
class Controls:
    """Which cells to compare with.

    Attributes
    ----------
    reference : what of the cells tells, a query or a mapping.
    wells : the keys of the control wells, if a platemap names them.
    words : the reference as it was given.
    """

    reference: Reference
    wells: pd.DataFrame | None
    words: str

    @property
    def asked(self) -> list[str]:
        """The columns of the cells that tell."""
        return named(self.reference, []) if self.wells is None else [str(name) for name in self.wells]

    def of(self, found: Groups) -> Mask:
        """Return which groups are controls; those with too few cells are none."""
        if self.wells is not None:
            known = pd.MultiIndex.from_frame(self.wells)
            return pd.MultiIndex.from_frame(found.metadata[list(self.wells)]).isin(known) & found.enough
        inside = found.codes >= 0
        is_control = matches(found.cells, self.reference) & inside
        counts, n = (np.bincount(found.codes[cells], minlength=len(found.metadata)) for cells in (is_control, inside))
        mixed = (counts > 0) & (counts < n)
        if mixed.any():
            example = " ".join(map(str, found.metadata.iloc[int(mixed.argmax())].iloc[:2]))
            raise ReferenceRowsError(
                f"reference={self.words}: matches {counts[mixed][0]} of {n[mixed][0]} cells of {example}; whole wells "
                "are controls: name a column that does not vary within a well."
            )
        return (counts > 0) & found.enough


def find_controls(
    source: CellSource, reference: Reference, platemap: pd.DataFrame | None
) -> tuple[CellSource, Controls]:
    """Return the cells, with a column for a reference that is a mask, and which of them are controls."""
    words = describe_reference(reference)
    if reference is None:
        raise InputError("reference=None: say which wells are the controls, such as \"Metadata_Role == 'negcon'\".")
    if platemap is not None:
        return source, Controls(None, _control_wells(source.schema, reference, platemap), words)
    source, reference = source.marked(reference)
    return source, Controls(reference, None, words)


def _control_wells(schema: pd.DataFrame, reference: Reference, platemap: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(platemap, pd.DataFrame):
        raise InputError(f"platemap: expected a pandas.DataFrame, got {type(platemap).__name__}; see read_platemap.")
    columns_once(platemap)
    keys = [name for name in (PLATE, WELL) if name in platemap and name in schema]
    if WELL not in keys:
        raise ColumnError(f"platemap: cells and platemap must both have {WELL!r}; name the wells of both so.")
    return platemap.loc[rows(platemap, reference), keys]


def plates_of(found: Groups, plan: SummaryPlan) -> Indices:
    """Return the number of the plate of each group; all are on one if groups are not made by plate."""
    return groups(found.metadata, [PLATE] if PLATE in plan.by else None)[0]


def refuse_bare_plates(found: Groups, is_control: Mask, plate: Indices, controls: Controls) -> None:
    """Refuse plates without control cells."""
    n_groups, n_controls = (np.bincount(plate[some], minlength=plate.max() + 1) for some in (found.enough, is_control))
    bare = (n_groups > 0) & (n_controls == 0)
    if bare.any():
        first = [int((plate == number).argmax()) for number in np.flatnonzero(bare)]
        names = found.metadata[PLATE].iloc[first] if PLATE in found.metadata else ["all"]
        raise ReferenceRowsError(
            f"reference={controls.words}: plates {listed(map(str, names))} have no control cells; cells are compared "
            "with the controls of their own plate: widen the reference, or leave these plates out."
        )


def refuse_unread(plan: SummaryPlan, controls: Controls, schema: pd.DataFrame) -> None:
    """Refuse a reference to columns that are not there, or by wells where groups are not wells."""
    if controls.reference != {MASK: True}:
        require(schema, controls.asked, "reference")
    lacking = [name for name in controls.wells if name not in plan.by] if controls.wells is not None else []
    if lacking:
        raise ColumnError(f"by={plan.by}: with a platemap groups must be made by {listed(lacking)}, too.")


def control_scaling(columns: Sequence, codes: Indices, is_control: Mask, plate: Indices) -> Scaling:
    """Return median and MAD (or, where more than half tie, standard deviation) of the control cells of each plate.

    Shape (n_plates, n_features). The scale is 0 where they do not spread, or more than half are infinite or missing.
    """
    of_cell = np.where((codes >= 0) & is_control[codes], plate[codes], -1)
    cells = np.flatnonzero(of_cell >= 0)
    cells = cells[np.argsort(of_cell[cells], kind="stable")]
    starts = np.searchsorted(of_cell[cells], np.arange(plate.max() + 2))
    gathered = [np.asarray(column)[cells] for column in columns]
    ordered = Grouping(np.arange(len(cells)), starts, in_order=True)
    median, mad, deviation, n = group_statistics(gathered, ordered, ["median", "mad", "std", "count"])
    known = np.isfinite(median)
    spread = np.where(mad > 0, MAD_SCALE * mad, deviation)
    spread = np.where(known & np.isfinite(spread), spread, 0.0)
    fitted = without_noise(np.where(known, median, 0.0), spread, np.maximum(n, 1).astype(np.intp), gathered[0].dtype)
    return Scaling(fitted.location, np.nan_to_num(fitted.scale))
