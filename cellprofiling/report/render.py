"""The page: a record and figures poured into one HTML file that needs nothing else."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cellprofiling.core import checks
from cellprofiling.core.face.version import __version__
from cellprofiling.io.storage.files import atomic
from cellprofiling.report.page.figures import Figures, figures
from cellprofiling.report.page.packing import packed
from cellprofiling.report.page.views import layout, libraries, palettes, uses_gpu, views
from cellprofiling.report.page.wells import Wells, gather_wells
from cellprofiling.report.record.collect import Report, collect
from cellprofiling.report.record.sources import gather
from cellprofiling.report.record.tables import embedded

TEMPLATES = files("cellprofiling.report") / "templates"
EARLY = 'document.documentElement.classList.add("live");'  # the static figures are never laid out, then
SCRIPTS = ("page.js", "grid.js", "views.js", "start.js")


def write_report(folder_or_tables: str | PathLike[str] | Mapping[str, Any], path: str | PathLike[str]) -> Path:
    """
    Write the report of a screen as one HTML file that works offline.

    Parameters
    ----------
    folder_or_tables : path-like or mapping
        The output folder of ``cellprofiling run``, or tables by name: "wells" and "hits", and where they are known
        "profiles", "quality" (a `Quality` or its record), "embedding", "provenance", "ledger", "truth",
        "explanations" and "exemplars".
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
    It loads nothing from elsewhere, and its content security policy forbids to. Very large screens are rounded or
    sampled in a stated order, and the page says so.

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
    checks.arguments(locals(), folder_or_tables=checks.either(checks.mapping, checks.path))
    path = Path(path)
    sources = gather(folder_or_tables)
    wells = gather_wells(sources)
    report = collect(sources, {} if isinstance(wells, str) else wells.codes)
    beside = "hits.csv" if (path.parent / "hits.csv").exists() else ""
    page = render(report, figures(sources), wells, hits_file=beside)
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return path


def render(report: Report, drawn: Figures, wells: Wells | str, *, hits_file: str = "") -> str:
    """Return the page; every text is escaped, only our own style, scripts, records and figures are not."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cellprofiling.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["drawing"] = Markup
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    interactive: dict[str, Any] = {
        "views": "",
        "wells": "",
        "library": "",
        "early": "",
        "gpu": False,
        "view_names": (),
        "axes": ("", ""),
    }
    if isinstance(wells, Wells):
        interactive = _interactive(wells, report)
    hashes = " ".join(f"'{_hash(text)}'" for text in (interactive["early"], interactive["library"], script) if text)
    return environment.get_template("report.html.j2").render(
        report=report,
        figures=drawn,
        hits_file=hits_file,
        no_views=wells if isinstance(wells, str) else "",
        notices=[] if isinstance(wells, str) else wells.notices,
        version=__version__,
        file_name=re.sub(r"[^A-Za-z0-9._-]+", "-", report.title).strip("-.") or "screen",
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        tables=Markup(embedded({grid.name: grid.record for grid in report.grids if grid.rows})),
        script=Markup(script),
        script_hashes=Markup(hashes),
        **interactive,
    )


def _interactive(wells: Wells, report: Report) -> dict[str, Any]:
    """Return what only a page with interactive views holds."""
    record = packed(wells) | {
        "across": layout(len(wells.plates))[0],
        "states": [row[1] for row in report.plates.rows],
    }
    gpu, drawn = uses_gpu(wells), views(wells)
    return {
        "views": Markup(embedded(drawn | {"palettes": palettes()})),
        "view_names": tuple(drawn["roots"]),
        "axes": wells.axes or ("", ""),
        "wells": Markup(embedded(record)),
        "library": Markup(libraries(gpu=gpu)),
        "early": Markup(EARLY),
        "gpu": gpu,
    }


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
