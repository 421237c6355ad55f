"""cp_measure: what `featurize` returns, written as csv or parquet: (image_id, object_name, label) and the features.

Recognized by a column "label" beside features with a channel behind two underscores, as
`Intensity_MeanIntensity__DNA`, or bare ones such as `MajorAxisLength`, without a compartment in front. cp_measure gives
one row for each object of each mask: with masks of nuclei and of cells, `population` says which to read. No plate and
no well: they come from "image_id", else from the name of the file. Values are float64; spreads and quartiles are those
of CellProfiler only with `legacy=True`, and intensities only for images scaled to 0-1.
"""

from collections.abc import Sequence

from cellprofiling.core.dialects import BARE
from cellprofiling.core.names import recognize
from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import IMAGE, NUMBER, POPULATION

IMAGES = ("image_id", "image", "Metadata_image_id")
OBJECTS = ("object_name", "object", "Metadata_object_name")


def _recognizes(names: Sequence[str]) -> bool:
    measured = [name for name in names if "__" in name or BARE.fullmatch(name)]
    return "label" in names and any(_plain(name) for name in measured)


def _plain(name: str) -> bool:
    """Return whether a name is written as cp_measure does; `Cells_Area__mad` is not."""
    feature = recognize(name)
    return feature.group is not None and feature.compartment is None


CP_MEASURE = Program(
    name="cp_measure",
    looks="tables of cp_measure (with label and names such as Intensity_MeanIntensity__DNA)",
    recognizes=_recognizes,
    labels={"label": NUMBER, "plate": "Metadata_Plate", "well": "Metadata_Well", "site": "Metadata_Site"}
    | dict.fromkeys(IMAGES, IMAGE)
    | dict.fromkeys(OBJECTS, POPULATION),
    populations=True,
).format
