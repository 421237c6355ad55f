"""How many cells of each well are in each phase of the cell cycle."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

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
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, groups, require
from cellprofiling.core.ledgers import written
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.partitions import apart, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.cells.cell_cycle import Cycle

SHARES = ("CellCycle_SubG1", "CellCycle_G1", "CellCycle_S", "CellCycle_G2M", "CellCycle_Over4N")


def cell_cycle_shares(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    well: By = (PLATE, WELL),
    by: By = PLATE,
    reference: Reference = None,
    dna: str | None = None,
    area: str | None = None,
    background: float | str = 0.0,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Return which shares of the cells of each well are in each phase of the cell cycle, by DNA content.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells cycle_plan by `open_cells`, or what it can open.
    well : str or list of str, default ("Metadata_Plate", "Metadata_Well")
        The columns that name a well, or other groups of cells to count in.
    by : str or list of str or None, default "Metadata_Plate"
        The peaks are found anew in each group of cells.
    reference : str, dict, array of bool or None, default None
        The cells to find the peaks in, such as those of control wells; None takes all. A mask fits a table only.
    dna : str or None, default None
        The column of integrated DNA intensity; None looks for one by name, as in `cell_cycle`.
    area : str or None, default None
        The column of the area of the nucleus; None looks for it by name.
    background : float or str, default 0.0
        Intensity per unit of area where there is no DNA, or a column that holds it.
    progress : callable or None, default None
        Called with a `Progress` after each partition of cells in files.

    Returns
    -------
    pandas.DataFrame
        One row per well, sorted by key: the columns of `by` and `well`, ``Metadata_Object_Count`` (cells with a value),
        and the shares ``CellCycle_SubG1``, ``CellCycle_G1``, ``CellCycle_S``, ``CellCycle_G2M`` and
        ``CellCycle_Over4N``, which add up to 1; missing where no peaks were found.

    Raises
    ------
    ColumnError
        If a column is missing, or none is known to tell the DNA.
    FeatureError
        If a named column is text.
    InputError
        If the background is neither a number nor a column, or there are no cells.

    See Also
    --------
    cell_cycle : The phase of each cell.

    Notes
    -----
    The peaks are those of the group; the weights of G1, S and G2/M are those of largest likelihood for the cells of the
    well, with two cells of the composition of the group added. Counting most likely phases instead would give S, which
    both peaks overlap, to G1 and G2.

    References
    ----------
    Dean and Jett, J. Cell Biol. 60, 523 (1974), https://doi.org/10.1083/jcb.60.2.523.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=6, controls=6, cells_per_well=100, features=20)
    >>> shares = cpf.cell_cycle_shares(screen.cells)
    >>> round(float(shares["CellCycle_G1"].mean()), 1)
    0.6
    """
    checks.arguments(
        locals(),
        well=checks.optional(checks.columns),
        dna=checks.optional(checks.column),
        area=checks.optional(checks.column),
    )
    source, plan = cycle_plan(cells, by, reference, dna, area, background)
    keys = list(dict.fromkeys([*plan.by, *require(source.schema, well, "well")]))
    counter = Counter(len(source.partitions), progress)
    parts, records, new = [], [], []
    for together in apart(source.partitions, plate_alone(plan.by)):
        table = stacked([read_counted(piece, [*plan.columns, *keys], counter) for piece in together])
        fits, rows = find_peaks(table, plan)
        new += peak_lines(rows, table, plan)
        records += rows
        parts.append(_counted(table, fits, plan, keys))
    result = pd.concat(parts, ignore_index=True).sort_values(keys, kind="stable", ignore_index=True)
    result.attrs[FITS] = Records(records)
    return written(result, source.schema, new=new)


def _counted(table: pd.DataFrame, fits: Mapping[Key, Cycle | None], plan: CyclePlan, keys: list[str]) -> pd.DataFrame:
    """Return the shares of the wells of some cells."""
    v = plan.content.logarithms(table)
    codes, wells = groups(table, keys, "well")
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    shares = np.full((len(wells), len(SHARES)), np.nan)
    for number, key in enumerate(group_keys(wells[plan.by])):
        cycle = fits[key]
        if cycle is not None:
            shares[number] = cycle.shares(v[members[number]])
    count = np.bincount(codes, np.isfinite(v), len(wells)).astype(np.intp)
    return wells.assign(**{COUNT: count}, **dict(zip(SHARES, shares.T, strict=True)))
