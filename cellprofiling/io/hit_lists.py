"""A hit list in a file, and beside it what it was made from."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.errors import FileFormatError, InputError, listed
from cellprofiling.io.storage.files import PathLike, atomic, ending
from cellprofiling.io.storage.records import write_json
from cellprofiling.io.storage.sheets import write_sheets
from cellprofiling.io.tables import read_profiles, write_profiles

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".xlsx")
RECORDS = ("sentences", "audit", "layout_audit", "label_audit", "parameters", "provenance")
NEEDED = ("audit", "parameters", "provenance")


def write_hits(hits: pd.DataFrame, path: PathLike) -> Path:
    """
    Write a hit list, and beside it a JSON file with its audits, what was asked for, and what it was made from.

    Parameters
    ----------
    hits : pandas.DataFrame
        The list as `rank_hits` returns it.
    path : str or os.PathLike
        A name ending in ``.csv``, ``.tsv`` (both also as ``.gz``), ``.parquet`` or ``.xlsx``, in a folder that exists.
        The JSON file has the same name with the ending ``.json``.

    Returns
    -------
    pathlib.Path
        The path of the list.

    Raises
    ------
    FileFormatError
        If the ending is unknown, the folder does not exist, or a workbook is asked for without openpyxl.
    InputError
        If the table does not carry its audit: verbs of pandas such as merge lose it.

    See Also
    --------
    rank_hits : Make the list.

    Notes
    -----
    The JSON file holds ``sentences`` (the audits in words), ``audit``, ``layout_audit``, ``label_audit``,
    ``parameters`` (what was asked for, the seed among it) and ``provenance`` (version, sha256 of the input). A workbook
    (``.xlsx``) has the audits on a second sheet; it needs openpyxl, ``pip install 'cellprofiling[xlsx]'``. The same
    list gives the same bytes.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> hits = cpf.rank_hits(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=99)
    >>> path = cpf.write_hits(hits, pathlib.Path(tempfile.mkdtemp(), "hits.csv"))
    >>> sorted(file.name for file in path.parent.iterdir())
    ['hits.csv', 'hits.json']
    """
    checks.arguments(locals())
    path = Path(path)
    end = ending(path, ENDINGS)
    if end is None:
        raise FileFormatError(f"path={str(path)!r}: {path.name!r} has no known ending: use {listed(ENDINGS)}.")
    missing = [name for name in NEEDED if name not in hits.attrs]
    if missing:
        raise InputError(
            f"hits: does not carry {listed(missing)} in attrs: give the list as rank_hits() returned it, or copy its "
            "attrs to your table."
        )
    if end == ".xlsx":
        with atomic(path) as temporary:
            write_sheets({"hits": hits, "audits": _sentences(hits)}, temporary)
    else:
        write_profiles(hits, path)
    write_json({name: hits.attrs[name] for name in RECORDS if name in hits.attrs}, sidecar(path))
    return path


def read_hits(path: PathLike) -> pd.DataFrame:
    """Return a hit list with the records of the JSON file beside it, if there is one, in its attrs."""
    path = Path(path)
    hits = read_profiles(path) if path.suffix == ".parquet" else _read_text(path)
    beside = sidecar(path)
    if beside.exists():
        hits.attrs |= json.loads(beside.read_text(encoding="utf-8"))
    return hits


def sidecar(path: Path) -> Path:
    """Return the name of the JSON file beside a hit list."""
    return path.with_name(path.name[: -len(ending(path, ENDINGS) or "")] + ".json")


def _read_text(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, sep="\t" if ".tsv" in path.suffixes else ",")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FileFormatError(f"path={str(path)!r}: not a hit list in csv, tsv or parquet ({error}).") from error


def _sentences(hits: pd.DataFrame) -> pd.DataFrame:
    """Return what the audits say and what was asked for, as two columns."""
    said: list[tuple[str, Any]] = [("audit", sentence) for sentence in hits.attrs.get("sentences", ())]
    asked = {**hits.attrs["parameters"], **hits.attrs["provenance"]}
    return pd.DataFrame([*said, *((name, str(value)) for name, value in asked.items())], columns=["what", "said"])
