"""From one row per cell to one row per well."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import InputError, listed, nearest
from cellprofiling.core.frame import (
    COUNT,
    PLATE,
    WELL,
    By,
    Table,
    columns_once,
    feature_columns,
    groups,
    is_metadata,
    join,
    require,
)
from cellprofiling.core.ledger import KEY, Line, lines
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.files import PathLike
from cellprofiling.io.partitions import Partition, stacked
from cellprofiling.kernels.groups import STATISTICS, group_statistics, is_quantile

BATCH_BYTES = 1 << 28  # of features in memory at a time

Read = Callable[[list[str]], pd.DataFrame]


def aggregate(
    cells: pd.DataFrame | Cells | PathLike,
    by: By = (PLATE, WELL),
    *,
    statistics: str | Sequence[str] = "median",
    features: Sequence[str] | None = None,
    min_cells: int = 1,
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

    Returns
    -------
    pandas.DataFrame
        One row per group, sorted by key: the ``by`` columns, every metadata column that has one value in each group,
        ``Metadata_Object_Count`` (the number of cells) and the features in float64. They keep their names if
        ``statistics`` is a text; a list appends each statistic to the name, as in ``Cells_Area__mad``.

    Raises
    ------
    ColumnError
        If a column of ``by`` is missing, or has no value for some cells.
    FeatureError
        If there is no feature, or one of them is text.
    InputError
        If a statistic is unknown, or no group has ``min_cells`` cells.

    Notes
    -----
    Missing values are skipped; a group without any value of a feature is missing. The MAD is median(abs(x - median)),
    not scaled to a standard deviation; "std" divides by n - 1. An infinite value counts as a large one for medians and
    percentiles. Statistics are computed in float64 and do not depend on the number of processors; medians, MADs and
    percentiles are exact, means and standard deviations right to the last digits. Groups and columns that are left out
    are in the `ledger`.

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
    source = _source(cells)
    plan = _plan(source.schema, by, statistics, features, min_cells)
    parts = [_summarize(read, plan) for read in _readers(source, plan)]
    metadata = stacked([part.metadata for part in parts])
    if metadata.empty:
        most = max(part.most for part in parts)
        raise InputError(f"min_cells={min_cells}: no group has so many cells; the largest has {most}.")
    varying = [str(name) for name in metadata if any(name in part.varying for part in parts)]
    order = metadata.sort_values(plan.by, kind="stable").index
    values = np.concatenate([part.values for part in parts], axis=1)[:, order]
    table = Table(
        metadata.loc[order].drop(columns=varying).reset_index(drop=True),
        np.concatenate(list(values), axis=1),
        plan.names,
    )
    return join(table, source=source.schema, new=[*_columns_left_out(source.schema, plan, varying), *_few(parts)])


@dataclass(frozen=True)
class Source:
    """Cells wherever they are: pieces to read, and a table without rows that has their columns, types and ledger."""

    partitions: Sequence[Partition]
    schema: pd.DataFrame


@dataclass(frozen=True)
class Plan:
    """What is asked for, checked.

    Attributes
    ----------
    labels : metadata columns to carry along where they can be.
    unused : columns that are neither metadata nor features.
    names : of the features that come out.
    """

    by: list[str]
    labels: list[str]
    features: list[str]
    unused: list[str]
    statistics: list[str]
    names: tuple[str, ...]
    min_cells: int


@dataclass(frozen=True)
class Part:
    """The groups of some partitions.

    Attributes
    ----------
    metadata : one row per group with enough cells.
    values : shape (n_statistics, n_groups, n_features).
    varying : metadata columns with more than one value in some group.
    few : ledger lines of the groups with too few cells.
    most : cells in the largest group.
    """

    metadata: pd.DataFrame
    values: NDArray[np.float64]
    varying: frozenset[str]
    few: list[Line]
    most: int


def _source(cells: pd.DataFrame | Cells | PathLike) -> Source:
    if isinstance(cells, str | os.PathLike):
        cells = open_cells(cells)
    if isinstance(cells, Cells):
        schema = cells.schema.copy()
        schema.attrs[KEY] = cells.lines
        return Source(cells.partitions, schema)
    columns_once(cells)
    if not len(cells):
        raise InputError("cells: the table has no rows.")
    names = tuple(map(str, cells.columns))
    return Source([Partition(None, names, lambda columns: cells[list(columns)], columnar=True)], cells.iloc[:0])


def _plan(
    schema: pd.DataFrame, by: By, statistics: str | Sequence[str], features: Sequence[str] | None, min_cells: int
) -> Plan:
    keys = require(schema, by, "by")
    if not keys:
        raise InputError(f"by={by!r}: name at least one column.")
    if min_cells < 1:
        raise InputError(f"min_cells={min_cells}: give a whole number from 1 up.")
    wanted = _known([statistics] if isinstance(statistics, str) else list(dict.fromkeys(statistics)))
    measured = feature_columns(schema, features)
    labels = [str(name) for name in schema if is_metadata(name) and name not in {*keys, COUNT}]
    endings = [""] if isinstance(statistics, str) else [f"__{name}" for name in wanted]
    names = tuple(f"{name}{end}" for end in endings for name in measured)
    known = set(measured if features is None else schema)
    unused = [str(name) for name in schema if not is_metadata(name) and name not in known]
    return Plan(keys, labels, measured, unused, wanted, names, min_cells)


def _known(statistics: list[str]) -> list[str]:
    unknown = [name for name in statistics if name not in SIMPLE and not is_quantile(name)]
    if unknown or not statistics:
        raise InputError(
            f"statistics={listed(unknown)}: choose from {listed(SIMPLE)} and the percentiles 'q01' to 'q99'."
            + nearest(unknown[0] if unknown else "", SIMPLE)
        )
    return statistics


def _readers(source: Source, plan: Plan) -> Iterator[Read]:
    """Give a reader for each set of cells that shares no group with another set."""
    apart = PLATE in plan.by and all(partition.plate is not None for partition in source.partitions)
    for partitions in [[partition] for partition in source.partitions] if apart else [list(source.partitions)]:
        yield _reader(partitions, plan)


def _reader(partitions: Sequence[Partition], plan: Plan) -> Read:
    """Return a reader of some columns; what cannot be read by columns is read once and kept."""
    if all(partition.columnar for partition in partitions):
        return lambda columns: stacked([partition.read(columns) for partition in partitions])
    needed = [*plan.by, *plan.labels, *plan.features]
    cells = stacked([partition.read(needed) for partition in partitions])
    return lambda columns: cells[columns]


def _summarize(read: Read, plan: Plan) -> Part:
    cells = read([*plan.by, *plan.labels])
    codes, keys = groups(cells, plan.by)
    first = np.unique(codes, return_index=True)[1]
    count = np.bincount(codes, minlength=len(keys))
    kept = count >= plan.min_cells
    metadata = cells.iloc[first].assign(**{COUNT: count}).reset_index(drop=True)
    return Part(
        metadata[kept],
        _values(read, codes, len(keys), plan)[:, kept],
        frozenset(name for name in plan.labels if not _constant(cells[name], first[codes])),
        [_too_few(key, n, plan) for key, n in zip(keys[~kept].itertuples(index=False), count[~kept], strict=True)],
        int(count.max()),
    )


def _values(read: Read, codes: NDArray[np.intp], n_groups: int, plan: Plan) -> NDArray[np.float64]:
    at_once = max(16, BATCH_BYTES // (8 * len(codes)))
    batches = [plan.features[i : i + at_once] for i in range(0, len(plan.features), at_once)]
    blocks = []
    for batch in batches:
        cells = read(batch)
        feature_columns(cells, batch)
        dtype = np.float32 if (cells.dtypes == np.float32).all() else np.float64
        x = cells.to_numpy(dtype=dtype, na_value=np.nan)
        blocks.append(group_statistics(x, codes, n_groups, plan.statistics, threads=os.cpu_count() or 1))
    return np.concatenate(blocks, axis=2)


def _constant(labels: pd.Series, first: NDArray[np.intp]) -> bool:
    """Return whether each cell has the label of the first cell of its group (no label is a label, too)."""
    codes = pd.factorize(labels, use_na_sentinel=False)[0]
    return bool((codes == codes[first]).all())


def _too_few(key: Sequence[object], n_cells: int, plan: Plan) -> Line:
    name = " ".join(map(str, key))
    item = "well" if WELL in plan.by else "group"
    return lines("aggregate", item, [name], f"fewer than {plan.min_cells} cells", n=int(n_cells))[0]


def _columns_left_out(schema: pd.DataFrame, plan: Plan, varying: Sequence[str]) -> list[Line]:
    replaced = [COUNT] if COUNT in schema else []
    return [
        *lines("aggregate", "column", varying, "differs between the cells of a group"),
        *lines("aggregate", "column", plan.unused, "not a feature, but a position or bookkeeping"),
        *lines("aggregate", "column", replaced, "counted anew"),
    ]


def _few(parts: Sequence[Part]) -> list[Line]:
    return [line for part in parts for line in part.few]


SIMPLE = tuple(name for name in STATISTICS if name != "quantile")
