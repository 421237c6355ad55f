"""What was done to each well, put beside what was measured in it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.account import vocabulary as roles
from cellprofiling.core.account.spelling import canonical, spelled_once
from cellprofiling.core.columns import PLATE, WELL, By, columns_once, is_metadata, require
from cellprofiling.core.errors import ColumnError, KeyMatchError, listed, one_of
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.derived import Derived, with_derived

HOW = ("strict", "left")


@overload
def annotate(profiles: pd.DataFrame, platemap: pd.DataFrame, *, on: By = None, how: str = "strict") -> pd.DataFrame: ...


@overload
def annotate(profiles: Cells, platemap: pd.DataFrame, *, on: By = None, how: str = "strict") -> Cells: ...


def annotate(
    profiles: pd.DataFrame | Cells, platemap: pd.DataFrame, *, on: By = None, how: str = "strict"
) -> pd.DataFrame | Cells:
    """
    Put the columns of a platemap beside the profiles, by plate and well.

    Parameters
    ----------
    profiles : pandas.DataFrame or Cells
        Profiles with one or more rows per well; cells do, too, also those that `open_cells` opened: they are annotated
        whenever they are read.
    platemap : pandas.DataFrame
        One row per well, as `read_platemap` returns it. All of its columns begin with ``Metadata_``.
    on : str or list of str or None, default None
        The key columns, in both tables. None takes ``Metadata_Plate`` and ``Metadata_Well``, as far as both tables have
        them: a platemap without plate is for every plate.
    how : str, default "strict"
        ``"strict"``: a profile whose key is not in the platemap is an error. ``"left"``: it is kept, with missing
        values and a line in the ledger.

    Returns
    -------
    pandas.DataFrame or Cells
        The profiles in their order and with their index: metadata, then the new columns, then all others unchanged.
        Cells in files get the new columns at the end.

    Raises
    ------
    KeyMatchError
        If keys of profiles are not in the platemap (``how="strict"``), or keys of the platemap occur more than once.
    ColumnError
        If a key column is missing, a column of the platemap lacks the prefix, or a column is in both tables with
        different values.
    InputError
        If ``how`` is unknown, or the platemap is not a table.

    Notes
    -----
    A plate or well that is written in several ways, in one table or in both (``A1`` and ``A01``, 1001 and
    ``"1001"``), is one, with a line in the ledger. No row is ever lost or doubled. Wells of the platemap in which
    nothing was measured are no error, for a screen has empty wells; each is a line in the ledger. A column that both
    tables have with the same values is kept once. Of cells in files the keys are compared when they are read, and
    wells without cells are not in the ledger.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "A02"], "Cells_Area": [1.0, 2.0]})
    >>> platemap = pd.DataFrame({"Metadata_Well": ["A02", "A01"], "Metadata_Gene": ["TP53", "none"]})
    >>> cpf.annotate(wells, platemap)
      Metadata_Well Metadata_Gene  Cells_Area
    0           A01          none         1.0
    1           A02          TP53         2.0
    """
    checks.arguments(locals(), profiles=checks.cells, platemap=checks.table)
    one_of("how", how, HOW)
    if isinstance(profiles, Cells):
        return _annotate_files(profiles, platemap, on, how)
    _check(profiles, platemap)
    keys = _keys(profiles, platemap, on)
    profiles, platemap, spelled = _spelled_alike(profiles, platemap, keys)
    _refuse_doubled(platemap, keys)
    rows = _index(platemap, keys).get_indexer(_index(profiles, keys))
    if how == "strict":
        _refuse_unmatched(profiles, platemap, keys, rows < 0)
    found = platemap.reset_index(drop=True).reindex(rows).set_axis(profiles.index)
    _refuse_different(profiles, found, keys, rows >= 0)
    metadata = [name for name in profiles if is_metadata(name)]
    new = found[[name for name in found if name not in profiles]]
    annotated = pd.concat([profiles[metadata], new, profiles.drop(columns=metadata)], axis=1)
    return written(annotated, profiles, platemap, new=[*spelled, *_ledger(profiles, platemap, keys, rows)])


def _annotate_files(cells: Cells, platemap: pd.DataFrame, on: By, how: str) -> Cells:
    schema = cells.schema
    _check(schema, platemap)
    keys = _keys(schema, platemap, on)
    _, platemap, _ = _spelled_alike(schema, platemap, keys)
    _refuse_doubled(platemap, keys)
    new = tuple(str(name) for name in platemap if name not in schema)
    shared = tuple(str(name) for name in platemap if name in schema)
    derived = Derived(new, shared, partial(_annotated, platemap, keys, how))
    empty = platemap.iloc[:0][list(new)].reset_index(drop=True)
    together = pd.concat([schema, empty], axis=1)
    together.attrs = schema.attrs
    return replace(cells, partitions=tuple(with_derived(piece, derived) for piece in cells.partitions), schema=together)


def _annotated(
    platemap: pd.DataFrame, keys: list[str], how: str, cells: pd.DataFrame, asked: Sequence[str]
) -> pd.DataFrame:
    shared = [str(name) for name in platemap if name in cells and name not in asked]
    return annotate(cells[shared], platemap, on=keys, how=how)[list(asked)]


def _check(profiles: pd.DataFrame, platemap: pd.DataFrame) -> None:
    columns_once(profiles)
    columns_once(platemap)
    bare = [name for name in platemap if not is_metadata(name)]
    if bare:
        raise ColumnError(f"platemap: columns {listed(bare)} do not begin with 'Metadata_'; rename them.")


def _keys(profiles: pd.DataFrame, platemap: pd.DataFrame, on: By) -> list[str]:
    if on is not None:
        require(profiles, on, "on")
        return require(platemap, on, "on")
    shared = [name for name in (PLATE, WELL) if name in profiles and name in platemap]
    if WELL not in shared:
        where = "platemap" if WELL in profiles else "profiles"
        raise ColumnError(f"on=None: no column {WELL!r} in the {where}; name the key columns with on=[...].")
    return shared


def _spelled_alike(
    profiles: pd.DataFrame, platemap: pd.DataFrame, keys: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, list[Line]]:
    """Return both tables with each plate and well in one spelling, and ledger lines; others as they are written."""
    said: list[Line] = []
    for name in keys:
        role = (roles.role_of_words(name) or ("",))[0]
        if role not in (roles.PLATE, roles.WELL):
            continue
        is_well = role == roles.WELL
        written = [way for table in (profiles, platemap) for way in table[name].dropna().astype(object).unique()]
        ways = pd.DataFrame({name: pd.Series(written, dtype=object)})
        _, new = spelled_once(ways, plate=None if is_well else name, well=name if is_well else None, step="annotate")
        if new:
            profiles, platemap = (
                table.assign(**{name: canonical(table[name], well=is_well)}) for table in (profiles, platemap)
            )
        said += new
    return profiles, platemap, said


def _index(table: pd.DataFrame, keys: Sequence[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[list(keys)])


def _refuse_doubled(platemap: pd.DataFrame, keys: Sequence[str]) -> None:
    doubled = platemap.loc[platemap.duplicated(keys), list(keys)].drop_duplicates()
    if len(doubled):
        hint = f" They differ in {PLATE!r}, which is no key here." if PLATE in platemap and PLATE not in keys else ""
        raise KeyMatchError(f"platemap: {_listed(doubled)} occur more than once; keep one row for each.{hint}")


def _refuse_unmatched(
    profiles: pd.DataFrame, platemap: pd.DataFrame, keys: list[str], absent: NDArray[np.bool_]
) -> None:
    if absent.any():
        lost = profiles.loc[absent, keys].drop_duplicates()
        raise KeyMatchError(
            f"profiles: {int(absent.sum())} of {len(profiles)} rows are not in the platemap: {_listed(lost)}."
            f"{_hint(profiles, platemap, keys)} To keep such rows without annotation use how='left'."
        )


def _hint(profiles: pd.DataFrame, platemap: pd.DataFrame, keys: Sequence[str]) -> str:
    """Return what is likely wrong with the first key that two tables write differently."""
    for key in keys:
        ours, theirs = profiles[key].dropna(), platemap[key].dropna()
        kinds = ["a number" if pd.api.types.is_numeric_dtype(column) else "text" for column in (ours, theirs)]
        if kinds[0] != kinds[1]:
            return f" {key} is {kinds[0]} in the profiles and {kinds[1]} in the platemap."
        strange, known = ours[~ours.isin(theirs)].unique(), theirs[~theirs.isin(ours)].unique()
        if len(strange) and key != WELL:
            other = sorted(known if len(known) else theirs.unique())
            return f" {key}: profiles write {listed(sorted(strange), limit=2)}, the platemap {listed(other, limit=2)}."
    return ""


def _refuse_different(
    profiles: pd.DataFrame, found: pd.DataFrame, keys: Sequence[str], matched: NDArray[np.bool_]
) -> None:
    """Refuse columns of both tables that disagree where a profile is in the platemap."""
    both = [str(name) for name in found.columns if name in profiles and name not in keys]
    different = [name for name in both if not _same(profiles.loc[matched, name], found.loc[matched, name])]
    if different:
        raise ColumnError(
            f"columns {listed(different)} differ between profiles and platemap; rename or drop them in one of the two."
        )


def _same(a: pd.Series, b: pd.Series) -> bool:
    equal = (a.to_numpy() == b.to_numpy()) | (a.isna() & b.isna()).to_numpy()
    return bool(equal.all())


def _ledger(profiles: pd.DataFrame, platemap: pd.DataFrame, keys: Sequence[str], rows: NDArray[np.intp]) -> list[Line]:
    unknown = profiles.loc[rows < 0, list(keys)].drop_duplicates()
    return [
        *lines("annotate", "well", _names(unknown), "not in the platemap"),
        *lines("annotate", "well", _unmeasured(profiles, platemap, keys), "in the platemap, but nothing was measured"),
    ]


def _unmeasured(profiles: pd.DataFrame, platemap: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Return the wells of the platemap without a profile; of each plate if the platemap is for all of them."""
    expected = platemap[list(keys)]
    if PLATE not in keys and PLATE in profiles:
        expected = profiles[[PLATE]].drop_duplicates().merge(expected, how="cross")
        keys = [PLATE, *keys]
    return _names(expected[~_index(expected, keys).isin(_index(profiles, keys))])


def _names(keys: pd.DataFrame) -> list[str]:
    return [" ".join(map(str, key)) for key in keys.itertuples(index=False)]


def _listed(keys: pd.DataFrame) -> str:
    return listed(_names(keys))
