"""MetaXpress (ImageXpress, Molecular Devices): cell measurements of MultiWaveScoring and of custom modules.

Tab- or comma-separated text; lines of preamble, six as a rule, stand above the header. Recognized by the columns
"Plate ID", "Well Name" and "MEASUREMENT SET ID" within the first lines. The plate is the "Plate ID", a number; its name
stands in the preamble only and is not read (`pattern` or `columns` give another). Rows of sites and of wells, without a
"Cell ID", lie among those of cells: they are left out, and so are columns whose name does not start with "Cell:".
Features keep their names: `Cell: W2 Nucleus Average Intensity (MultiWaveScoring)`, the module in parentheses. Focus
scores and centroids are no features.

This reader rests on hand-made examples with the column names of public scripts, not on a file of the program.
"""

from collections.abc import Sequence
from pathlib import Path

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import NUMBER
from cellprofiling.io.storage.text import Text, take_apart

KEYS = ("Plate ID", "Well Name", "MEASUREMENT SET ID")
PREAMBLE = 15  # lines at most
CELL = "Cell:"


def _take_apart(data: bytes, source: Path) -> Text:
    """Take apart what follows the preamble."""
    lines = data.split(b"\n", PREAMBLE + 1)[: PREAMBLE + 1]
    at = next((i for i, line in enumerate(lines) if all(key.encode() in line for key in KEYS)), 0)
    return take_apart(data[sum(len(line) + 1 for line in lines[:at]) :], source)


def _recognizes(names: Sequence[str]) -> bool:
    return set(KEYS) <= set(names)


def _not_of_cells(names: Sequence[str]) -> list[str]:
    """Return the columns without "Cell:"; none if no column has it, as in exports of cells alone."""
    others = [name for name in names if name and not name.startswith(CELL)]
    return others if len(others) < len([name for name in names if name]) else []


METAXPRESS = Program(
    name="metaxpress",
    looks="cell measurements of MetaXpress (with Plate ID, Well Name, MEASUREMENT SET ID)",
    recognizes=_recognizes,
    labels={
        "Plate ID": PLATE,
        "Well Name": WELL,
        "Site ID": "Metadata_Site",
        "Cell ID": NUMBER,
        "MEASUREMENT SET ID": "Metadata_MeasurementSetID",
        "Run Settings ID": "Metadata_RunSettingsID",
        "Series ID": "Metadata_SeriesID",
        "Instance": "Metadata_Instance",
        "Well X": "Metadata_WellX",
        "Well Y": "Metadata_WellY",
    },
    take_apart=_take_apart,
    not_of_cells=_not_of_cells,
    cell=NUMBER,
).format
