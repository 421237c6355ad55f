"""Profile tables and AnnData objects in memory, sharing one matrix."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cellprofiling.core import checks
from cellprofiling.core.columns import columns_once, is_metadata
from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.names import MEASURED, kinds
from cellprofiling.io.storage.annotated import OBS_NAME, described, matrix, obs_labels, obs_names
from cellprofiling.io.storage.arrow import from_profiles, to_profiles

if TYPE_CHECKING:
    from anndata import AnnData

MANY = 90  # columns put in one by one; pandas warns beyond a hundred

_PARTS = ("layers", "obsm", "obsp", "varm", "varp", "uns")


def to_anndata(profiles: pd.DataFrame) -> "AnnData":
    """
    Return a profile table as an AnnData object: features in X, all other columns in obs.

    Parameters
    ----------
    profiles : pandas.DataFrame
        The table.

    Returns
    -------
    anndata.AnnData
        ``X`` are the features, float32 if all are, else float64, NaN where missing; ``var`` what their names say, as
        `parse_features` reads them (``kind``, ``compartment``, ``group``, ``measure``, ``channel``, ``scale``); ``obs``
        all other columns, numeric metadata, positions and object numbers among them; ``obs_names`` the index as text.

    Raises
    ------
    InputError
        If the package anndata is not there.
    FeatureError
        If no column is a feature, or a column that is none of metadata is text.
    ColumnError
        If a column name occurs more than once.

    Notes
    -----
    X is not copied where the features lie in one block, as all verbs return them. It cannot be written to then:
    ``adata.X = adata.X.copy()`` before a step that works in place. A later change of the table in place would show in
    X too.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "A02"], "Cells_AreaShape_Area": [1.5, 2.5]})
    >>> adata = cpf.to_anndata(wells)  # doctest: +SKIP
    >>> adata.var["group"].tolist(), adata.obs["Metadata_Well"].tolist()  # doctest: +SKIP
    (['AreaShape'], ['A01', 'A02'])
    """
    checks.arguments(locals())
    columns_once(profiles)
    anndata = _anndata()
    x, features = matrix(profiles)
    obs = profiles.drop(columns=features)
    obs.attrs = {}
    obs.index = pd.Index([str(name) for name in (profiles.index if profiles.index.is_unique else range(len(obs)))])
    obs.columns = pd.Index([str(name) for name in obs.columns])
    return anndata.AnnData(X=x, obs=obs, var=described(features))


def from_anndata(adata: "AnnData") -> pd.DataFrame:
    """
    Return an AnnData object as a profile table: obs in front, X behind.

    Parameters
    ----------
    adata : anndata.AnnData
        Only X, obs, obs_names and var_names are looked at.

    Returns
    -------
    pandas.DataFrame
        One row per observation, in their order. Columns of obs get the prefix ``Metadata_`` (``plate`` becomes
        ``Metadata_Plate``), unless they are positions or CellProfiler's object numbers; categories come back as their
        values; names of observations that do not only count the rows become ``Metadata_ObsName``. Features are float32
        if X is, else float64. Layers, ``obsm`` and ``uns`` are left out; the `ledger` says so.

    Raises
    ------
    InputError
        If `adata` is no AnnData object.
    FeatureError
        If it has no X, or X is not of numbers.
    ColumnError
        If var_names occur more than once.

    Notes
    -----
    X is not copied if it is dense and float32 or float64: do not change it in place while the table is used. A sparse X
    is made dense, which takes 4 or 8 bytes a value.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> wells = cpf.from_anndata(cpf.to_anndata(wells))  # doctest: +SKIP
    """
    checks.arguments(locals())
    x, names = _dense(adata), [str(name) for name in adata.var_names]
    obs = _labels(adata)
    columns_once(pd.DataFrame(columns=names))
    twice = [name for name in names if name in obs.column_names]
    measured = [kind in MEASURED and not is_metadata(name) for name, kind in zip(names, kinds(names), strict=True)]
    block = pd.DataFrame(x, columns=names, copy=False)
    if not all(measured):
        others = [name for name, feature in zip(names, measured, strict=True) if not feature and name not in twice]
        labels = pd.concat([to_profiles(obs), block[others]], axis=1)
        block = block.drop(columns={*others, *twice})
    else:
        labels = to_profiles(obs)
        block = block.drop(columns=twice) if twice else block
    reason = "left out of X: obs holds a column of this name"
    return written(_beside(labels, block), new=[*_left_out(adata), *lines("from_anndata", "column", twice, reason)])


def _labels(adata: Any) -> pa.Table:
    """Return obs with the names of a profile table."""
    given = [str(name) for name in adata.obs.columns]
    obs = from_profiles(adata.obs.set_axis(given, axis=1).reset_index(drop=True))
    obs = obs.rename_columns(list(obs_labels(given).values()))
    named = obs_names(list(adata.obs_names))
    return (
        obs if named.num_columns == 0 or OBS_NAME in obs.column_names else obs.append_column(OBS_NAME, named[OBS_NAME])
    )


def _left_out(adata: Any) -> list[Line]:
    """Return a ledger line for each part of an AnnData object that a table has no place for."""
    parts = [part for part in _PARTS if any(name is not None for name in getattr(adata, part, ()))]
    parts += ["raw"] if getattr(adata, "raw", None) is not None else []
    return lines("from_anndata", "part", parts, "left out: only X and obs are kept")


def _anndata() -> Any:
    try:
        import anndata
    except ImportError as error:
        raise InputError("to_anndata needs the package anndata: pip install 'cellprofiling[anndata]'.") from error
    return anndata


def _dense(adata: Any) -> np.ndarray:
    """Return X as a dense array of floats, without copying one."""
    if not all(hasattr(adata, name) for name in ("X", "obs", "var_names", "obs_names")):
        raise InputError(f"adata: expected an anndata.AnnData, got {type(adata).__name__}.")
    if adata.X is None:
        raise FeatureError("adata: has no X; choose a layer first, as adata.X = adata.layers['counts'].")
    x = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
    if x.dtype.kind not in "fiub":
        raise FeatureError(f"adata: X holds values of type {x.dtype}, not numbers.")
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def _beside(metadata: pd.DataFrame, block: pd.DataFrame) -> pd.DataFrame:
    """Return metadata in front of features, without copying the features unless there are very many metadata."""
    if metadata.shape[1] > MANY:
        return pd.concat([metadata, block], axis=1)
    for name in reversed(list(metadata)):
        block.insert(0, name, metadata[name])
    return block
