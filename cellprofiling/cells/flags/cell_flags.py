"""Cells that are suspect, marked: debris, cells taken together, cells at the border, what is not in focus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cellprofiling.cells.flags.findings import Findings, Records, find, ledger_lines
from cellprofiling.cells.flags.limits import FLAGGED, Fit, fit, names
from cellprofiling.cells.flags.rules import Asked, Rule, choose
from cellprofiling.cells.source import opened
from cellprofiling.core import checks
from cellprofiling.core.columns import (
    PLATE,
    WELL,
    By,
    Reference,
    describe_reference,
    groups,
    matches,
    named,
    refuse_mask,
    require,
    rows,
)
from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError, listed
from cellprofiling.core.ledgers import Ledger, Line, written
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.derived import Derived, with_derived
from cellprofiling.io.objects.partitions import Partition, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Mask

LIMITS = "limits"


def flag_cells(
    cells: pd.DataFrame | Cells | PathLike,
    rules: Asked = None,
    *,
    by: By = PLATE,
    reference: Reference = None,
    progress: Tell | None = None,
) -> pd.DataFrame | Cells:
    """
    Mark cells that are suspect: debris, merged or cut cells, cells out of focus or without values.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells opened by `open_cells`, or what it can open.
    rules : list of str, dict or None, default None
        None uses all of ``"small"``, ``"large"``, ``"merged"``, ``"bright"``, ``"border"``, ``"blurred"`` and
        ``"missing"`` for which there are columns. A list names rules; there are also ``"irregular"``, ``"dim"`` and
        ``"saturated"``. A dict gives each rule its options, or None: ``feature`` (a column or several, any of which may
        be beyond), ``compartment`` (where to look for the column), ``low`` and ``high`` (robust standard deviations
        from the median), ``log`` (of logarithms), ``min`` and ``max`` (in units of the feature). A list of such options
        makes a rule of which all must hold.
    by : str or list of str or None, default "Metadata_Plate"
        Limits are learned anew in each group of cells.
    reference : str, dict, array of bool or None, default None
        The cells to learn the limits from, such as those of control wells; None learns from all. A mask fits a table
        only.
    progress : callable or None, default None
        Called with a `Progress` after each partition of cells in files.

    Returns
    -------
    pandas.DataFrame or Cells
        The cells with a boolean column for each rule, ``Metadata_QC_Small`` and so on, and ``Metadata_QC_Flagged``
        (any rule); nothing else is changed. Cells in files are read once, the features of the rules only, to learn the
        limits; their flags are computed whenever they are read. ``attrs["limits"]`` of the table (of ``.schema`` for
        `Cells`) has a row for each group, rule and feature: ``log``, ``center``, ``scale``, ``low``, ``high`` (in units
        of the feature), ``n_flagged`` (by the rule) and ``n_cells``.

    Raises
    ------
    InputError
        If a rule or an option is unknown, nothing fits a rule that was asked for, or there are no cells.
    ColumnError
        If a column is missing, or a column of flags is there already.
    FeatureError
        If a rule looks at text.
    ReferenceRowsError
        If a group has no reference cells.

    Notes
    -----
    A limit is median + k 1.4826 MAD of the group, exact and in float64; a limit is not used in a group with fewer than
    30 values or a MAD of 0 (the `ledger` says so). A missing value is never beyond a limit, only "missing". Zero and
    negative values have no logarithm and count as smaller than any other.

    Where a tenth or more of the cells lie apart below a low limit of logarithms, as debris does, limit, ``center`` and
    ``scale`` are those of the other cells: the SD is then 1.4826 times the median distance of the cells above the
    center, and the limit lies at 1 / 2.5 of the center at most, because half of the size is biology. The `ledger` says
    so: a second kind of cell may be what lies apart.

    Flags mark cells, they remove none. A treatment that changes all of its cells may have all of them flagged: wells
    with more than 20 % flagged cells are in the `ledger`, and `aggregate` counts the flags of each well.
    ``by=["Metadata_Plate", "Metadata_Well"]`` measures each cell by its own well, where such a change is no exception.

    References
    ----------
    Bray and others (2012), doi 10.1177/1087057111420292, for the focus of images.
    Hill and others (2007), doi 10.1186/1471-2105-8-340, for badly segmented cells.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> area = np.append(np.linspace(80, 120, 200), [20, np.nan])
    >>> cells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": "A01", "Nuclei_Area": area})
    >>> flagged = cpf.flag_cells(cells, ["small", "missing"])
    >>> flagged.tail(3).filter(regex="Area|Small|Missing")
         Nuclei_Area  Metadata_QC_Small  Metadata_QC_Missing
    199        120.0              False                False
    200         20.0               True                False
    201          NaN              False                 True
    >>> pd.DataFrame(flagged.attrs["limits"])[["rule", "center", "low", "n_flagged", "n_cells"]].round(1)
          rule  center   low  n_flagged  n_cells
    0    small    99.9  54.8          1      202
    1  missing     NaN   NaN          1      202
    >>> cpf.aggregate(flagged, exclude="Metadata_QC_Flagged").filter(like="Count").iloc[0].to_dict()
    {'Metadata_Object_Count': 200, 'Metadata_Excluded_Count': 2, 'Metadata_QC_Small_Count': 1,
     'Metadata_QC_Missing_Count': 1, 'Metadata_QC_Flagged_Count': 2}
    """
    checks.arguments(locals(), rules=checks.optional(checks.either(checks.mapping, checks.several(checks.text))))
    cells = opened(cells)
    if isinstance(cells, Cells):
        return _flag_files(cells, rules, by, reference, progress)
    plan, absent = _plan(cells.iloc[:0], rules, by, reference)
    learned, findings = _learn(cells, plan, rows(cells, reference))
    flagged = pd.concat([cells, learned.flags(cells)], axis=1)
    flagged.attrs = {**cells.attrs, LIMITS: Records(findings.limits)}
    return written(flagged, cells, new=[*absent, *ledger_lines([findings], plan.rules)])


@dataclass(frozen=True)
class FlagPlan:
    """What is asked for, checked.

    Attributes
    ----------
    asked : columns that tell the reference cells.
    """

    by: list[str]
    rules: tuple[Rule, ...]
    reference: Reference
    asked: list[str]

    @property
    def features(self) -> list[str]:
        """The columns that the rules look at."""
        return list(dict.fromkeys(name for rule in self.rules for limit in rule.limits for name in limit.features))

    @property
    def columns(self) -> list[str]:
        """The columns of flags."""
        return [*(rule.column for rule in self.rules), FLAGGED]


def _plan(schema: pd.DataFrame, rules: Asked, by: By, reference: Reference) -> tuple[FlagPlan, list[Line]]:
    chosen, absent = choose(rules, schema)
    asked = require(schema, named(reference, schema.columns), "reference")
    plan = FlagPlan(require(schema, by, "by"), chosen, reference, asked)
    there = [name for name in plan.columns if name in schema]
    if there:
        raise ColumnError(f"cells: columns {listed(there)} are there already; drop them, or name the rules otherwise.")
    twice = [rule.name for rule in chosen if plan.columns.count(rule.column) > 1]
    if twice:
        raise InputError(f"rules={listed(twice)}: their flags would share a column; name one in other words.")
    return plan, absent


def _learn(cells: pd.DataFrame, plan: FlagPlan, reference: Mask) -> tuple[Fit, Findings]:
    codes, keys = groups(cells, plan.by)
    empty = np.bincount(codes[reference], minlength=len(keys)) == 0
    if empty.any():
        raise ReferenceRowsError(
            f"reference={describe_reference(plan.reference)}: matches no cell of {listed(names(keys[empty]))}: widen "
            "the reference, or pool groups with a coarser by."
        )
    learned = fit(cells, plan.by, plan.rules, reference)
    return learned, find(cells, learned, codes)


def _flag_files(cells: Cells, rules: Asked, by: By, reference: Reference, progress: Tell | None) -> Cells:
    refuse_mask(reference, "reference")
    plan, absent = _plan(cells.schema, rules, by, reference)
    counter = Counter(len(cells.partitions), progress)
    partitions, findings = list(cells.partitions), []
    for members in _apart(cells.partitions, plan.by):
        learned, found = _learn_files([cells.partitions[i] for i in members], plan, counter)
        findings.append(found)
        for i in members:
            partitions[i] = with_derived(cells.partitions[i], _derived(learned, plan))
    schema = cells.schema.assign(**{name: pd.Series(dtype=bool) for name in plan.columns})
    schema.attrs = {**cells.schema.attrs, LIMITS: Records(row for found in findings for row in found.limits)}
    new = [*absent, *ledger_lines(findings, plan.rules)]
    return replace(cells, partitions=tuple(partitions), schema=schema, lines=Ledger([*cells.lines, *new]))


def _apart(partitions: Sequence[Partition], by: Sequence[str]) -> list[list[int]]:
    """Return numbers of partitions in sets such that no group and no plate has cells in two sets."""
    if PLATE not in by or any(partition.plate is None for partition in partitions):
        return [list(range(len(partitions)))]
    plates: dict[str | None, list[int]] = {}
    for i, partition in enumerate(partitions):
        plates.setdefault(partition.plate, []).append(i)
    return list(plates.values())


def _learn_files(partitions: Sequence[Partition], plan: FlagPlan, counter: Counter) -> tuple[Fit, Findings]:
    known = set(partitions[0].columns)
    keys = [name for name in (PLATE, WELL) if name in known]
    needed = list(dict.fromkeys([*keys, *plan.by, *plan.asked, *plan.features]))
    frames = []
    for partition in partitions:
        frames.append(partition.read(needed))
        counter.add(partition.plate, len(frames[-1]), partition.size)
    cells = stacked(frames)
    return _learn(cells, plan, matches(cells, plan.reference))


def _derived(learned: Fit, plan: FlagPlan) -> Derived:
    return Derived(tuple(plan.columns), (*learned.by, *plan.features), partial(_computed, learned))


def _computed(learned: Fit, cells: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
    return learned.flags(cells)[list(asked)]
