"""The cells of each perturbation that show its change best, and control cells to hold beside them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.cells.kinds.responder_fractions import lower_bounds
from cellprofiling.cells.kinds.responder_space import Half, two_halves
from cellprofiling.cells.sampling.sampling import Sample, sample_cells, with_ledger
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference
from cellprofiling.core.progress import Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.cells.responders import directions
from cellprofiling.kernels.cells.typical import responding, typical
from cellprofiling.kernels.scale.scale import MAD_SCALE

CHANGED, CONTROL = "changed", "control"


def exemplars(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    by: By,
    reference: Reference,
    k: int = 5,
    treated: Reference = None,
    plate: str | None = PLATE,
    well: str = WELL,
    platemap: pd.DataFrame | None = None,
    features: Sequence[str] | None = None,
    max_cells: int = 300,
    seed: int = 0,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Choose for each perturbation cells that are typical of its change, and control cells that are typical of none.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        One row per cell: a table, cells opened by `open_cells`, or what it can open. Files are read a plate at a time.
    by : str or list of str
        Metadata columns that name a perturbation, of the cells or of `platemap`.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or, for a table, one boolean per row.
    k : int, default 5
        Cells of each kind.
    treated : str, dict or None, default None
        Which of the other wells to look at, such as those of hits; None takes all.
    plate : str or None, default "Metadata_Plate"
        The column of plates; wells are compared with the controls of their own plate.
    well : str, default "Metadata_Well"
        The column of wells.
    platemap : pandas.DataFrame or None, default None
        One row per well, with what `by`, `reference` and `treated` name; not needed where the cells have it.
    features : list of str or None, default None
        The features to look at; None takes all.
    max_cells : int, default 300
        Cells drawn at random from each well; exemplars are chosen among them.
    seed : int, default 0
        Of everything random.
    progress : callable or None, default None
        Called with a `Progress` after each partition of the cells.

    Returns
    -------
    pandas.DataFrame
        For each perturbation k rows with ``role`` "changed", then k with "control", best first (``rank``): the `by`
        columns, plate, well, ``score`` (along the direction of the change, in robust SDs of control cells of the
        plate), and every column of the cells that is no feature: site, numbers of image and object, place, file names
        and addresses of images.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two control wells.

    See Also
    --------
    responders : Which share of the cells responds.

    Notes
    -----
    The direction is that of `responders`, found for each well without its own cells (a lone well has its own). The
    cells taken for responders are those beyond the lowest threshold above which nine cells in ten are in excess over
    what controls would have there, or at which that share is largest. Of the cells nearest to the median score of
    these, those are taken that are least unusual in everything else, so that debris is not shown, and
    from as many wells as there are. Controls are wells that had no part in the space; their cells are the nearest to
    the median score that are least unusual. A perturbation that changes nothing has exemplars as well: see its
    ``fraction_low`` before you look for a meaning in them.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("hetero", compounds=12, controls=12, cells_per_well=40, features=40)
    >>> found = cpf.exemplars(
    ...     screen.cells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", k=2, platemap=screen.platemap
    ... )
    >>> found.groupby("role")["Metadata_Compound"].nunique().to_dict()
    {'changed': 12, 'control': 12}
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    sample = sample_cells(
        cells,
        by=by,
        reference=reference,
        treated=treated,
        plate=plate,
        well=well,
        platemap=platemap,
        features=features,
        max_cells=max_cells,
        seed=seed,
        identity=True,
        progress=progress,
        step="exemplars",
    )
    low = lower_bounds(sample, seed)
    half = next(two_halves(sample, seed))
    found = [row for group in range(len(sample.keys)) for row in _chosen(sample, half, group, float(low[group]), k)]
    table = pd.DataFrame(found, columns=["cell", "group", "role", "rank", "score"])
    place = sample.wells.iloc[sample.well[table["cell"]]].reset_index(drop=True)
    beside = sample.cells.iloc[table["cell"]].reset_index(drop=True)
    keys = sample.keys.iloc[table["group"]].reset_index(drop=True)
    names = [*([] if plate is None else [plate]), well]
    result = pd.concat([keys, table[["role", "rank"]], place[names], table["score"], beside], axis=1)
    return with_ledger(result.loc[:, ~result.columns.duplicated()], cells, sample.new)


def _chosen(sample: Sample, half: Half, group: int, low: float, k: int) -> Iterator[tuple[Any, ...]]:
    """Yield cell, group, role, rank and score of the cells that are shown for a perturbation."""
    wells = sample.wells_of(group)
    along = directions(half.cells.means[wells])
    changed, controls = _scores(half, wells, along)
    cells, scores = _rows(sample, wells), np.concatenate(changed)
    beside = half.controls[np.isin(sample.plate[half.controls], sample.plate[wells])]
    others, other_scores = _rows(sample, beside), np.concatenate([controls[well] for well in beside])
    taken = responding(scores, other_scores, low)
    target = float(np.median(scores[taken]))
    parts = (
        (CHANGED, cells[taken], scores[taken], target),
        (CONTROL, others, other_scores, float(np.median(other_scores))),
    )
    for role, rows, values, aim in parts:
        best = typical(half.cells.y[rows], values, sample.well[rows], aim, k)
        yield from ((rows[i], group, role, rank + 1, values[i]) for rank, i in enumerate(best))


def _scores(half: Half, wells: Indices, along: Doubles) -> tuple[list[Doubles], dict[int, Doubles]]:
    """Return the scores of treated wells, and those of controls along the mean direction, in robust SDs of controls."""
    plate, changed = half.cells.plate, []
    controls: dict[int, Doubles] = {}
    for well, direction in zip(wells, along, strict=True):
        beside = half.controls[plate[half.controls] == plate[well]]
        scores = half.cells.scores(beside, direction)
        center, spread = _center_and_spread(np.concatenate(scores))
        changed.append((half.cells.scores(np.array([well]), direction)[0] - center) / spread)
        controls |= {int(w): (s - center) / spread for w, s in zip(beside, scores, strict=True) if w not in controls}
    return changed, controls


def _center_and_spread(scores: Doubles) -> tuple[float, float]:
    center = float(np.median(scores))
    return center, float(MAD_SCALE * np.median(np.abs(scores - center))) or 1.0


def _rows(sample: Sample, wells: Indices) -> Indices:
    return np.concatenate([np.arange(sample.starts[well], sample.starts[well + 1]) for well in wells])
