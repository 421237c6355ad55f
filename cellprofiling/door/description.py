"""What a table is taken for: its columns, what one row is, what lies on the plates, and what stands in the way."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.account.controls import Guess, guess_controls
from cellprofiling.core.account.roles import Column, Named, columns_of
from cellprofiling.core.account.units import CELL, PERTURBATION_UNIT, Unit, unit_of
from cellprofiling.core.account.vocabulary import BOOKKEEPING, FEATURE, POSITION, QUALITY, ROLES, UNUSED
from cellprofiling.core.columns import PLATE, WELL, By, Reference, matches
from cellprofiling.core.errors import listed, plural
from cellprofiling.core.views import Facts, html, span
from cellprofiling.door.layout import layout_of
from cellprofiling.door.problems import problems_of
from cellprofiling.door.scene import Scene
from cellprofiling.door.tally import table_of
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.storage.files import PathLike
from cellprofiling.io.tables import read_profiles
from cellprofiling.kernels.arrays import Mask

WIDTH = 110  # letters in a line of the text


@dataclass(frozen=True, repr=False)
class Description:
    """What a table is taken for.

    Attributes
    ----------
    columns : one row per column of the table: name, role, why, n_distinct, n_missing, example.
    unit : what one row is: "cell", "site", "well" or "perturbation".
    why : what says so.
    layout : one row per plate, and per stratum where `within` names some.
    problems : sentences, each with what to do; the gravest first.
    reference : the query for the controls: the one given, or a guess; empty where there is none.
    n_rows : rows of the table.
    """

    columns: pd.DataFrame
    unit: str
    why: str
    layout: pd.DataFrame
    problems: list[str]
    reference: str
    n_rows: int

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.problems

    def facts(self) -> Facts:
        """Return what the table is: a name and a few words each."""
        facts = [("rows", f"{self.n_rows:,}, each a {self.unit}: {self.why}"), *self._roles()]
        layout = self.layout
        if self.unit != PERTURBATION_UNIT and len(layout):
            size = layout["format"].dropna()
            plates = f" of {int(size.iloc[0])} wells" if len(size) else ""
            wells = span([int(layout["n_wells"].min()), int(layout["n_wells"].max())])
            controls = span([int(layout["n_controls"].min()), int(layout["n_controls"].max())])
            used = f"{plural(layout['plate'].nunique(dropna=False), 'plate')}{plates}"
            facts.append(("layout", f"{used}; on each {wells} used, {controls} of them controls"))
        return [*facts, ("controls", self.reference or "none named"), ("problems", str(len(self.problems) or "none"))]

    def _roles(self) -> Facts:
        """Return for each role the columns that play it."""
        facts = []
        for role in ROLES:
            rows = self.columns[self.columns["role"] == role]
            if len(rows) > 3 or (len(rows) and role in (FEATURE, UNUSED, POSITION, BOOKKEEPING, QUALITY)):
                shown = listed(rows["name"].astype(str), limit=2)
                facts.append((role, f"{len(rows):,}: {shown}" if len(rows) > 2 else shown))
            elif len(rows):
                facts.append((role, "; ".join(_one(row) for row in rows.to_dict("records"))))
        return facts

    def __repr__(self) -> str:
        """Say what the table is, then each problem."""
        facts = self.facts()
        width = max(len(name) for name, _ in facts)
        indent = " " * (width + 4)
        lines = [textwrap.fill(f"  {n:<{width}}  {w}", WIDTH, subsequent_indent=indent) for n, w in facts]
        problems = [
            textwrap.fill(f"  {i}. {sentence}", WIDTH, subsequent_indent="     ")
            for i, sentence in enumerate(self.problems, start=1)
        ]
        return "\n".join(["Description", *lines, *problems])

    def _repr_html_(self) -> str:
        """Return the same as a table and a list, without style or script: it takes the colors of the page."""
        problems = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.problems)
        return html("Description", self.facts()) + (f"<ol>{problems}</ol>" if problems else "")


def describe(
    profiles: pd.DataFrame | Cells | PathLike,
    *,
    by: By = None,
    reference: Reference = None,
    within: By = None,
    plate: str = PLATE,
    well: str = WELL,
    dose: str | None = None,
    features: Sequence[str] | str | None = None,
) -> Description:
    """
    Say what a table is taken for: each column, what one row is, what lies on the plates, and what stands in the way.

    Nothing is changed. What is not named is told from names and values, and the reason is given.

    Parameters
    ----------
    profiles : pandas.DataFrame, Cells, str or os.PathLike
        A table of cells, sites, wells or perturbations; a file of such a table; cells, or the folder that holds them,
        of which only the columns that are no measurements are read.
    by : str, sequence of str or None, default None
        The columns that name a perturbation; None looks for names such as ``Metadata_Compound``, ``gene``.
    reference : str, dict, array of bool or None, default None
        The control rows; None looks for values such as ``negcon`` and ``DMSO``.
    within : str, sequence of str or None, default None
        The columns in which a well and its controls must agree; an empty list says that none matters.
    plate, well : str
        The columns that name plate and well; where the defaults do not exist, names such as ``barcode``, ``well_id``
        are looked for.
    dose : str or None, default None
        The column of doses.
    features : sequence of str, "all" or None, default None
        The measured columns; "all": every number without the prefix ``Metadata_`` that is no label and no numbering;
        None: what the grammar of feature names takes.

    Returns
    -------
    Description
        ``.columns``, ``.unit``, ``.layout``, ``.problems``, ``.ok``; it prints itself.

    Raises
    ------
    ColumnError
        If a column that is named does not exist.
    ReferenceRowsError
        If the reference is not a query that can be read.
    FileFormatError
        If a file cannot be read.

    Notes
    -----
    The account depends on what the table holds only, not on dtypes, spelling of wells and plates, index, order of rows
    or of columns. That controls of different cell lines, donors or time points on one plate differ is tested by 999
    permutations of whole control wells inside plates; p <= 0.01 counts as beyond chance.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {
    ...         "barcode": ["P1"] * 4,
    ...         "well": ["A1", "B02", "C03", "D06"],
    ...         "compound": ["DMSO", "DMSO", "aspirin", "aspirin"],
    ...         "Cells_AreaShape_Area": [900.0, 910.0, 700.0, 720.0],
    ...     }
    ... )
    >>> cpf.describe(wells)
    Description
      rows          4, each a well: no two rows share plate and well
      feature       'Cells_AreaShape_Area'
      perturbation  compound (2, such as DMSO)
      plate         barcode (1, such as P1)
      well          well (4, such as A01)
      layout        1 plate of 24 wells; on each 4 used, 2 of them controls
      controls      compound == 'DMSO'
      problems      none
    """
    checks.arguments(locals(), profiles=checks.either(checks.frame, checks.cells), dose=checks.optional(checks.column))
    if isinstance(profiles, pd.DataFrame):
        table = _plain_index(profiles)
        return _described(table, table, _said(profiles, table, by, reference, within, plate, well, dose), features)
    cells = profiles if isinstance(profiles, Cells) else _opened(profiles)
    if isinstance(cells, pd.DataFrame):
        return describe(
            cells, by=by, reference=reference, within=within, plate=plate, well=well, dose=dose, features=features
        )
    said = _said(cells.schema, cells.schema, by, reference, within, plate, well, dose)
    return _described(cells.schema, _labels(cells, said, features), said, features, of_cells=True)


def _opened(path: PathLike) -> pd.DataFrame | Cells:
    """Return a file as a table, a folder or a pattern as cells."""
    file = Path(path)
    table = file.is_file() and file.name.lower().endswith((".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".h5ad"))
    return read_profiles(file) if table else open_cells(path)


def _said(
    given: pd.DataFrame,
    table: pd.DataFrame,
    by: By,
    reference: Reference,
    within: By,
    plate: str,
    well: str,
    dose: str | None,
) -> Named:
    """Return what the user names; the default plate and well only where they exist."""
    if not (reference is None or isinstance(reference, str | dict)):
        reference = matches(given, reference)  # a Series fits the index as it came
    return Named(
        by=by,
        reference=reference,
        within=within,
        plate=None if plate == PLATE and plate not in table else plate,
        well=None if well == WELL and well not in table else well,
        dose=dose,
    )


def _described(
    schema: pd.DataFrame,
    profiles: pd.DataFrame,
    said: Named,
    features: Sequence[str] | str | None,
    *,
    of_cells: bool = False,
) -> Description:
    columns = columns_of(schema, said, features=features)
    there = [column for column in columns if column.name in profiles]
    unit = unit_of(profiles, columns=there, within=said.within)
    if of_cells:
        unit = Unit(CELL, "they were opened as cells", unit.keys, np.zeros(len(profiles), dtype=bool))
    controls, guess = _controls(profiles, said, there)
    scene = Scene(profiles, columns, said, unit, controls, guess)
    query = guess.query if guess else said.reference if isinstance(said.reference, str) else ""
    return Description(
        columns=table_of(profiles, columns),
        unit=unit.name,
        why=unit.why,
        layout=layout_of(scene),
        problems=problems_of(scene),
        reference=str(query) if query or controls is None else f"{int(controls.sum()):,} rows",
        n_rows=len(profiles),
    )


def _controls(profiles: pd.DataFrame, said: Named, columns: Sequence[Column]) -> tuple[Mask | None, Guess | None]:
    """Return the control rows: those that the user names, else those that sound like it."""
    if said.reference is not None:
        return matches(profiles, said.reference), None
    guess = guess_controls(profiles, columns)
    if guess is None:
        return None, None
    return guess.rows(profiles), guess


def _labels(cells: Cells, said: Named, features: Sequence[str] | str | None) -> pd.DataFrame:
    """Return the columns of cells in files that are no measurements, read into memory."""
    columns = columns_of(cells.schema, said, features=features)
    skipped = (FEATURE, UNUSED, POSITION, BOOKKEEPING, QUALITY)
    return cells.to_frame([str(column.name) for column in columns if column.role not in skipped])


def _plain_index(profiles: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its rows numbered; named levels of the index that are no columns become columns."""
    levels = [name for name in profiles.index.names if name is not None and name not in profiles.columns]
    return (profiles.reset_index(level=levels) if levels else profiles).reset_index(drop=True)


def _one(row: dict) -> str:
    """Return one column in words: its name, how many values, an example."""
    if pd.isna(row["n_distinct"]):
        return str(row["name"])
    missing = f", {row['n_missing']:,} missing" if row["n_missing"] else ""
    return f"{row['name']} ({row['n_distinct']:,}, such as {row['example']}{missing})"
