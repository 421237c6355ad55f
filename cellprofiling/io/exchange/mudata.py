"""Several profile tables of the same things, and MuData objects in memory."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, groups, require
from cellprofiling.core.errors import InputError, KeyMatchError, listed
from cellprofiling.core.ledgers import lines, written
from cellprofiling.io.exchange.anndata import from_anndata, to_anndata
from cellprofiling.io.storage.annotated import OBS_NAME

if TYPE_CHECKING:
    from mudata import MuData

NAMED_BY = "cellprofiling_on"  # in uns: the columns that names of observations were made of
BETWEEN = " | "


def to_mudata(tables: Mapping[str, pd.DataFrame], *, on: By) -> "MuData":
    """
    Return profile tables of the same perturbations or wells as one MuData object, a modality for each.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        A name, such as "morphology" or "rna", and a table for each modality.
    on : str or list of str
        Metadata columns of all tables that say what a row is; their values become the names of observations, by which
        MuData knows rows of two modalities to be the same. A row that one modality alone has is kept.

    Returns
    -------
    mudata.MuData
        ``mod[name]`` is the table as `to_anndata` gives it.

    Raises
    ------
    InputError
        If the package mudata is not there, or no table is given.
    KeyMatchError
        If a table has two rows of one name.

    See Also
    --------
    from_mudata : The way back.
    compare_modalities : What two modalities share.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> mdata = cpf.to_mudata({"morphology": wells, "rna": counts}, on="Metadata_Compound")  # doctest: +SKIP
    """
    checks.arguments(locals(), on=checks.columns)
    if not isinstance(tables, Mapping) or not tables:
        raise InputError(f"tables: expected a name and a table for each modality, got {type(tables).__name__}.")
    for name, table in tables.items():
        checks.table.check(f"tables[{name!r}]", table)
        require(table, on, "on")
    mudata = _mudata()
    modalities = {str(name): to_anndata(_named(table, on, str(name))) for name, table in tables.items()}
    with mudata.set_options(pull_on_update=False):  # metadata stay with their modality
        mdata = mudata.MuData(modalities)
    mdata.uns[NAMED_BY] = [on] if isinstance(on, str) else list(on or [])
    return mdata


def from_mudata(mdata: "MuData") -> dict[str, pd.DataFrame]:
    """
    Return the modalities of a MuData object as profile tables.

    Parameters
    ----------
    mdata : mudata.MuData
        Its modalities are looked at, each as `from_anndata` does.

    Returns
    -------
    dict of str to pandas.DataFrame
        A table for each modality. Names of observations become ``Metadata_ObsName``, unless `to_mudata` has made them
        of metadata. Annotations that belong to the whole object alone (obs, obsm, uns) are left out; the `ledger` of
        each table says so.

    Raises
    ------
    InputError
        If `mdata` is no MuData object.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> tables = cpf.from_mudata(mdata)  # doctest: +SKIP
    """
    checks.arguments(locals())
    if not isinstance(getattr(mdata, "mod", None), Mapping):
        raise InputError(f"mdata: expected a mudata.MuData, got {type(mdata).__name__}.")
    uns = dict(getattr(mdata, "uns", {}))
    made = NAMED_BY in uns
    obs = getattr(mdata, "obs", pd.DataFrame())
    parts = [part for part in ("obsm", "obsp") if any(key not in mdata.mod for key in getattr(mdata, part, ()))]
    parts += ["uns"] if set(uns) - {NAMED_BY} else []
    parts += ["obs"] if len(obs.columns) else []
    new = lines("from_mudata", "part", parts, "left out: it belongs to all modalities together")
    found = {}
    for name, adata in mdata.mod.items():
        table = from_anndata(adata)
        kept = table.drop(columns=OBS_NAME) if made and OBS_NAME in table else table
        found[str(name)] = written(kept, table, new=new)
    return found


def _named(table: pd.DataFrame, on: By, name: str) -> pd.DataFrame:
    """Return a table whose index are its keys as text."""
    keys = require(table, on, "on")
    if not keys:
        raise InputError("on=None: name the columns that say what a row is, such as 'Metadata_Compound'.")
    groups(table, keys, "on")
    index = table[keys].astype(str).agg(BETWEEN.join, axis=1)
    if index.duplicated().any():
        doubled = index[index.duplicated()].unique()
        raise KeyMatchError(
            f"tables[{name!r}]: rows {listed(doubled, limit=3)} occur more than once; keep one row for each, or name "
            "more columns in on."
        )
    return table.set_axis(pd.Index(index.to_numpy(dtype=object)), axis=0)


def _mudata() -> Any:
    try:
        import mudata
    except ImportError as error:
        raise InputError("to_mudata needs the package mudata: pip install 'cellprofiling[mudata]'.") from error
    return mudata
