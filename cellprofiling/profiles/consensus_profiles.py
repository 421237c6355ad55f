"""Replicates brought together into one profile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, groups, hashable
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import Table, join, split
from cellprofiling.core.ledgers import lines
from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.arrays import Indices
from cellprofiling.kernels.batches.consensus import group_means, group_medians, modz

REPLICATES = "Metadata_Replicate_Count"

METHODS = table_of(
    Method("median", "The median of the replicates, feature by feature.", group_medians),
    Method("mean", "The mean of the replicates, feature by feature.", group_means),
    Method(
        "modz",
        "A mean in which a replicate counts by its mean Spearman correlation with the others.",
        modz,
        "Subramanian et al., Cell 171, 1437 (2017), https://doi.org/10.1016/j.cell.2017.10.049",
    ),
)


def consensus(
    profiles: pd.DataFrame,
    by: By,
    *,
    method: str = "median",
    features: Sequence[str] | str | None = None,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return one profile per group of replicates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    by : str or list of str
        Metadata columns that replicates have in common, such as compound and dose.
    method : {"median", "mean", "modz"}, default "median"
        How replicates are brought together. `modz` is a mean in which a replicate counts by its mean Spearman
        correlation with the others.
    features : list of str, "all", or None, default None
        Names of the features, "all" numbers without the prefix `Metadata_`, or None for what the grammar of feature
        names takes.
    **method_options : float
        ``min_weight=0.01`` of ``modz``: the least weight of a replicate, before weights are divided by their sum.

    Returns
    -------
    pandas.DataFrame
        One row per group, sorted by `by`: the metadata that are the same in all rows of every group, then
        ``Metadata_Replicate_Count`` (rows in the group), then the features. The ledger names the metadata left out.

    Raises
    ------
    ColumnError
        A column of `by` does not exist, or has missing values.
    InputError
        A method, or an option of a method, that does not exist.

    Notes
    -----
    Missing values are skipped; a feature is missing where all replicates lack it. The weights of `modz` come from the
    features that all replicates of a group have, and sum to one for each feature. pycytominer rounds these weights to
    four decimals, so that they need not, and counts a missing value as 0.

    References
    ----------
    Subramanian, A. et al. (2017). A next generation connectivity map: L1000 platform and the first 1,000,000 profiles.
    Cell, 171(6). https://doi.org/10.1016/j.cell.2017.10.049

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Compound": ["b", "a", "a"], "Cells_AreaShape_Area": [1.0, 2, 4]})
    >>> cpf.consensus(wells, "Metadata_Compound")
      Metadata_Compound  Metadata_Replicate_Count  Cells_AreaShape_Area
    0                 a                         2                   3.0
    1                 b                         1                   1.0
    """
    checks.arguments(locals())
    one_of("method", method, METHODS)
    options = METHODS[method].chosen(method_options)
    table = split(profiles, features)
    codes, keys = groups(profiles, by)
    if not len(codes):
        raise InputError("profiles: the table has no rows, so there is nothing to bring together.")
    x = METHODS[method](table.x, codes, len(keys), **options).astype(table.x.dtype)
    metadata, varying = _common(table.metadata, codes)
    metadata[REPLICATES] = np.bincount(codes)
    new = lines("consensus", "metadata", varying, "differs between replicates")
    return join(Table(metadata, x, table.features), source=profiles, new=new)


def _common(metadata: pd.DataFrame, codes: Indices) -> tuple[pd.DataFrame, list[str]]:
    """Return the first row of each group, and the names of the columns left out because they vary within a group."""
    first = np.unique(codes, return_index=True)[1]
    same = [column for column in metadata.columns if not _varies(metadata[column], codes, first)]
    return metadata[same].iloc[first].reset_index(drop=True), list(metadata.columns.difference(same, sort=False))


def _varies(column: pd.Series, codes: Indices, first: Indices) -> bool:
    """Return whether a column has more than one value in some group; missing is a value."""
    values = pd.factorize(hashable(column), use_na_sentinel=True)[0]
    return bool((values != values[first][codes]).any())
