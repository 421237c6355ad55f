"""What lies in which well: long tables and plate-shaped grids, in whatever spelling, to a table with a row per well."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core import checks
from cellprofiling.core.account.spelling import spelled_once
from cellprofiling.core.columns import METADATA, PLATE, WELL, is_metadata
from cellprofiling.core.errors import ColumnError, FileFormatError, KeyMatchError, PlateLayoutError, listed, nearest
from cellprofiling.core.ledgers import lines, written
from cellprofiling.core.plates import LETTERS, parse_wells, well_name
from cellprofiling.io.storage.arrow import as_text, to_profiles
from cellprofiling.io.storage.columns import texts_table, typed
from cellprofiling.io.storage.files import PathLike, ending, files_of
from cellprofiling.io.storage.parquet import read_parquet
from cellprofiling.io.storage.text import Text, read_text

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".parquet")

# Column names as they are compared: lower case, letters and digits only, without "metadata"
WELLS = ("well", "wellposition", "wellname", "welllabel", "destinationwell", "destwell", "assaywell")
PLATES = (
    *("plate", "plateid", "platename", "platebarcode", "barcode", "assayplate", "assayplatebarcode"),
    *("destinationplate", "destplate", "destinationplatename", "destinationplatebarcode"),
)
ROWS, COLUMNS = ("row", "wellrow", "platerow"), ("column", "col", "wellcolumn", "wellcol", "platecolumn", "platecol")


def read_platemap(
    path: PathLike, *, well: str | None = None, plate: str | None = None, pad_wells: bool = False
) -> pd.DataFrame:
    """
    Read what lies in which well, from a long table or a plate-shaped grid.

    Parameters
    ----------
    path : str or os.PathLike
        A ``.csv``, ``.tsv``, ``.txt`` (also as ``.gz``) or ``.parquet`` file: either one row per well with a column
        that names the well, or row and column numbers; or a grid, row letters down and column numbers across.
    well : str or None, default None
        The column that holds the well; None looks for names such as ``Well``, ``well_position``, ``dest_well``.
    plate : str or None, default None
        The column that holds the plate; None looks for names such as ``Plate``, ``Assay_Plate_Barcode``. A platemap
        without plate is for every plate.
    pad_wells : bool, default False
        Whether to rewrite wells such as ``A1`` as ``A01``. Otherwise they are an error, because ``A1`` may be what the
        profiles say, too, and a silent change would hide that they differ.

    Returns
    -------
    pandas.DataFrame
        One row per well: ``Metadata_Plate`` if there is one, ``Metadata_Well``, and all other columns with the prefix
        ``Metadata_``. The values of a grid are called as its top left corner says, else as the file.

    Raises
    ------
    FileFormatError
        If the file is missing, empty, damaged or of an unknown kind.
    ColumnError
        If no column, or more than one, can be the well or the plate, or two columns get the same name.
    PlateLayoutError
        If a well is no well, is missing, or is not written as ``A01``.
    KeyMatchError
        If a well occurs more than once on a plate.

    Notes
    -----
    Text stays what it is: a gene called ``NA`` is not missing, and ``00123`` keeps its zeros; a column becomes numbers
    only if every value is written as a number is. Rows that are empty are left out, which the `ledger` says.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import cellprofiling as cpf
    >>> file = pathlib.Path(tempfile.mkdtemp(), "map.csv")
    >>> _ = file.write_text("well_position,gene,dose\\nA01,NA,0.5\\nA02,TP53,10\\n")
    >>> cpf.read_platemap(file)
      Metadata_Well Metadata_gene  Metadata_dose
    0           A01            NA            0.5
    1           A02          TP53           10.0
    """
    checks.arguments(
        locals(), well=checks.optional(checks.column), plate=checks.optional(checks.column), pad_wells=checks.flag
    )
    file = _one_file(path)
    table = _wells_named(_table(file), file, well, plate)
    full = _full_rows(table)
    platemap = to_profiles(full if file.suffix.lower() == ".parquet" else typed(full))
    if platemap.empty:
        raise FileFormatError(f"{str(file)!r}: has {table.num_columns} columns and no rows.")
    standard = _standard(platemap, file, pad_wells)
    platemap, spelled = spelled_once(platemap, plate=PLATE, well=WELL, step="read_platemap")
    platemap = platemap.assign(**{WELL: standard})
    _refuse_doubled(platemap, file)
    first = [name for name in (PLATE, WELL) if name in platemap]
    empty = lines("read_platemap", "row", ["empty rows"], "no value in any column", n=len(table) - len(full))
    return written(
        platemap[[*first, *platemap.columns.drop(first)]], new=[*(line for line in empty if line["n"]), *spelled]
    )


def _one_file(path: PathLike) -> Path:
    if Path(path).is_dir():
        raise FileFormatError(f"path={str(path)!r}: is a folder; name the one file that holds the platemap.")
    files = files_of(path, ENDINGS)
    if len(files) > 1 or not ending(files[0], ENDINGS):
        raise FileFormatError(f"path={str(path)!r}: name one file ending in {listed(ENDINGS)}.")
    return files[0]


def _table(file: Path) -> pa.Table:
    if ending(file, [".parquet"]):
        return read_parquet(file)
    text = read_text(file)
    return _grid(text) if _is_grid(text) else texts_table([text])


def _is_grid(text: Text) -> bool:
    """Return whether the header counts columns and the first value is a row letter."""
    return len(text.names) > 2 and all(n.isdigit() for n in text.names[1:]) and _letter(text) in LETTERS


def _letter(text: Text) -> str:
    return text.first().get(text.names[0], "").strip().upper()


def _grid(text: Text) -> pa.Table:
    """Return a grid as one row per well."""
    corner = text.names[0]
    label = text.source.name.partition(".")[0] if _plain(corner) in ("", "row", "rows", "well", "wells") else corner
    grid = texts_table([replace(text, names=("row", *text.names[1:]))])
    letters = [str(letter).strip().upper() for letter in grid["row"].to_pylist()]
    wrong = [letter for letter in letters if letter not in LETTERS]
    if wrong:
        raise PlateLayoutError(f"{str(text.source)!r}: rows of a grid are A to AF, not {listed(wrong)}.")
    columns = {int(name): grid[name].to_pylist() for name in grid.column_names[1:]}
    wells = [well_name(LETTERS.index(letter), column - 1) for letter in letters for column in columns]
    values = [values[row] for row in range(len(letters)) for values in columns.values()]
    return pa.table({WELL: wells, _prefixed(label): values})


def _wells_named(table: pa.Table, file: Path, well: str | None, plate: str | None) -> pa.Table:
    """Return the table with the names that its columns have in this package, and a well column in any case."""
    names = table.column_names
    wells, plates = _column(names, "well", well, WELLS, file), _column(names, "plate", plate, PLATES, file)
    new = {name: _prefixed(name) for name in names} | dict.fromkeys(wells, WELL) | dict.fromkeys(plates, PLATE)
    doubled = {name for name in new.values() if list(new.values()).count(name) > 1}
    if doubled:
        same = [name for name in names if new[name] in doubled]
        raise ColumnError(
            f"{str(file)!r}: columns {listed(same)} would be called alike, {listed(doubled)}; rename one."
        )
    named = table.rename_columns(list(new.values()))
    return named if wells else named.append_column(WELL, _from_numbers(table, file))


def _column(names: Sequence[str], argument: str, asked: str | None, words: Sequence[str], file: Path) -> list[str]:
    """Return the column asked for, or the only one whose name is one of `words`; an empty list if there is none."""
    if asked is not None:
        if asked not in names:
            raise ColumnError(f"{argument}={asked!r}: no such column in {file.name!r}.{nearest(asked, names)}")
        return [asked]
    found = [name for name in names if _plain(name) in words]
    exact = [name for name in found if name in (WELL, PLATE)]
    if len(found) > 1 and not exact:
        raise ColumnError(
            f"{str(file)!r}: columns {listed(found)} may each be the {argument}: choose one, {argument}={found[0]!r}."
        )
    return exact or found


def _from_numbers(table: pa.Table, file: Path) -> pa.Array:
    """Return well names made of row (number or letters) and column numbers."""
    row = _column(table.column_names, "row", None, ROWS, file)
    column = _column(table.column_names, "column", None, COLUMNS, file)
    if not row or not column:
        raise ColumnError(
            f"{str(file)!r}: none of the columns {listed(table.column_names, limit=20)} says the well; "
            "choose one with well='...'."
        )
    pairs = zip(as_text(table[row[0]]).to_pylist(), as_text(table[column[0]]).to_pylist(), strict=True)
    return pa.array([_place(str(r or "").strip(), str(c or "").strip()) for r, c in pairs], pa.string())


def _place(row: str, column: str) -> str:
    """Return the well in a row and column counted from 1; what cannot be one is returned as it is written."""
    letters = LETTERS[int(row) - 1] if row.isdigit() and 1 <= int(row) <= len(LETTERS) else row.upper()
    return f"{letters}{int(column):02d}" if column.isdigit() else f"{letters}{column}"


def _full_rows(table: pa.Table) -> pa.Table:
    """Return the rows that hold any value; spreadsheets leave empty ones at the end."""
    texts = [pc.fill_null(as_text(column), "") for column in table.columns]
    filled = [pc.not_equal(pc.utf8_trim_whitespace(text), "") for text in texts]
    keep = filled[0]
    for column in filled[1:]:
        keep = pc.or_(keep, column)
    return table.filter(keep)


def _standard(platemap: pd.DataFrame, file: Path, pad_wells: bool) -> list[str]:
    """Return the wells as `A01`; every row must have one, and a plate if others have."""
    for key in [name for name in (WELL, PLATE) if name in platemap]:
        missing = int(platemap[key].isna().sum())
        if missing:
            raise PlateLayoutError(f"{str(file)!r}: {missing} of {len(platemap)} rows have no {key}; fill it in.")
    wells = platemap[WELL].tolist()
    standard = parse_wells(wells, f"{file.name}: well").names
    other = [well for well, name in zip(wells, standard, strict=True) if well != name]
    if other and not pad_wells:
        raise PlateLayoutError(
            f"{str(file)!r}: wells {listed(dict.fromkeys(other))} are not written like 'A01'. If they are the wells of "
            "the profiles, read with pad_wells=True; in screen.yaml write platemap: {path: ..., pad_wells: true}."
        )
    return standard


def _refuse_doubled(platemap: pd.DataFrame, file: Path) -> None:
    keys = [name for name in (PLATE, WELL) if name in platemap]
    doubled = platemap.loc[platemap.duplicated(keys), keys].drop_duplicates()
    if len(doubled):
        names = [" ".join(key) for key in doubled.itertuples(index=False)]
        raise KeyMatchError(f"{str(file)!r}: wells {listed(names)} occur more than once; keep one row for each.")


def _prefixed(name: str) -> str:
    return name if is_metadata(name) else METADATA + name


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("metadata")
