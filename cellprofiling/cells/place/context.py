"""Features of cells less what their place among others explains."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from cellprofiling.cells.place.context_fit import ContextPlan, Contexts, learn, numbers
from cellprofiling.cells.place.neighborhood import DENSITY, EDGE
from cellprofiling.cells.source import opened
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference, matches, named, refuse_mask, require, rows
from cellprofiling.core.errors import ColumnError, InputError, listed
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.ledgers import Ledger, Line, lines, written
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.derived import Derived, with_derived
from cellprofiling.io.objects.partitions import Partition
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles


def correct_context(
    cells: pd.DataFrame | Cells | PathLike,
    covariates: str | Sequence[str] = (DENSITY, EDGE),
    *,
    by: By = PLATE,
    reference: Reference,
    features: Sequence[str] | None = None,
) -> pd.DataFrame | Cells:
    """
    Return cells less what their place among others explains of each feature in control cells.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells opened by `open_cells`, or what it can open; measured by
        `measure_neighborhood`, and annotated with what `reference` asks for (`annotate` takes cells).
    covariates : str or list of str, default ("Metadata_Local_Density", "Metadata_Islet_Edge")
        What to correct for: columns of numbers (a smooth curve is fitted) or of true and false (a step). A feature,
        such as the size of the cell, may be one; it is then left as it is.
    by : str or list of str or None, default "Metadata_Plate"
        A fit in each group.
    reference : str, dict or array of bool
        The cells to fit on: those of negative controls. A mask fits a table only.
    features : list of str or None, default None
        The features to correct; None takes all but the covariates.

    Returns
    -------
    pandas.DataFrame or Cells
        The same cells, their features in the units they had. Cells in files are corrected whenever they are read.
        A cell without a value of a covariate is corrected as one with the mean value of controls; the ledger counts
        them.

    Raises
    ------
    ColumnError
        If a covariate is missing or is text.
    InputError
        If a covariate has one value in all reference cells of a group.
    ReferenceRowsError
        If a group has too few reference cells.

    See Also
    --------
    regress_out : The same for wells, straight lines only.

    Notes
    -----
    With B the cubic spline basis of a covariate (knots at the 2nd, 25th, 50th, 75th and 98th percentile of the
    reference cells, straight beyond), the fit is x = a_w + B b with an intercept a_w for every control *well*, and each
    cell gets x - (B - m) b, with m the mean of B over reference cells. The curve is thus learned from differences
    between cells of one well: the means of control wells, which later tests compare with, are not used in the fit.

    What is removed is what a control cell would show at the same place. A treatment that does nothing but kill is no
    hit any more; one that changes cells *because* it kills their neighbors is none either.

    References
    ----------
    Snijder and others (2009), doi 10.1038/nature08282; Snijder and others (2012), doi 10.1038/msb.2012.9.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> cells = pd.DataFrame({
    ...     "Metadata_Plate": "P1",
    ...     "Metadata_Well": np.repeat(["A01", "A02", "A03"], 100),
    ...     "Metadata_Crowding": rng.uniform(0, 2, 300),
    ... })
    >>> cells["Cells_Area"] = 90 - 20 * cells["Metadata_Crowding"] + rng.normal(0, 1, 300)
    >>> corrected = cpf.correct_context(cells, "Metadata_Crowding", reference="Metadata_Well != 'A03'")
    >>> corrected["Cells_Area"].corr(cells["Metadata_Crowding"]).round(1) + 0
    np.float64(0.0)
    """
    checks.arguments(locals(), covariates=checks.columns)
    cells = opened(cells)
    if isinstance(cells, Cells):
        return _correct_files(cells, covariates, by, reference, features)
    plan = _plan(cells, covariates, by, reference, features)
    learned = learn(cells, rows(cells, reference), plan, lambda names: numbers(cells, names))
    corrected = cells.copy()
    corrected[plan.features] = learned.corrected(cells, plan.features)
    return written(corrected, cells, new=_ledger(cells, plan))


def _plan(
    schema: pd.DataFrame, covariates: str | Sequence[str], by: By, reference: Reference, features: Sequence[str] | None
) -> ContextPlan:
    chosen = [covariates] if isinstance(covariates, str) else list(covariates)
    if not chosen:
        raise InputError("covariates=[]: name at least one column, such as 'Metadata_Local_Density'.")
    absent = [name for name in chosen if name in (DENSITY, EDGE) and name not in schema]
    if absent:
        raise ColumnError(f"covariates={listed(absent)}: no such column; measure_neighborhood(cells) adds it.")
    require(schema, chosen, "covariates")
    texts = [name for name in chosen if not pd.api.types.is_numeric_dtype(schema[name])]
    if texts:
        raise ColumnError(f"covariates={listed(texts)}: neither numbers nor true and false.")
    measured = [name for name in feature_columns(schema, features) if name not in chosen]
    wells = [name for name in (PLATE, WELL) if name in schema]
    asked = require(schema, named(reference, schema.columns), "reference")
    return ContextPlan(chosen, require(schema, by, "by"), wells, reference, asked, measured)


def _correct_files(
    cells: Cells, covariates: str | Sequence[str], by: By, reference: Reference, features: Sequence[str] | None
) -> Cells:
    refuse_mask(reference, "reference")
    plan = _plan(cells.schema, covariates, by, reference, features)
    if PLATE not in plan.by:
        raise InputError(f"by={listed(plan.by)}: cells in files are corrected plate by plate; name {PLATE!r} too.")
    found = [_corrected_plate(pieces, plan) for pieces in _by_plate(cells.partitions)]
    partitions = tuple(piece for pieces, _ in found for piece in pieces)
    new = [line for _, told in found for line in told]
    return replace(cells, partitions=partitions, lines=Ledger([*cells.lines, *new]))


def _by_plate(partitions: Sequence[Partition]) -> list[list[Partition]]:
    plates: dict[str | None, list[Partition]] = {}
    for partition in partitions:
        plates.setdefault(partition.plate, []).append(partition)
    return list(plates.values())


def _corrected_plate(pieces: Sequence[Partition], plan: ContextPlan) -> tuple[list[Partition], list[Line]]:
    labels = list(dict.fromkeys([*plan.columns, *plan.wells, *plan.asked]))
    cells = pd.concat([piece.read(labels) for piece in pieces], ignore_index=True)

    def read(names: Sequence[str]) -> Doubles:
        return np.concatenate([numbers(piece.read(list(names)), names) for piece in pieces])

    learned = learn(cells, matches(cells, plan.reference), plan, read)
    derived = Derived(tuple(plan.features), tuple(plan.columns), partial(_compute, learned))
    return [with_derived(piece, derived) for piece in pieces], _ledger(cells, plan)


def _compute(learned: Contexts, cells: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
    return learned.corrected(cells, asked)


def _ledger(cells: pd.DataFrame, plan: ContextPlan) -> list[Line]:
    unknown = ~np.isfinite(numbers(cells, plan.covariates))
    return [
        line
        for name, n in zip(plan.covariates, unknown.sum(axis=0), strict=True)
        if n
        for line in lines("correct_context", "cell", [name], "no value: corrected as a usual cell", n=int(n))
    ]
