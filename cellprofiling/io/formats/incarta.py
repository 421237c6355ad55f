"""IN Carta (Cytiva, Molecular Devices): one csv for each plate, all targets side by side.

Recognized by the columns "OBJECT ID" and "WELL LABEL". The plate is "Plate ID", the well "WELL LABEL" ("C - 3" becomes
C03), the site "FOV"; an object is known by plate, well, FOV, Z, T and "OBJECT ID", which starts anew in every FOV.
Features keep their names: the target in front ("F Actin"), the wavelength behind ("wv2"); blank is missing.
"""

from collections.abc import Sequence

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import NUMBER


def _recognizes(names: Sequence[str]) -> bool:
    return {"OBJECT ID", "WELL LABEL"} <= set(names)


INCARTA = Program(
    name="incarta",
    looks="tables of IN Carta (with OBJECT ID and WELL LABEL)",
    recognizes=_recognizes,
    labels={
        "Plate ID": PLATE,
        "WELL LABEL": WELL,
        "FOV": "Metadata_Site",
        "OBJECT ID": NUMBER,
        "Row": "Metadata_Row",
        "Column": "Metadata_Column",
        "Z": "Metadata_Plane",
        "T": "Metadata_Timepoint",
        "Class Name": "Metadata_ClassName",
        "Class Color": "Metadata_ClassColor",
        "Ancestry Path": "Metadata_AncestryPath",
        "Slice Algorithm": "Metadata_SliceAlgorithm",
        "Slice Indicator": "Metadata_SliceIndicator",
        "Acquisition Time Stamp": "Metadata_AcquisitionTimeStamp",
    },
).format
