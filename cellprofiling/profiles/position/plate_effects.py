"""Profiles without what the position on the plate does to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference, named, require, rows
from cellprofiling.core.errors import FeatureError, InputError, ReferenceRowsError, listed, one_of
from cellprofiling.core.frame import Table, join, split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.profiles.position.layout import find_layout, refuse_confined, refuse_empty_features
from cellprofiling.profiles.position.position_methods import METHODS, POOLED, STEP, SURFACES, Effect
from cellprofiling.profiles.remainder import without_remainder
from cellprofiling.profiles.strata import group_columns, stratum_lines


def correct_position(
    profiles: pd.DataFrame,
    method: str = "control_surface",
    *,
    by: By = PLATE,
    reference: Reference = None,
    within: By = None,
    well: str = WELL,
    plate_format: int | None = None,
    pool_by: By = None,
    perturbation: By = None,
    features: Sequence[str] | str | None = None,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return profiles less what the position of a well on its plate does to them.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table, one row per well.
    method : {"control_surface", "median_polish", "loess", "well_mean"}, default "control_surface"
        How the effect of position is told from that of treatments; see Notes.
    by : str, list of str, or None, default "Metadata_Plate"
        Metadata columns; each group is one plate.
    reference : str, dict, array of bool, or None, default None
        Which wells the effect is measured on; `control_surface` needs the negative controls, the other methods take
        all wells if None.
    within : str, list of str, or None, default None
        Metadata columns such as "Metadata_Cell_Line" in which a row agrees with the reference rows it is compared with:
        they make groups beside `by`. None says nothing: cell lines or time points that share a plate and whose controls
        differ beyond chance are then named in the ledger. [] says that there are none to heed.
    well : str, default "Metadata_Well"
        Column with the well, as "A01".
    plate_format : {6, 12, 24, 48, 96, 384, 1536} or None, default None
        How many wells a plate has; None for the smallest standard plate that holds the wells of all plates. Where these
        leave its edge empty, `control_surface` says in the ledger that it is a guess.
    pool_by : str, list of str, or None, default None
        Metadata columns such as "Metadata_Batch": one surface (`control_surface`) or one mean per position
        (`well_mean`) for the plates of each group; None fits a surface to each plate, and means over all plates.
    perturbation : str, list of str, or None, default None
        Columns that say what a well got. `well_mean` needs them, to refuse a layout that is the same on all plates;
        `median_polish` then refuses plates on which one perturbation fills a row or a column.
    features : list of str, "all", or None, default None
        Names of the features to correct, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.
    **method_options : float
        ``ridge=None`` of `control_surface`; ``scale=False``, ``iterations=10``, ``tolerance=0.01`` of `median_polish`;
        ``degree=2``, ``span=0.5``, ``rounds=3`` of `loess`; ``min_plates=10``, ``max_fixed=0.8`` of `well_mean`.

    Returns
    -------
    pandas.DataFrame
        The table with the same rows, its metadata first, its features in the units they had (B-scores with
        ``median_polish`` and ``scale=True``). Other measurements are left out, with a line in the ledger.

    Raises
    ------
    PlateLayoutError
        A layout from which the method cannot tell position from treatment: controls in too few rows or columns, rows
        or columns of few wells, a layout that is the same on all plates.
    ReferenceRowsError
        `control_surface` without a reference.
    FeatureError
        A feature with too few values in the reference wells of a plate.
    InputError
        A method, or an option of a method, that does not exist.

    See Also
    --------
    audit_position : Whether there is a position effect at all.

    Notes
    -----
    - ``control_surface``: ridge regression of each feature on row, column, row * column, row^2, column^2 and edge,
      fitted to the reference wells of the plate; the fitted surface less its mean over these wells is subtracted from
      all wells. Treatments are not looked at, so it is safe for any layout with controls all over the plate: at least
      16, in 4 rows and 4 columns. The strength of the penalty is estimated from all features of the plate together, so
      that features without a position effect are left alone; `ridge` sets it instead, in wells that say "no effect"
      (0 is least squares). With `pool_by` the plates of a batch share one surface, each with a level of its own.
    - ``median_polish``: Tukey's median polish, row and column effects subtracted. ``scale=True`` gives the B-score,
      residual / (1.4826 MAD of the residuals of the plate). Needs most wells of every row and column inactive.
    - ``loess``: local polynomials over row and column, tricube weights; values further than three MADs from the fit
      are moved there and the fit is made again. Follows gradients, not sharp edges. Needs most wells inactive.
    - ``well_mean``: each value less its plate mean, averaged over the plates for each position. Needs many plates with
      different treatments in the same well: with a fixed layout it would remove the treatment. A position whose
      reference wells lie on fewer than `min_plates` plates is left as it is, with a line in the ledger.

    `perturbation` says all of what a well got, its dose too: a compound in six wells of six doses has one position for
    each. A surface beyond the rows and columns of the reference is extrapolated, with a line in the ledger; a surface
    cannot be judged by the wells it was fitted to (leave some out of `reference` for that).

    Missing values are left out of the fit and stay missing. With `within` each cell line of a plate, say, has a surface
    of its own.

    References
    ----------
    Brideau, C. et al. (2003). Improved statistical methods for hit selection in high-throughput screening. J. Biomol.
    Screen. 8, 634, https://doi.org/10.1177/1087057103258285

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> names = [f"{row}{column:02d}" for row in "ABCDEF" for column in range(1, 9)]
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": names})
    >>> wells["Cells_Size"] = 100.0 + 3 * np.repeat(np.arange(6), 8)  # a gradient over rows
    >>> cpf.correct_position(wells, "median_polish")["Cells_Size"].unique()
    array([107.5])
    """
    checks.arguments(locals(), perturbation=checks.optional(checks.columns))
    one_of("method", method, METHODS)
    options = METHODS[method].chosen(method_options)
    _refuse_arguments(method, reference, pool_by)
    table = split(profiles, features)
    pools = () if pool_by is None and method == "well_mean" else pool_by
    layout = find_layout(
        profiles,
        group_columns(profiles, by, within),
        well,
        rows(profiles, reference),
        pools if pools is None else [*require(profiles, pools, "pool_by"), *require(profiles, within, "within")],
        perturbation,
        plate_format,
    )
    if method in SURFACES:
        refuse_confined(layout, method)
        refuse_empty_features(table.x, layout, table.features, method)
    effect = METHODS[method](table.x, layout, **options)
    used = (by, within, well, pool_by, perturbation, named(reference, profiles.columns))
    alone, left = without_remainder(table, STEP, *used)
    told = stratum_lines(STEP, profiles, table.features, by=by, within=within, reference=reference)
    return _without(alone, effect, profiles, [*told, *left, *effect.lines])


def _without(table: Table, effect: Effect, profiles: pd.DataFrame, new: Sequence[Line]) -> pd.DataFrame:
    """Return the table less the effect, put together; a feature without spread where one is needed is dropped."""
    x = table.x - effect.shift
    if effect.scale is None:
        return join(table.with_x(x), source=profiles, new=new)
    flat = (effect.scale == 0).any(axis=0)
    if flat.all():
        raise FeatureError(
            f"features {listed(table.features)} have no spread left on some plate once rows and columns are taken "
            "out, so there are no B-scores: leave scale=False."
        )
    names = [table.features[j] for j in np.flatnonzero(flat)]
    scores = table.with_x(x / np.where(flat, 1.0, effect.scale)).keep(~flat)
    dropped = lines(STEP, "feature", names, "no spread left on some plate to divide by")
    return join(scores, source=profiles, new=[*new, *dropped])


def _refuse_arguments(method: str, reference: Reference, pool_by: By) -> None:
    if method == "control_surface" and reference is None:
        raise ReferenceRowsError(
            "reference=None: 'control_surface' is fitted on negative controls; say which wells these are, as in "
            "reference=\"Metadata_Role == 'negcon'\". Methods that take all wells for inactive are 'median_polish' and "
            "'loess'."
        )
    if pool_by is not None and method not in POOLED:
        raise InputError(
            f"pool_by={pool_by!r}: {method!r} takes each plate by itself; {listed(POOLED)} can pool plates."
        )
