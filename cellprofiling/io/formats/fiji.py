"""Fiji and ImageJ: the Results table, saved as csv, tsv, txt or xls (which is tab-separated text).

Recognized by a first column without a name (it counts the rows) beside columns of "Set Measurements". No plate and no
well: they come from the column "Label", which holds the name of the image ("Display label"), else from the name of the
file. X, Y, XM, YM, BX, BY and the angles are positions. Lengths and areas are in the unit of the image's calibration,
which the table does not name: images calibrated differently must not be read together.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import IMAGE, NUMBER
from cellprofiling.io.storage.text import Text, take_apart

MEASUREMENTS = {  # of the dialog Set Measurements
    "Label", "Area", "Mean", "StdDev", "Mode", "Min", "Max", "X", "Y", "XM", "YM", "Perim.", "BX", "BY", "Width",
    "Height", "Major", "Minor", "Angle", "Circ.", "Feret", "IntDen", "Median", "Skew", "Kurt", "%Area", "RawIntDen",
    "Slice", "Frame", "Ch", "FeretX", "FeretY", "FeretAngle", "MinFeret", "AR", "Round", "Solidity", "MinThr",
    "MaxThr",
}  # fmt: skip
COUNT = "Row"


def _take_apart(data: bytes, source: Path) -> Text:
    """Give a name to the column that counts the rows."""
    text = take_apart(data, source)
    return replace(text, names=(COUNT, *text.names[1:])) if text.names[:1] == ("",) else text


def _recognizes(names: Sequence[str]) -> bool:
    """Return whether the first column counts and at least two, or all, of the others are ImageJ's."""
    known = MEASUREMENTS.intersection(names[1:])
    return names[:1] == (COUNT,) and (len(known) > 1 or 0 < len(known) == len(names) - 1)


FIJI = Program(
    name="fiji",
    looks="Results tables of Fiji (a first column without a name, then Area, Mean and the like)",
    recognizes=_recognizes,
    labels={
        COUNT: NUMBER,
        "Label": IMAGE,
        "Slice": "Metadata_Slice",
        "Frame": "Metadata_Timepoint",
        "Ch": "Metadata_Channel",
    },
    take_apart=_take_apart,
).format
