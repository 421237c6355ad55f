"""The phase of the cell cycle of each cell, by its DNA content."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from cellprofiling.cells.cycle.dna_content import Content
from cellprofiling.cells.cycle.phase_fit import (
    FITS,
    CyclePlan,
    Key,
    cycle_plan,
    find_peaks,
    group_keys,
    peak_lines,
    plate_alone,
    read_counted,
)
from cellprofiling.cells.flags.findings import Records
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, groups
from cellprofiling.core.errors import ColumnError, listed
from cellprofiling.core.ledgers import Ledger, Line, written
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects.derived import Derived, with_derived
from cellprofiling.io.objects.partitions import apart, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.cells.cell_cycle import PHASES, Cycle

PHASE, CONTENT = "Metadata_CellCycle", "Metadata_DNA_Content"


def cell_cycle(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    by: By = PLATE,
    reference: Reference = None,
    dna: str | None = None,
    area: str | None = None,
    background: float | str = 0.0,
    progress: Tell | None = None,
) -> pd.DataFrame | Cells:
    """
    Tell the phase of the cell cycle of each cell by how much DNA it has.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells cycle_plan by `open_cells`, or what it can open.
    by : str or list of str or None, default "Metadata_Plate"
        The peaks are found anew in each group of cells.
    reference : str, dict, array of bool or None, default None
        The cells to find the peaks in, such as those of control wells; None takes all. A mask fits a table only.
    dna : str or None, default None
        The column of integrated DNA intensity; None looks for one by name, and then for a mean nuclear stain to
        multiply with the area of the nucleus.
    area : str or None, default None
        The column of the area of the nucleus, needed for a mean stain and for a background; None looks for it by name.
    background : float or str, default 0.0
        Intensity per unit of area where there is no DNA, or a column that holds it: background times area is taken off.
    progress : callable or None, default None
        Called with a `Progress` after each partition of cells in files.

    Returns
    -------
    pandas.DataFrame or Cells
        The cells with ``Metadata_CellCycle`` ("sub-G1", "G1", "S", "G2/M", ">4N", missing where there is no value) and
        ``Metadata_DNA_Content`` (2 at the G1 peak). Cells in files are read once, few columns only, to find the peaks;
        the columns are computed whenever they are read. ``attrs["cell_cycle"]`` of the table (of ``.schema`` for
        `Cells`) has a row for each group: ``two_n`` (intensity of the G1 peak), ``ratio`` of the peaks, ``cv`` of a
        peak, the shares ``g1``, ``s`` and ``g2m``, and ``n_cells``.

    Raises
    ------
    ColumnError
        If a column is missing, none is known to tell the DNA, or the new columns are there already.
    FeatureError
        If a named column is text.
    InputError
        If the background is neither a number nor a column, or there are no cells.

    See Also
    --------
    cell_cycle_shares : The phases of each well.

    Notes
    -----
    log2 of DNA content is a mixture of a normal distribution (G1), another of the same SD near twice the DNA (G2/M; the
    ratio of the peaks is kept within 1.8 and 2.2), cells between them (S: uniform in DNA), and a uniform rest. A cell
    is of the phase that is most likely at its content; more than 3 SDs below the G1 or above the G2 peak it is "sub-G1"
    or ">4N". Where one peak could as well be G2 as G1, it is taken for G1: find the peaks in control cells
    (``reference=``) where treatments arrest most of the cells of a plate. Groups with fewer than 50 cells, with peaks
    wider than a CV of 25 %, or with three cells in ten that fit neither, have no phases, and the `ledger` says so.

    A background that was not taken off brings the peaks together; a ratio at the limit is in the `ledger`. Phases of
    single cells of overlapping peaks are guesses; `cell_cycle_shares` takes the overlap into account.

    References
    ----------
    Dean and Jett, J. Cell Biol. 60, 523 (1974), https://doi.org/10.1083/jcb.60.2.523;
    Roukos and others, Nat. Protoc. 10, 334 (2015), https://doi.org/10.1038/nprot.2015.016 (DNA content by microscopy).

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=6, controls=6, cells_per_well=100, features=20)
    >>> cells = cpf.cell_cycle(screen.cells)
    >>> cells["Metadata_CellCycle"].value_counts().index[:2].tolist()
    ['G1', 'G2/M']
    """
    checks.arguments(locals(), dna=checks.optional(checks.column), area=checks.optional(checks.column))
    source, plan = cycle_plan(cells, by, reference, dna, area, background)
    there = [name for name in (PHASE, CONTENT) if name in source.schema]
    if there:
        raise ColumnError(f"cells: columns {listed(there)} are there already; drop them first.")
    fits: dict[Key, Cycle | None] = {}
    records, new = [], []
    counter = Counter(len(source.partitions), progress)
    for together in apart(source.partitions, plate_alone(plan.by)):
        table = stacked([read_counted(piece, plan.columns, counter) for piece in together])
        found, rows = find_peaks(table, plan)
        fits |= found
        records += rows
        new += peak_lines(rows, table, plan)
    return _labelled(cells, plan, fits, Records(records), new)


def _compute(
    fits: Mapping[Key, Cycle | None], by: Sequence[str], content: Content, table: pd.DataFrame, asked: Sequence[str]
) -> pd.DataFrame:
    """Return the phase and the content of each cell."""
    v = content.logarithms(table)
    codes, keys = groups(table, list(by))
    phase, amount = np.full(len(v), -1, np.int8), np.full(len(v), np.nan)
    for number, key in enumerate(group_keys(keys)):
        here, cycle = codes == number, fits.get(key)
        if cycle is not None:
            phase[here] = cycle.phases(v[here])
            amount[here] = 2.0 ** (v[here] - cycle.two_n + 1)
    columns = {PHASE: pd.Categorical.from_codes(phase, pd.Index(PHASES)), CONTENT: amount}
    return pd.DataFrame({name: columns[name] for name in asked}, index=table.index)


def _labelled(
    cells: pd.DataFrame | Cells | PathLike,
    plan: CyclePlan,
    fits: dict[Key, Cycle | None],
    records: Records,
    new: list[Line],
) -> pd.DataFrame | Cells:
    """Return the cells with their phases."""
    if isinstance(cells, pd.DataFrame):
        result = pd.concat([cells, _compute(fits, plan.by, plan.content, cells, (PHASE, CONTENT))], axis=1)
        result.attrs = {**cells.attrs, FITS: records}
        return written(result, cells, new=new)
    if not isinstance(cells, Cells):
        cells = open_cells(cells)
    needed = list(dict.fromkeys([*plan.by, *plan.content.columns]))
    derived = Derived((PHASE, CONTENT), tuple(needed), partial(_compute, fits, tuple(plan.by), plan.content))
    phases = pd.Series(pd.Categorical([], categories=list(PHASES)))
    schema = cells.schema.assign(**{PHASE: phases, CONTENT: pd.Series(dtype=np.float64)})
    schema.attrs = {**cells.schema.attrs, FITS: records}
    partitions = tuple(with_derived(partition, derived) for partition in cells.partitions)
    return replace(cells, partitions=partitions, schema=schema, lines=Ledger([*cells.lines, *new]))
