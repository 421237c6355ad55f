"""Tables as a workbook for a spreadsheet program; needs openpyxl."""

import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core.errors import FileFormatError

MOST_ROWS = 1_048_576  # of a sheet, its header among them
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a cell cannot hold
MADE = (1980, 1, 1, 0, 0, 0)  # the first date a zip file knows: the same table gives the same bytes


def write_sheets(tables: dict[str, pd.DataFrame], path: Path) -> None:
    """Write each table as a sheet; a text stays a text, even if it looks like a formula."""
    try:
        import openpyxl
    except ImportError as error:
        raise FileFormatError(
            f"path={str(path)!r}: workbooks need the package 'openpyxl', which is not installed: pip install "
            "'cellprofiling[xlsx]', or write .csv."
        ) from error
    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = datetime(*MADE)
    book.remove(book.worksheets[0])
    for name, table in tables.items():
        if len(table) >= MOST_ROWS:
            raise FileFormatError(
                f"path={str(path)!r}: {len(table)} rows; a sheet holds {MOST_ROWS - 1}: write .parquet."
            )
        _fill(book.create_sheet(name), table)
    book.save(path)
    _forget_times(path)


def _fill(sheet: Any, table: pd.DataFrame) -> None:
    sheet.append([str(name) for name in table.columns])
    for values in table.itertuples(index=False, name=None):
        sheet.append([_plain(value) for value in values])
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                cell.data_type = "s"
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _plain(value: Any) -> Any:
    """Return a value that a cell can hold; a missing one leaves the cell empty."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int | float):
        return value
    return UNPRINTABLE.sub("", str(value))


def _forget_times(path: Path) -> None:
    """Write the archive again without the time it was made at."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["docProps/core.xml"] = re.sub(
        rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", parts["docProps/core.xml"]
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, MADE), data, zipfile.ZIP_DEFLATED)
