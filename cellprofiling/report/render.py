"""The page: a record and figures poured into one HTML file that needs nothing else."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import cellprofiling
from cellprofiling.io.files import atomic
from cellprofiling.report.collect import Report, collect
from cellprofiling.report.figures import Figures, figures
from cellprofiling.report.sources import gather

TEMPLATES = files("cellprofiling.report") / "templates"


def write_report(folder_or_tables: str | PathLike[str] | Mapping[str, Any], path: str | PathLike[str]) -> Path:
    """
    Write the report of a screen as one HTML file that works offline.

    Parameters
    ----------
    folder_or_tables : path-like or mapping
        The output folder of ``cellprofiling run``, or tables by name: "wells" and "hits", and where they are known
        "profiles", "quality" (a `Quality` or its record), "embedding", "provenance", "ledger" and "truth".
    path : path-like
        The HTML file to write.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileFormatError
        If the folder is not there, or lacks hits.csv or wells.parquet.
    InputError
        If a table is unknown, or "wells" or "hits" is missing.

    Notes
    -----
    A part whose table is missing says so in its place. The same tables give the same bytes: the page holds no clock.
    It loads nothing from elsewhere, and its content security policy forbids to.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"], "Cells_Area": [1.0, 2.0]})
    >>> hits = pd.DataFrame({"Metadata_Compound": ["taxol"], "map": [0.9], "p_value": [0.01], "q_value": [0.01]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = cpf.write_report({"wells": wells, "hits": hits}, f"{folder}/report.html")
    ...     path.read_text(encoding="utf-8").count("taxol") > 0
    True
    """
    path = Path(path)
    sources = gather(folder_or_tables)
    beside = "hits.csv" if (path.parent / "hits.csv").exists() else ""
    page = render(collect(sources), figures(sources), hits_file=beside)
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(report: Report, drawn: Figures, hits_file: str = "") -> str:
    """Return the page; every text is escaped, only our own style, script and figures are not."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cellprofiling.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["drawing"] = Markup
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        report=report,
        figures=drawn,
        hits_file=hits_file,
        version=cellprofiling.__version__,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=_hash(script),
    )


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
