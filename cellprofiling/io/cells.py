"""Cells as they lie in files, in whatever format: opened by name or by looks, read plate by plate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, is_metadata
from cellprofiling.core.errors import FileFormatError, InputError, KeyMatchError, listed, nearest, one_of
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.ledgers import COLUMNS, KEY, Ledger, Line, lines
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.core.views import Facts, html
from cellprofiling.io.formats.cellprofiler.cellprofiler_csv import CELLPROFILER
from cellprofiling.io.formats.cellprofiler.cellprofiler_sqlite import SQLITE
from cellprofiling.io.formats.cellprofiler.cytotable import CYTOTABLE
from cellprofiling.io.formats.cellprofiler.gallery import GALLERY
from cellprofiling.io.formats.columbus import COLUMBUS
from cellprofiling.io.formats.cp_measure import CP_MEASURE
from cellprofiling.io.formats.deepprofiler import DEEPPROFILER
from cellprofiling.io.formats.delimited_cells import DELIMITED
from cellprofiling.io.formats.fiji import FIJI
from cellprofiling.io.formats.h5ad_cells import H5AD
from cellprofiling.io.formats.harmony import HARMONY
from cellprofiling.io.formats.ilastik import ILASTIK
from cellprofiling.io.formats.incarta import INCARTA
from cellprofiling.io.formats.metaxpress import METAXPRESS
from cellprofiling.io.formats.parquet_cells import PARQUET
from cellprofiling.io.formats.regionprops import REGIONPROPS
from cellprofiling.io.objects.cell_cache import write_plate
from cellprofiling.io.objects.partitions import CellFormat, Partition, in_memory, stacked
from cellprofiling.io.storage.files import PathLike, clear_leftovers, found, held, safe_name

# In the order in which they are tried: text that is not known to be something else comes last
FORMATS = {
    form.name: form
    for form in (
        HARMONY,
        COLUMBUS,
        INCARTA,
        METAXPRESS,
        ILASTIK,
        FIJI,
        CP_MEASURE,
        REGIONPROPS,
        DEEPPROFILER,
        H5AD,
        CYTOTABLE,
        SQLITE,
        PARQUET,
        CELLPROFILER,
        GALLERY,
        DELIMITED,
    )
}


@dataclass(frozen=True, repr=False)
class Cells:
    """Cells in files, read when asked for.

    Attributes
    ----------
    format : the name of the format they were opened as.
    partitions : the pieces that are read together, one for each plate wherever the files allow; each has `.plate` and
        `.read(columns)`. Only a piece whose plate is None holds cells of several plates, and then it is the only one.
    schema : a table without rows that has the columns and their types.
    lines : what was left out when they were opened.
    options : with which they were opened.
    """

    format: str
    partitions: tuple[Partition, ...]
    schema: pd.DataFrame
    lines: Ledger
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say what is there without reading it."""
        plates = listed([partition.plate or "several plates" for partition in self.partitions], limit=3)
        return f"<Cells in {self.format} files: {plates}; {self.schema.shape[1]} columns>"

    def _repr_html_(self) -> str:
        """Return what is there as a small table, without reading it."""
        return html(type(self).__name__, self.facts())

    def facts(self) -> Facts:
        """Return what is there without reading it."""
        plates = listed([partition.plate or "several plates" for partition in self.partitions], limit=3)
        return [
            ("format", self.format),
            ("plates", plates),
            ("columns", f"{len(self.features):,} features, {len(self.metadata):,} of metadata"),
            *([("left out", f"{len(self.lines):,} lines in .ledger")] if self.lines else []),
        ]

    @property
    def features(self) -> list[str]:
        """Names of the measured features."""
        return feature_columns(self.schema)

    @property
    def metadata(self) -> list[str]:
        """Names of the columns that say what a cell is."""
        return [str(name) for name in self.schema.columns if is_metadata(name)]

    @property
    def ledger(self) -> pd.DataFrame:
        """What was left out, as a table: step, item, name, reason, n."""
        return pd.DataFrame(list(self.lines), columns=list(COLUMNS))

    def to_frame(self, columns: Sequence[str] | None = None, wells: Sequence[str] | None = None) -> pd.DataFrame:
        """
        Read the cells as one table.

        Parameters
        ----------
        columns : list of str or None, default None
            The columns to read; None reads all.
        wells : list of str or None, default None
            The wells (of every plate) whose cells to return; None returns all.

        Returns
        -------
        pandas.DataFrame
            One row per cell, plate by plate.

        Raises
        ------
        ColumnError
            If a column does not exist.
        KeyMatchError
            If no cell lies in a well.
        """
        wanted = None if columns is None else list(columns)
        read = wanted if wells is None or wanted is None else list(dict.fromkeys([*wanted, WELL]))
        frames = [_of_wells(partition.read(read), wells) for partition in self.partitions]
        cells = stacked(frames)
        left_out = cells.attrs.get(KEY, [])  # on reading
        if wells is not None:
            _refuse_unknown_wells(cells, wells)
        cells = cells if wanted is None or wanted == list(cells) else cells[wanted]
        cells.attrs[KEY] = Ledger([*self.lines, *left_out])
        return cells

    def write(self, folder: PathLike, *, progress: Tell | None = None) -> Path:
        """
        Write the cells in the layout that is read fastest: parquet, a file for each plate, features as float32.

        Parameters
        ----------
        folder : str or os.PathLike
            Where to write; it is made if need be, and must not hold the parquet files of other cells.
        progress : callable or None, default None
            Called with a `Progress` after each partition.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        FileFormatError
            If the folder holds other parquet files.
        FeatureError
            If a value is too large for float32.

        Notes
        -----
        The cells of a well lie together, in the order they had, wells in the order of their names. A missing value is
        NaN, there are no nulls among the features; the other columns are as they were. Each part of a file has a
        checksum: a bit that flips on disk is noticed. Plates that do not fit in memory pass through a scratch file in
        the folder, as large as their features.
        """
        folder = Path(folder)
        plates = {safe_name(plate) + ".parquet": pieces for plate, pieces in self._plates().items()}
        folder.mkdir(parents=True, exist_ok=True)
        for name in plates:
            clear_leftovers(folder / name)
        strangers = sorted({file.name for file in folder.glob("*.parquet")} - set(plates))
        if strangers:
            raise FileFormatError(
                f"folder={str(folder)!r}: holds {listed(strangers)}, of other cells; name a new folder."
            )
        counter = Counter(sum(map(len, plates.values())), progress)
        for name, pieces in plates.items():
            write_plate(pieces, self.features, folder / name, counter)
        return folder

    def _plates(self) -> dict[str, list[Partition]]:
        plates: dict[str, list[Partition]] = {}
        for partition in self.partitions:
            if partition.plate is None:
                return {str(plate): [in_memory(rows)] for plate, rows in partition.read().groupby(PLATE)}
            plates.setdefault(partition.plate, []).append(partition)
        return plates


def open_cells(path: PathLike, *, format: str = "auto", **options: Any) -> Cells:
    """
    Open the cells in a file or folder; almost nothing is read until it is asked for.

    Parameters
    ----------
    path : str or os.PathLike
        A file, a folder of files, or a pattern such as ``"screen/*/cells.parquet"``.
    format : str, default "auto"
        The name of a format, such as ``"parquet"``, ``"delimited"`` (csv, tsv) or ``"harmony"``, or ``"auto"`` to tell
        by names and first lines. The page "Formats" lists all; an unknown one is answered with their names.
    **options : dict
        What a format takes. ``columns``: which columns hold the keys if they are not called ``Metadata_Plate`` and so
        on, ``columns={"plate": "Barcode", "well": "Position"}``. ``pattern``: where plate, well and site stand in the
        path, a regular expression such as ``"(?P<plate>[^_]+)_(?P<well>[A-P][0-9]+)_s(?P<site>[0-9]+)"``.
        ``population``: the kind of object to read where there are several. Of CellProfiler's csv folders and SQLite
        files ``objects``: ``"matched"`` (cells that are there in every compartment) or ``"all"``; ``compartments``:
        which to join, ``["Nuclei"]`` for one alone; ``image``: ``True``, or a list of what was measured on the images
        and is to be read along.

    Returns
    -------
    Cells
        The names of its ``features`` and ``metadata``, its ``partitions`` (each a plate wherever the files allow),
        ``to_frame()`` to have all in memory, ``write(folder)`` to keep them as parquet, and the ``ledger`` of what was
        left out.

    Raises
    ------
    FileFormatError
        If nothing is there, nothing is recognized, a file is damaged, the files do not have the same columns, a cell
        has no plate, or a plate or well was exported twice.
    ColumnError
        If ``columns`` names a column that is not there, or a key that is there already.
    InputError
        If the format or an option is unknown, or there are several populations and none is chosen.

    Notes
    -----
    ``Metadata_Plate`` is the column of that name, CellProfiler's ``Image_Metadata_Plate``, or else the name of the
    file. Columbus and Harmony: wells become ``A01``, other keys get the prefix ``Metadata_`` (the field is
    ``Metadata_Site``), features keep their names, and the units in them are spelled one way.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import cellprofiling as cpf
    >>> file = pathlib.Path(tempfile.mkdtemp(), "plate1.csv")
    >>> _ = file.write_text("Metadata_Well,Cells_Area\\nA01,1.5\\nA01,2.5\\nA02,4\\n")
    >>> cells = cpf.open_cells(file)
    >>> cells
    <Cells in delimited files: 'plate1'; 3 columns>
    >>> cells.to_frame(["Metadata_Plate", "Metadata_Well", "Cells_Area"], wells=["A01"])
      Metadata_Plate Metadata_Well  Cells_Area
    0         plate1           A01         1.5
    1         plate1           A01         2.5
    """
    checks.arguments(locals())
    path = Path(path)
    reader = _recognized(path) if one_of("format", format, [*FORMATS, "auto"]) == "auto" else FORMATS[format]
    _check_options(reader, options)
    files = reader.find(path)
    if not files:
        raise FileFormatError(f"path={str(path)!r}, format={format!r}: there are no {reader.looks}.{_inside(path)}")
    opened = reader.open(files, **options)
    if not opened.partitions:
        names = listed(file.name for file in files)
        raise FileFormatError(f"path={str(path)!r}: no cells in {names}, a header only; export again, or leave it out.")
    left_out = Ledger([*_not_read(path, files, reader), *opened.lines])
    return Cells(reader.name, opened.partitions, opened.schema, left_out, options)


def _recognized(path: Path) -> CellFormat:
    for reader in FORMATS.values():
        if reader.find(path):
            return reader
    known = "; ".join(f"{reader.name}: {reader.looks}" for reader in FORMATS.values())
    raise FileFormatError(f"path={str(path)!r}: no table of cells.{_inside(path)} Formats that are read are {known}.")


def _inside(path: Path) -> str:
    return f" It is a folder, and {held(path)}." if path.is_dir() else ""


def _check_options(reader: CellFormat, options: dict[str, Any]) -> None:
    unknown = [name for name in options if name not in reader.options]
    if unknown:
        raise InputError(
            f"{unknown[0]}={options[unknown[0]]!r}: no option of format {reader.name!r}, which takes "
            f"{listed(reader.options)}.{nearest(unknown[0], reader.options)}"
        )


def _not_read(path: Path, files: Sequence[Path], reader: CellFormat) -> list[Line]:
    """Return a ledger line for each kind of file that lies beside those read."""
    folders = sorted({file.parent for file in files}) if path.is_dir() else []
    read = set(files)
    others = [file for folder in folders for file in found(folder) if file not in read]
    kinds = groupby(sorted(others, key=lambda file: file.suffix), key=lambda file: file.suffix)
    reason = f"left out: not read as {reader.name}"
    names = [[file.name for file in kind] for _, kind in kinds]
    return [line for kind in names for line in lines("open_cells", "file", [listed(kind)], reason, n=len(kind))]


def _of_wells(cells: pd.DataFrame, wells: Sequence[str] | None) -> pd.DataFrame:
    return cells if wells is None else cells[cells[WELL].isin(list(wells))]


def _refuse_unknown_wells(cells: pd.DataFrame, wells: Sequence[str]) -> None:
    absent = [well for well in wells if well not in set(cells[WELL])]
    if absent:
        raise KeyMatchError(f"wells={listed(absent)}: no cell lies there. Wells are written like 'A01'.")
