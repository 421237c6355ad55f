"""From one row per cell to one row per well."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype

from cellprofiling.cells.source import source_of
from cellprofiling.cells.summaries import EXCLUDED, SummaryPlan, one_spelling, summarize
from cellprofiling.core import checks
from cellprofiling.core.columns import (
    COUNT,
    PLATE,
    WELL,
    By,
    Reference,
    describe_reference,
    is_metadata,
    named,
    require,
)
from cellprofiling.core.errors import InputError, listed, nearest
from cellprofiling.core.frame import Table, feature_columns, join
from cellprofiling.core.ledgers import Line, lines, merged
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.partitions import apart, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.scale.groups import STATISTICS, is_quantile

QC = "Metadata_QC_"


def aggregate(
    cells: pd.DataFrame | Cells | PathLike,
    by: By = (PLATE, WELL),
    *,
    statistics: str | Sequence[str] = "median",
    features: Sequence[str] | None = None,
    min_cells: int = 1,
    exclude: Reference = None,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Summarize the cells of each well by a statistic of each feature.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells opened by `open_cells`, or what it can open. Files are read plate by plate
        and, if they are parquet, some features at a time.
    by : str or list of str, default ("Metadata_Plate", "Metadata_Well")
        The metadata columns whose values make a group.
    statistics : str or list of str, default "median"
        One or more of ``"median"``, ``"mean"``, ``"mad"``, ``"std"``, ``"min"``, ``"max"``, ``"count"`` and the
        percentiles ``"q01"`` to ``"q99"``.
    features : list of str or None, default None
        The features to summarize; None takes all.
    min_cells : int, default 1
        Groups with fewer cells are left out.
    exclude : str, dict, array of bool or None, default None
        The cells to leave out: a query such as ``"Metadata_QC_Flagged"``, a mapping of column to value, or, for a
        table in memory, a mask. It may match none.
    progress : callable or None, default None
        Called with a `Progress` after each partition of the cells.

    Returns
    -------
    pandas.DataFrame
        One row per group, sorted by key: the ``by`` columns, every metadata column that has one value in each group,
        ``Metadata_Object_Count`` (the number of cells) and the features in float64. They keep their names if
        ``statistics`` is a text; a list appends each statistic to the name, as in ``Cells_Area__mad``. With ``exclude``
        there is also ``Metadata_Excluded_Count``, the number of cells left out. A column of flags
        ``Metadata_QC_<rule>`` becomes ``Metadata_QC_<rule>_Count``, the number of cells of the group with that flag,
        excluded or not.

    Raises
    ------
    ColumnError
        If a column of ``by`` is missing, or has no value for some cells.
    FeatureError
        If there is no feature, or one of them is text or true and false; categories count as what they stand for.
    InputError
        If a statistic is unknown, no group has ``min_cells`` cells, or ``exclude`` is a mask for cells in files.
    ReferenceRowsError
        If ``exclude`` cannot be understood.

    Notes
    -----
    Missing values are skipped; a group without any value of a feature is missing. The MAD is median(abs(x - median)),
    not scaled to a standard deviation; "std" divides by n - 1. An infinite value counts as a large one for medians and
    percentiles. Statistics are computed in float64 and do not depend on the number of processors; medians, MADs and
    percentiles are exact, means and standard deviations right to the last digits. Groups and columns that are left out
    are in the `ledger`, and so is a plate or well that is written in several ways (``A1`` and ``A01``, ``1001`` and
    ``1001.0``): it is one.

    From parquet, memory grows with the number of processors and of cells, not of features; the order of rows does not
    matter, and plates whose rows lie mixed in a file are read together. Other files are read a partition at a time.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> cells = pd.DataFrame({"Metadata_Well": ["A01", "A01", "A01", "A02"], "Cells_Area": [1.0, 2.0, 6.0, 4.0]})
    >>> cpf.aggregate(cells, "Metadata_Well", statistics=["median", "mad"])
      Metadata_Well  Metadata_Object_Count  Cells_Area__median  Cells_Area__mad
    0           A01                      3                 2.0              1.0
    1           A02                      1                 4.0              0.0
    """
    checks.arguments(locals())
    source = source_of(cells)
    left_out_by = source.meant(exclude, "exclude", example="Metadata_QC_Flagged")
    plan = summary_plan(source.schema, left_out_by, by, statistics, features, min_cells)
    counter = Counter(len(source.partitions), progress)
    summaries = [summarize(together, plan, counter) for together in apart(source.partitions, plan.by)]
    metadata = stacked([summary.metadata for summary in summaries])
    if metadata.empty:
        raise InputError(nothing_left(max(summary.most for summary in summaries), exclude, min_cells))
    metadata, spelled = one_spelling(metadata, [summary.written for summary in summaries])
    varying = [str(name) for name in metadata if any(name in summary.varying for summary in summaries)]
    order = metadata.sort_values(plan.by, kind="stable").index
    values = np.concatenate([summary.values for summary in summaries], axis=1)[:, order]
    table = Table(
        metadata.loc[order].drop(columns=varying).reset_index(drop=True),
        np.concatenate(list(values), axis=1),
        plan.names,
    )
    left_out = merged(line for summary in summaries for line in summary.left_out)
    return join(table, source=source.schema, new=[*columns_left_out(source.schema, plan, varying), *spelled, *left_out])


def summary_plan(
    schema: pd.DataFrame,
    exclude: Reference,
    by: By,
    statistics: str | Sequence[str],
    features: Sequence[str] | None,
    min_cells: int,
    also: Sequence[str] = (),
) -> SummaryPlan:
    """Return what is asked for, checked against the columns there are; `also` are columns to read beside them."""
    keys = require(schema, by, "by")
    if not keys:
        raise InputError(f"by={by!r}: name at least one column.")
    wanted = [statistics] if isinstance(statistics, str) else list(dict.fromkeys(statistics))
    refuse_unknown_statistics(wanted, "statistics")
    measured = feature_columns(schema, features)
    flags = [str(name) for name in schema if str(name).startswith(QC) and is_bool_dtype(schema[name])]
    flags = [name for name in flags if name not in keys]
    labels = [str(name) for name in schema if is_metadata(name) and name not in {*keys, *flags, COUNT, EXCLUDED}]
    asked = require(schema, named(exclude, schema.columns), "exclude")
    endings = [""] if isinstance(statistics, str) else [f"__{name}" for name in wanted]
    names = tuple(f"{name}{end}" for end in endings for name in measured)
    known = set(measured if features is None else schema)
    unused = [str(name) for name in schema if not is_metadata(name) and name not in known]
    return SummaryPlan(keys, labels, flags, exclude, [*asked, *also], measured, unused, wanted, names, min_cells)


def refuse_unknown_statistics(statistics: list[str], argument: str) -> None:
    """Refuse statistics that cannot be computed."""
    unknown = [name for name in statistics if name not in SIMPLE and not is_quantile(name)]
    if unknown or not statistics:
        raise InputError(
            f"{argument}={listed(unknown)}: choose from {listed(SIMPLE)} and the percentiles 'q01' to 'q99'."
            + nearest(unknown[0] if unknown else "", SIMPLE)
        )


def nothing_left(most: int, exclude: Reference, min_cells: int) -> str:
    """Return why there is no group, given the number of cells in the largest."""
    if most == 0:
        return f"exclude={describe_reference(exclude)}: leaves no cell; exclude fewer."
    return f"min_cells={min_cells}: no group has so many cells; the largest has {most}."


def columns_left_out(
    schema: pd.DataFrame, plan: SummaryPlan, varying: Sequence[str], step: str = "aggregate"
) -> list[Line]:
    """Return ledger lines for the columns of the cells that a table of wells does not have."""
    replaced = [COUNT] if COUNT in schema else []
    return [
        *lines(step, "column", varying, "differs between the cells of a group"),
        *lines(step, "column", plan.unused, "not a feature, but a position or bookkeeping"),
        *lines(step, "column", replaced, "counted anew"),
    ]


SIMPLE = tuple(name for name in STATISTICS if name != "quantile")
