"""Profile tables in files: the ending of the name decides the format, in both directions."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cellprofiling.core import checks
from cellprofiling.core.account.spelling import spelled_once
from cellprofiling.core.columns import PLATE, WELL, columns_once
from cellprofiling.core.errors import FileFormatError, listed
from cellprofiling.core.ledgers import written
from cellprofiling.io.formats.cellprofiler import gallery
from cellprofiling.io.formats.h5ad_cells import read_h5ad
from cellprofiling.io.objects.embeddings import spread
from cellprofiling.io.storage.arrow import concatenated, to_profiles
from cellprofiling.io.storage.columns import texts_table, typed
from cellprofiling.io.storage.files import PathLike, atomic, ending, files_of
from cellprofiling.io.storage.h5ad import write_h5ad
from cellprofiling.io.storage.parquet import read_parquet, write_parquet
from cellprofiling.io.storage.text import read_text


@dataclass(frozen=True)
class TableFormat:
    """How tables with one ending are read and written."""

    read: Callable[[list[Path]], pa.Table]
    write: Callable[[pd.DataFrame, Path], None]


def read_profiles(path: PathLike) -> pd.DataFrame:
    """
    Read a profile table from a file, or from a folder or pattern of files that are its parts.

    Parameters
    ----------
    path : str or os.PathLike
        A ``.parquet``, ``.csv``, ``.tsv`` (the texts also as ``.gz``) or ``.h5ad`` file, a folder of such files, or a
        pattern such as ``"plates/*.parquet"``. Parts are joined in the order of their names and need the same columns.
        A folder without tables of its own may be a tree of the Cell Painting Gallery, ``<batch>/<plate>/<plate>``.

    Returns
    -------
    pandas.DataFrame
        One row per row of the file, in its order. Metadata and other columns first, then the features as one block of
        floats: float32 if all features of the file are, else float64.

    Raises
    ------
    FileFormatError
        If a file is missing, empty, damaged or of an unknown kind, holds a column twice or no rows, or if the parts do
        not have the same columns.

    Notes
    -----
    ``Metadata_Plate`` and ``Metadata_Well`` are always text; one that is written in several ways (``A1`` and ``A01``,
    ``1001`` and ``1001.0``) is one, with a line in the `ledger`. In text files another metadata column becomes numbers
    only if every value is written as a number is: ``00123`` stays text; and only an empty field is missing: ``NA`` is
    a gene. Among features ``nan``, ``NA``, ``null`` and ``none`` are missing too. Delimiter (tab, comma, semicolon)
    and encoding (UTF-8, UTF-16, Latin-1) are recognized.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import cellprofiling as cpf
    >>> file = pathlib.Path(tempfile.mkdtemp(), "wells.csv")
    >>> _ = file.write_text("Metadata_Plate,Metadata_Well,Metadata_Gene,Cells_Area\\n7,A01,NA,1.5\\n7,A02,TP53,nan\\n")
    >>> cpf.read_profiles(file)
      Metadata_Plate Metadata_Well Metadata_Gene  Cells_Area
    0              7           A01            NA         1.5
    1              7           A02          TP53         NaN
    """
    checks.arguments(locals())
    files = gallery.find(Path(path), gallery.ENDINGS) or files_of(path, TABLE_FORMATS)
    table = table_format(files, path).read(files)
    if not len(table):
        raise FileFormatError(f"path={str(path)!r}: has {table.num_columns} columns and no rows.")
    profiles, spelled = spelled_once(to_profiles(table), plate=PLATE, well=WELL, step="read_profiles")
    return written(profiles, profiles, new=spelled)


def write_profiles(profiles: pd.DataFrame, path: PathLike) -> Path:
    """
    Write a profile table, in the format that the ending of the name asks for.

    Parameters
    ----------
    profiles : pandas.DataFrame
        The table; its index and its ledger are not written.
    path : str or os.PathLike
        A name ending in ``.parquet``, ``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz`` or ``.h5ad``, in a folder that
        exists. A file of that name is replaced at the end, so that it is whole at any time.

    Returns
    -------
    pathlib.Path
        The path that was written.

    Raises
    ------
    FileFormatError
        If the ending is unknown, the folder does not exist, or a column holds values that the format cannot.
    ColumnError
        If a column name occurs more than once.

    Notes
    -----
    Values keep their type in parquet. Text files hold every digit of a number, and missing values as empty fields;
    empty texts are then missing when read again.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "A02"], "Cells_Area": [1.5, 2.5]})
    >>> path = cpf.write_profiles(wells, pathlib.Path(tempfile.mkdtemp(), "wells.parquet"))
    >>> path.name, cpf.read_profiles(path).equals(wells)
    ('wells.parquet', True)
    """
    checks.arguments(locals(), profiles=checks.frame)
    columns_once(profiles)
    path = Path(path)
    write = table_format([path], path).write
    with atomic(path) as temporary:
        write(profiles, temporary)
    return path


def table_format(files: list[Path], path: PathLike) -> TableFormat:
    """Return the format of the files; they must be of one kind."""
    endings = {ending(file, TABLE_FORMATS) for file in files}
    if None in endings:
        names = [file.name for file in files if ending(file, TABLE_FORMATS) is None]
        raise FileFormatError(f"path={str(path)!r}: {listed(names)} has no known ending: use {listed(TABLE_FORMATS)}.")
    formats = list({TABLE_FORMATS[end].read: TABLE_FORMATS[end] for end in endings if end}.values())
    if len(formats) > 1:
        raise FileFormatError(
            f"path={str(path)!r}: holds {listed(sorted(map(str, endings)))} files; name one kind, with a pattern such "
            f"as {str(Path(path) / ('*' + min(map(str, endings))))!r}."
        )
    return formats[0]


def _read_parquet(files: list[Path]) -> pa.Table:
    return concatenated({file: spread(read_parquet(file), file.name) for file in files})


def _read_text(files: list[Path]) -> pa.Table:
    return typed(texts_table([read_text(file) for file in files]))


def _read_h5ad(files: list[Path]) -> pa.Table:
    return concatenated({file: read_h5ad(file) for file in files})


def _write_text(profiles: pd.DataFrame, path: Path) -> None:
    delimiter = "\t" if ".tsv" in path.name.lower() else ","
    data = profiles.to_csv(None, sep=delimiter, index=False, lineterminator="\n").encode()
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, mtime=0)  # the same table gives the same bytes
    path.write_bytes(data)


TABLE_FORMATS = {
    ".parquet": TableFormat(_read_parquet, write_parquet),
    ".csv": TableFormat(_read_text, _write_text),
    ".csv.gz": TableFormat(_read_text, _write_text),
    ".tsv": TableFormat(_read_text, _write_text),
    ".tsv.gz": TableFormat(_read_text, _write_text),
    ".h5ad": TableFormat(_read_h5ad, write_h5ad),
}
