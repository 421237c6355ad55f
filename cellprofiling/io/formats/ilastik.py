"""ilastik: the table that object classification and tracking export, one csv for each image.

Recognized by the column "labelimage_oid", or "object_id" with "timestep". No plate and no well: they come from the name
of the file (`P1_A01_s1_table.csv`), or from a column "filename" of tables put together. The class that was predicted
and the one that a user gave are metadata; probabilities, positions and bounding boxes are no features. "_0" behind a
name is a channel (intensities) or an axis (radii). Lengths are in pixels.

This reader rests on hand-made examples with the column names of public files.
"""

from collections.abc import Sequence

from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import IMAGE, NUMBER


def _recognizes(names: Sequence[str]) -> bool:
    return "labelimage_oid" in names or {"object_id", "timestep"} <= set(names)


ILASTIK = Program(
    name="ilastik",
    looks="object tables of ilastik (with labelimage_oid, or object_id and timestep)",
    recognizes=_recognizes,
    labels={
        "labelimage_oid": NUMBER,
        "object_id": "Metadata_ObjectID",
        "timestep": "Metadata_Timepoint",
        "lineage_id": "Metadata_LineageID",
        "track_id": "Metadata_TrackID",
        "User Label": "Metadata_UserLabel",
        "Predicted Class": "Metadata_PredictedClass",
        "filename": IMAGE,
    },
).format
