"""Features put on a common scale, group by group, against reference rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, require, rows
from cellprofiling.core.errors import InputError, listed, one_of
from cellprofiling.core.frame import Table, split
from cellprofiling.profiles.normalization.normalization_fit import Normalization
from cellprofiling.profiles.normalization.scaling_methods import METHODS
from cellprofiling.profiles.strata import group_columns, stratum_lines

ZERO_SCALE = ("drop", "keep", "error")


def normalize(
    profiles: pd.DataFrame,
    method: str = "mad_robustize",
    *,
    by: By = PLATE,
    reference: Reference = None,
    within: By = None,
    features: Sequence[str] | str | None = None,
    zero_scale: str = "drop",
    min_reference: int = 2,
    pool_scale_by: By = None,
    clip: float | None = None,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return profiles with each feature centered and scaled to the reference rows of its group.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    method : {"mad_robustize", "robustize", "standardize", "rank_inverse_normal"}, default "mad_robustize"
        What location and scale are; see Notes.
    by : str, list of str, or None, default "Metadata_Plate"
        Metadata columns; each group is scaled to its own reference rows. None takes all rows as one group.
    reference : str, dict, array of bool, or None, default None
        Which rows location and scale are measured on (a query, ``{column: value}``, or a mask); None for all rows.
    within : str, list of str, or None, default None
        Metadata columns such as "Metadata_Cell_Line" in which a row agrees with the reference rows it is compared with:
        they make groups beside `by`. None says nothing: cell lines or time points that share a plate and whose controls
        differ beyond chance are then named in the ledger. [] says that there are none to heed.
    features : list of str, "all", or None, default None
        Names of the features to scale, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.
    zero_scale : {"drop", "keep", "error"}, default "drop"
        What happens to a feature without spread in the reference rows of a group: dropped for all groups, with a line
        in the ledger; kept and only centered, in the units it had; or an error that names it.
    min_reference : int, default 2
        How many reference rows each group must have. With fewer than 16 the spread itself is a rough estimate, and
        the ledger says so.
    pool_scale_by : str, list of str, or None, default None
        Metadata columns, such as "Metadata_Batch": each group is centered on its own reference rows, and the scale is
        measured on those of all groups of its batch together. For plates with few controls.
    clip : float or None, default None
        Values further than this from 0, after scaling, are set to it; None leaves them. 20 is common.
    **method_options : float
        ``ddof=0`` of ``standardize``; ``mad_scale=1.4826`` of ``mad_robustize``.

    Returns
    -------
    pandas.DataFrame
        The table with the same rows, its metadata first, its features rescaled. Other measurements are left out, with
        a line in the ledger: changed numbers do not stand beside unchanged ones.

    Raises
    ------
    ReferenceRowsError
        A group has fewer than `min_reference` reference rows.
    FeatureError
        A feature has no value in the reference rows of a group, or no feature has a spread.
    InputError
        A method, or an option of a method, that does not exist.

    See Also
    --------
    fit_normalization : Keep what was learned, for later plates.

    Notes
    -----
    ===================  ========  ===========================================================================
    method               location  scale
    ===================  ========  ===========================================================================
    standardize          mean      standard deviation, the sum of squares divided by n - `ddof`
    robustize            median    interquartile range (linear percentiles)
    mad_robustize        median    `mad_scale` times the median absolute deviation; 1.4826 makes it the standard
                                   deviation of a normal sample, 1 is the convention of the JUMP recipe
    rank_inverse_normal            none: Phi^-1((r - 3/8) / (n + 1/4)), r the rank among the n reference rows
    ===================  ========  ===========================================================================

    Missing values are skipped, and stay missing. A spread that is rounding noise of the location (a constant computed
    in floating point) is no spread. Statistics are computed in float64; float32 tables stay float32.

    With few controls a plate's own spread is too uncertain: with 8, seven in a hundred null values lie beyond three
    MADs. `pool_scale_by` measures one spread for the plates of a batch: sqrt(sum of squares around the means of plates
    / (wells - plates)), for the robust methods after values beyond three spreads from the median of their plate are
    moved there, in the unit of the method. Five plates with 8 controls then have less than 1 in 100 null values beyond
    3. The MADs of small plates pooled as they are would have 3.5. Plates must be alike in spread for that; in location
    they may differ.

    Ranks: ties share their average rank, so nothing is drawn at random. A row that is not a reference row gets the
    rank it would have, interpolated between reference values, 1/2 or n + 1/2 beyond all of them: scores saturate, at
    2.4 for 16 reference rows and at 3.4 for 384. Ranks are meant for many rows as reference; None with ``by=None`` is
    the convention of the JUMP recipe, in which one more plate changes all values. A feature kept without spread is
    only centered.

    References
    ----------
    Blom, G. (1958). Statistical Estimates and Transformed Beta-Variables. Discussed in Beasley, T. M., Erickson, S.
    and Allison, D. B. (2009), Behav. Genet. 39, 580, https://doi.org/10.1007/s10519-009-9281-0

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {"Metadata_Role": ["negcon", "negcon", "negcon", "treatment"], "Cells_AreaShape_Area": [9.0, 10, 11, 30]}
    ... )
    >>> cpf.normalize(wells, "standardize", by=None, reference="Metadata_Role == 'negcon'", ddof=1)
      Metadata_Role  Cells_AreaShape_Area
    0        negcon                  -1.0
    1        negcon                   0.0
    2        negcon                   1.0
    3     treatment                  20.0
    """
    checks.arguments(locals())
    options = (by, within, reference, features, zero_scale, min_reference, pool_scale_by, clip)
    table, fit = _fitted(profiles, method, method_options, *options)
    new = stratum_lines("normalize", profiles, table.features, by=by, within=within, reference=reference)
    return fit.scaled(table, profiles, new)


def fit_normalization(
    profiles: pd.DataFrame,
    method: str = "mad_robustize",
    *,
    by: By = PLATE,
    reference: Reference = None,
    within: By = None,
    features: Sequence[str] | str | None = None,
    zero_scale: str = "drop",
    min_reference: int = 2,
    pool_scale_by: By = None,
    clip: float | None = None,
    **method_options: Any,
) -> Normalization:
    """
    Return what `normalize` would learn from these profiles, to apply it to other profiles.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    method : {"mad_robustize", "robustize", "standardize", "rank_inverse_normal"}, default "mad_robustize"
        As in `normalize`.
    by : str, list of str, or None, default "Metadata_Plate"
        As in `normalize`.
    reference : str, dict, array of bool, or None, default None
        As in `normalize`. A query or a mapping finds the reference rows of later plates too; a mask cannot.
    within : str, list of str, or None, default None
        As in `normalize`.
    features : list of str, "all", or None, default None
        As in `normalize`.
    zero_scale : {"drop", "keep", "error"}, default "drop"
        As in `normalize`.
    min_reference : int, default 2
        As in `normalize`.
    pool_scale_by : str, list of str, or None, default None
        As in `normalize`. A later plate of a batch that the fit knows takes the scale of the fit.
    clip : float or None, default None
        As in `normalize`.
    **method_options : float
        As in `normalize`.

    Returns
    -------
    Normalization
        The fit, with ``.apply(profiles)`` and ``.save(path)``.

    Raises
    ------
    InputError
        As in `normalize`.

    See Also
    --------
    normalize : Fit and apply in one call.
    load_fit : Read a saved fit.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> march = pd.DataFrame({"Metadata_Plate": "P1", "Cells_AreaShape_Area": [9.0, 10, 11]})
    >>> fit = cpf.fit_normalization(march, "standardize", by=None, ddof=1)
    >>> fit.apply(pd.DataFrame({"Metadata_Plate": "P2", "Cells_AreaShape_Area": [30.0]}))
      Metadata_Plate  Cells_AreaShape_Area
    0             P2                  20.0
    """
    checks.arguments(locals())
    options = (by, within, reference, features, zero_scale, min_reference, pool_scale_by, clip)
    return _fitted(profiles, method, method_options, *options)[1]


def _fitted(
    profiles: pd.DataFrame,
    method: str,
    method_options: Mapping[str, Any],
    by: By,
    within: By,
    reference: Reference,
    features: Sequence[str] | str | None,
    zero_scale: str,
    min_reference: int,
    pool_scale_by: By,
    clip: float | None,
) -> tuple[Table, Normalization]:
    """Return the table taken apart, and the fit to its reference rows."""
    one_of("method", method, METHODS)
    one_of("zero_scale", zero_scale, ZERO_SCALE)
    _refuse_pool(method, pool_scale_by)
    table = split(profiles, features)
    masked = not isinstance(reference, str | Mapping | None)
    blank = Normalization(
        method=method,
        options=METHODS[method].chosen(method_options),
        by=group_columns(profiles, by, within),
        reference=None if masked else reference,
        masked=masked,
        zero_scale=zero_scale,
        min_reference=min_reference,
        clip=clip,
        pool_scale_by=_pools(profiles, pool_scale_by, within),
        features=table.features,
    )
    return table, blank.measured(table, profiles, rows(profiles, reference))


def _pools(profiles: pd.DataFrame, pool_scale_by: By, within: By) -> list[str]:
    """Return the columns that make pools; strata have pools of their own."""
    pools = require(profiles, pool_scale_by, "pool_scale_by")
    return list(dict.fromkeys([*pools, *require(profiles, within, "within")])) if pools else pools


def _refuse_pool(method: str, pool_scale_by: By) -> None:
    if pool_scale_by is not None and METHODS[method].pooled is None:
        able = [name for name, other in METHODS.items() if other.pooled is not None]
        raise InputError(f"pool_scale_by={pool_scale_by!r}: {method!r} has no scale to pool; {listed(able)} have one.")
