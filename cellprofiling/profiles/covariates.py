"""Profiles without what a number about each row, such as its cell count, explains in controls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, Reference, groups, is_metadata, named, require, rows
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError, listed
from cellprofiling.core.frame import join, split
from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.models.least_squares import slopes
from cellprofiling.kernels.scale.scale import fit_standard
from cellprofiling.profiles.remainder import without_remainder
from cellprofiling.profiles.strata import group_columns, stratum_lines

STEP = "regress_out"
SPARE = 3  # reference rows beyond the covariates: one for the intercept, two for what is left over


def regress_out(
    profiles: pd.DataFrame,
    covariates: str | Sequence[str],
    *,
    by: By = None,
    reference: Reference = None,
    within: By = None,
    features: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """
    Return profiles less what covariates explain of each feature in the reference rows.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    covariates : str or list of str
        Metadata columns with a number for every row, such as "Metadata_Object_Count".
    by : str, list of str, or None, default None
        Metadata columns; a fit in each group, such as a plate. None fits once.
    reference : str, dict, array of bool, or None, default None
        Which rows the fit is made on. Give the negative controls; see Notes. None takes all rows.
    within : str, list of str, or None, default None
        Metadata columns such as "Metadata_Cell_Line" in which a row agrees with the reference rows it is compared with:
        they make groups beside `by`. None says nothing: cell lines or time points that share a plate and whose controls
        differ beyond chance are then named in the ledger. [] says that there are none to heed.
    features : list of str, "all", or None, default None
        Names of the features to correct, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.

    Returns
    -------
    pandas.DataFrame
        The table with the same rows, its metadata first, its features in the units they had. Other measurements are
        left out, with a line in the ledger.

    Raises
    ------
    ColumnError
        A covariate is missing, is text or a feature, or has missing values.
    InputError
        A covariate does not vary in the reference rows of a group, or follows from the others.
    ReferenceRowsError
        A group with too few reference rows.
    FeatureError
        A feature with too few values in the reference rows of a group.

    See Also
    --------
    correct_batch : For covariates that are names, such as a batch.
    correct_position : For the position on the plate.

    Notes
    -----
    With C the covariates and m their mean over the reference rows, the least-squares fit x = a + C b on the reference
    rows gives every row x - (C - m) b. The intercept stays: reference rows keep their mean, and all features are solved
    at once.

    Fit on negative controls. Most covariates of interest are effects of the treatment as well as causes of technical
    variation: a toxic compound lowers the cell count, and its phenotype goes with that count. Fitted on all rows, the
    regression takes toxicity for a technical slope and removes it. In controls the count varies for technical reasons
    only. What is subtracted from a treated row is still extrapolated to its count, so check hits with few cells.

    Missing feature values are left out of the fit and stay missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {
    ...         "Metadata_Role": ["negcon"] * 4 + ["treatment"],
    ...         "Metadata_Object_Count": [100, 120, 140, 160, 130],
    ...         "Cells_AreaShape_Area": [60.0, 58, 56, 54, 80],
    ...     }
    ... )
    >>> cpf.regress_out(wells, "Metadata_Object_Count", reference="Metadata_Role == 'negcon'")["Cells_AreaShape_Area"]
    0    57.0
    1    57.0
    2    57.0
    3    57.0
    4    80.0
    Name: Cells_AreaShape_Area, dtype: float64
    """
    checks.arguments(locals(), covariates=checks.columns)
    table = split(profiles, features)
    terms = _covariate_terms(profiles, covariates, table.features)
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    fitted = rows(profiles, reference)
    codes, keys = groups(profiles, group_columns(profiles, by, within))
    x = np.empty(table.x.shape)
    for code, key in enumerate(keys.to_numpy(dtype=object)):
        group = codes == code
        where = f" of {', '.join(map(str, keys.columns))} {listed(key)}" if len(key) else ""
        controls = group & fitted
        _refuse_unfit(terms[controls], names, where)
        _refuse_empty(table.x[controls], len(names), table.features, where)
        slope = slopes(terms[controls], table.x[controls])
        x[group] = table.x[group] - (terms[group] - terms[controls].mean(axis=0)) @ slope
    alone, left = without_remainder(table, STEP, [*names, *keys.columns, *named(reference, profiles.columns)])
    told = stratum_lines(STEP, profiles, table.features, by=by, within=within, reference=reference)
    return join(alone.with_x(x), source=profiles, new=[*told, *left])


def _covariate_terms(profiles: pd.DataFrame, covariates: str | Sequence[str], features: Sequence[str]) -> Doubles:
    """Return the covariates as numbers, shape (n_rows, n_covariates)."""
    names = require(profiles, covariates, "covariates")
    if not names:
        raise InputError("covariates=[]: name at least one column, such as 'Metadata_Object_Count'.")
    measured = [name for name in names if name in features and not is_metadata(name)]
    if measured:
        raise ColumnError(
            f"covariates={listed(measured)}: a feature would be regressed on itself; rename it to "
            f"'Metadata_{measured[0]}', so that it says what the row is."
        )
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(profiles[name].dtype)]
    if texts:
        raise ColumnError(
            f"covariates={listed(texts)}: not numbers (for example {profiles[texts[0]].iloc[0]!r}). For names, such as "
            "those of batches, use correct_batch; for plates, normalize with by=..."
        )
    values = profiles[names].to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = ~np.isfinite(values).all(axis=1)
    if unknown.any():
        raise ColumnError(
            f"covariates={listed(names)}: {int(unknown.sum())} of {len(values)} rows have no finite value there: fill "
            "them in, or drop those rows first."
        )
    return values


def _refuse_unfit(terms: Doubles, names: Sequence[str], where: str) -> None:
    """Refuse too few reference rows, and covariates whose slopes cannot be told."""
    if len(terms) < len(names) + SPARE:
        raise ReferenceRowsError(
            f"reference: matches {len(terms)} rows{where}, and {len(names) + SPARE} are needed for {len(names)} "
            "covariates: widen the reference, or fit groups together with a coarser by."
        )
    scaling = fit_standard(terms)
    if scaling.flat.any():
        constant = [name for name, flat in zip(names, scaling.flat, strict=True) if flat]
        raise InputError(
            f"covariates={listed(constant)}: the same value in all {len(terms)} reference rows{where}, so nothing can "
            "be learned from it: leave it out, or fit groups together with a coarser by."
        )
    rank = int(np.linalg.matrix_rank(scaling.apply(terms)))
    if rank < len(names):
        raise InputError(
            f"covariates={listed(names)}: only {rank} of {len(names)} are independent in the reference rows{where}; "
            "leave out those that follow from others."
        )


def _refuse_empty(x: Floats, n_covariates: int, features: Sequence[str], where: str) -> None:
    n_values: Indices = (~np.isnan(x)).sum(axis=0)
    few = n_values < n_covariates + SPARE
    if few.any():
        names = [name for name, is_few in zip(features, few, strict=True) if is_few]
        raise FeatureError(
            f"features {listed(names)} have {n_values.min()} values in the reference rows{where}, and "
            f"{n_covariates + SPARE} are needed: drop them with "
            "select_features(profiles, {'missing': {'cutoff': 0}}), or leave them out with features=[...]."
        )
