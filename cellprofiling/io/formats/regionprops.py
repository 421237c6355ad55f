"""scikit-image `regionprops_table`, as it is also written for masks of Cellpose and StarDist: csv or parquet.

Recognized by the column "label" beside "area", "num_pixels", "centroid-0" or "bbox-0". No plate and no well: they come
from the names of the files, or from columns added to the table and named with `columns`; a column "image", "filename"
or "image_id" holds the names where one table holds many images. Centroids, bounding boxes and the orientation are
positions, "label" is an object number; none is a feature. "-0" behind a name is a channel or an element of a matrix.
Old names of properties (mean_intensity) and new ones (intensity_mean) both stay as they are: read files of one kind.
Lengths are in pixels unless regionprops was given a spacing.
"""

from collections.abc import Sequence

from cellprofiling.io.objects.programs import Program
from cellprofiling.io.objects.reading import IMAGE, NUMBER

IMAGES = ("image", "image_id", "filename", "file_name", "image_name")
PROPERTIES = {"area", "num_pixels", "centroid-0", "bbox-0"}


def _recognizes(names: Sequence[str]) -> bool:
    return "label" in names and not PROPERTIES.isdisjoint(names)


REGIONPROPS = Program(
    name="regionprops",
    looks="tables of scikit-image regionprops (with label and area, centroid-0 or bbox-0)",
    recognizes=_recognizes,
    labels={"label": NUMBER, "plate": "Metadata_Plate", "well": "Metadata_Well", "site": "Metadata_Site"}
    | dict.fromkeys(IMAGES, IMAGE),
).format
