"""Replicates brought together into one profile."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import By, Floats, Table, groups, join, split
from cellprofiling.core.ledger import lines
from cellprofiling.kernels.scale import means, medians
from cellprofiling.kernels.similarity import spearman
from cellprofiling.profiles.methods import chosen_options

REPLICATES = "Metadata_Replicate_Count"


def modz(x: Floats, *, min_weight: float = 0.01) -> NDArray[np.float64]:
    """Return the mean of the rows of `x`, each weighted by how well it agrees with the others.

    Parameters
    ----------
    x : replicates of one perturbation, shape (n_rows, n_features).
    min_weight : the least weight of a replicate, before the weights are divided by their sum.

    Notes
    -----
    The weight is the mean Spearman correlation with the other replicates over the features that all of them have,
    negative correlations counted as 0. A missing value leaves its feature to the other replicates.
    """
    weights = _agreement(x, min_weight)
    total = weights @ ~np.isnan(x)
    return weights @ np.nan_to_num(x) / np.where(total == 0, np.nan, total)


METHODS: dict[str, Callable[..., NDArray[np.float64]]] = {"median": medians, "mean": means, "modz": modz}


def consensus(
    profiles: pd.DataFrame,
    by: By,
    *,
    method: str = "median",
    features: Sequence[str] | None = None,
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
    features : list of str or None, default None
        Names of the features; None for all.
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
    one_of("method", method, METHODS)
    options = chosen_options(method, METHODS[method], method_options)
    table = split(profiles, features)
    codes, _ = groups(profiles, by)
    if not len(codes):
        raise InputError("profiles: the table has no rows, so there is nothing to bring together.")
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    x = np.stack([METHODS[method](table.x[rows], **options) for rows in members]).astype(table.x.dtype)
    metadata, varying = _common(table.metadata, codes, [int(rows[0]) for rows in members])
    metadata[REPLICATES] = [len(rows) for rows in members]
    new = lines("consensus", "metadata", varying, "differs between replicates")
    return join(Table(metadata, x, table.features), source=profiles, new=new)


def _agreement(x: Floats, min_weight: float) -> NDArray[np.float64]:
    """Return the weight of each row; two rows agree with each other equally well, and one is all there is."""
    if len(x) < 3:
        return np.full(len(x), 1 / len(x))
    r = np.nan_to_num(spearman(x[:, ~np.isnan(x).any(axis=0)])).clip(min=0.0)
    np.fill_diagonal(r, 0.0)
    weights = np.maximum(r.sum(axis=0) / (len(x) - 1), max(min_weight, np.finfo(np.float64).tiny))
    return weights / weights.sum()


def _common(metadata: pd.DataFrame, codes: NDArray[np.intp], first: list[int]) -> tuple[pd.DataFrame, list[str]]:
    """Return the first row of each group, and the names of the columns left out because they vary within a group."""
    varies = metadata.groupby(codes).nunique(dropna=False).gt(1).any()
    same = [column for column in metadata.columns if not varies[column]]
    return metadata[same].iloc[first].reset_index(drop=True), list(metadata.columns.difference(same, sort=False))
