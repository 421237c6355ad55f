"""How segmentation programs name their columns: the tables behind the grammar in `names`.

A new program is a new row here. Patterns match whole names unless they say otherwise.
"""

import re
from typing import NamedTuple

MORPHOLOGY, POSITION, BOOKKEEPING, UNKNOWN = "morphology", "position", "bookkeeping", "unknown"

# What aggregate and fingerprint append; cp_measure's channels follow a double underscore too, so this goes first.
STATISTIC = re.compile(r"(?:__(?:median|mean|mad|std|min|max|q\d\d|level|spread|ks|w1|w2_location|w2_size|w2_shape))+$")

# What fingerprint calls the covariance of two components of single cells: Dependence_PC01_PC02.
DEPENDENCE = re.compile(r"Dependence_(?P<measure>PC\d+_PC\d+)")


class Group(NamedTuple):
    """A group of CellProfiler measurements: their kind, and how the rest of the name reads.

    In `layout`, CH stands for a channel.
    """

    kind: str
    layout: str = r"(?P<measure>.+)"


# CellProfiler: [Compartment_]Group_rest, where the compartment may be missing (ExportToSpreadsheet) or be any words.
GROUPS = {
    "Metadata": Group(BOOKKEEPING),
    "Image": Group(BOOKKEEPING),  # measured on the image, not on its cells; so are the last ones below
    "AreaShape": Group(MORPHOLOGY, r"(?P<measure>.+?)(?:_(?P<scale>\d[\d_]*))?"),
    "Intensity": Group(MORPHOLOGY, r"(?P<measure>[^_]+)(?:_(?P<channel>CH))?"),
    "Granularity": Group(MORPHOLOGY, r"(?P<scale>\d+)(?:_(?P<channel>CH))?"),
    # Angle and number of gray levels follow the scale.
    "Texture": Group(MORPHOLOGY, r"(?P<measure>[^_]+)(?:_(?P<channel>CH))??_(?P<scale>\d+)(?:_\d+){0,2}"),
    "RadialDistribution": Group(
        MORPHOLOGY, r"(?P<measure>[^_]+)(?:_(?P<channel>CH))??_(?P<scale>\d+of\d+|Overflow|\d+_\d+)"
    ),
    "Correlation": Group(MORPHOLOGY, r"(?P<measure>[^_]+(?:_\d)?)(?:_(?P<channel>CH)_(?P<second>CH))?"),
    "Neighbors": Group(MORPHOLOGY, r"(?P<measure>[^_]+)(?:_.+?)??(?:_(?P<scale>\d+|Adjacent|Expanded))?"),
    "ObjectSkeleton": Group(MORPHOLOGY, r"(?P<measure>[^_]+)(?:_(?P<channel>CH))?"),
    "Distance": Group(MORPHOLOGY),
    "Math": Group(MORPHOLOGY),
    "Location": Group(POSITION, r"(?P<measure>[^_]+(?:_[XYZ])?)(?:_(?P<channel>CH))?"),
    "Parent": Group(BOOKKEEPING),
    "Children": Group(BOOKKEEPING),
    "Number_Object": Group(BOOKKEEPING),
    "Count": Group(BOOKKEEPING),
    "Classify": Group(BOOKKEEPING),
    "TrackObjects": Group(BOOKKEEPING),
    "AreaOccupied": Group(BOOKKEEPING),
    "ImageQuality": Group(BOOKKEEPING),
    "Threshold": Group(BOOKKEEPING),
    "FileName": Group(BOOKKEEPING),
    "PathName": Group(BOOKKEEPING),
    "URL": Group(BOOKKEEPING),
    "MD5Digest": Group(BOOKKEEPING),
    "ExecutionTime": Group(BOOKKEEPING),
    "ModuleError": Group(BOOKKEEPING),
}
_GROUP = "|".join(GROUPS)
CELLPROFILER = re.compile(rf"(?:(?P<compartment>.+?)_)??(?P<group>{_GROUP})_(?P<rest>.+)")

# Measures of another kind than their group, by the first word of the measure.
EXCEPTIONS = {
    ("AreaShape", "Center"): POSITION,
    ("AreaShape", "BoundingBoxMinimum"): POSITION,
    ("AreaShape", "BoundingBoxMaximum"): POSITION,
    # Angles to the axes of the image: they change when the plate is turned and jump from 90 to -90 degrees, so that a
    # mean over cells says nothing. BoundingBoxArea is a size, and stays morphology.
    ("AreaShape", "Orientation"): POSITION,
    # Where the two nearest neighbors lie, not what the cell looks like.
    ("Neighbors", "AngleBetweenNeighbors"): POSITION,
    ("Neighbors", "FirstClosestXVector"): POSITION,
    ("Neighbors", "FirstClosestYVector"): POSITION,
    ("Neighbors", "SecondClosestXVector"): POSITION,
    ("Neighbors", "SecondClosestYVector"): POSITION,
    ("Neighbors", "FirstClosestObjectNumber"): BOOKKEEPING,
    ("Neighbors", "SecondClosestObjectNumber"): BOOKKEEPING,
}

# Channels are learned in this order, because a channel may hold an underscore: in Texture_Contrast_ch_1_3_0 only the
# Intensity columns tell that the channel is ch_1, and in Correlation_K_ch_1_ch_2 where one channel ends.
LEARN_LATER = ("Texture", "Correlation")

# cp_measure names these without a group: Area, Zernike_0_0, Contrast_3_00_256__DNA.
BARE = re.compile(
    r"(?P<AreaShape>(?:Area|Perimeter|PerimeterCrofton|Volume|ConvexArea|FilledArea|SurfaceArea|Eccentricity|Solidity"
    r"|Extent|BoundingBox\w+|Center_[XYZ]|EulerNumber|FormFactor|MajorAxisLength|MinorAxisLength|Orientation"
    r"|Compactness|MaximumRadius|MedianRadius|MeanRadius|MinFeretDiameter|MaxFeretDiameter|EquivalentDiameter"
    r"|Zernike|HuMoment|(?:Central|Spatial|Normalized)Moment|InertiaTensor(?:Eigenvalues)?)(?:_\d[\d_]*)?)"
    r"|(?P<Texture>(?:AngularSecondMoment|Contrast|Correlation|Variance|InverseDifferenceMoment|SumAverage|SumVariance"
    r"|SumEntropy|Entropy|DifferenceVariance|DifferenceEntropy|InfoMeas1|InfoMeas2)_\d+_\d+_\d+)"
)

# Columbus and Harmony: "Nuclei Selected - Nucleus Area [µm²] - Mean per Well".
COLUMBUS = re.compile(r"(?P<compartment>.+?) - (?P<measure>.+?)(?: - [\w%]+ per (?:Well|Field))?")
COLUMBUS_CHANNEL = re.compile(
    r"Intensity (?P<region>.+? Region|\S+) (?P<channel>.+) (?P<measure>Mean|StdDev|CV \[%\]|Median|Maximum|Minimum|Sum)"
)

# IN Carta: "F Actin Total Intensity wv1"; the compartment ends where the first word of a measure stands.
INCARTA = re.compile(
    r"(?:(?P<compartment>.+?) )??(?P<measure>(?:Area|Chord|Compactness|Diameter|Displacement|Distance|Elongation|Energy"
    r"|Entropy|Form|Global|Grey|Gyration|High|Intensity|Kurtosis|Light|Low|Major|Max|Minor|Neighbor|Org|Pearson"
    r"|Perimeter|Run|Skewness|Spacing|Total|cg).*) (?P<channel>wv\d+)"
)

# MetaXpress: "Cell: W2 Nucleus Average Intensity (MultiWaveScoring)"; the wavelength may be missing, and the module.
METAXPRESS = re.compile(r"(?P<compartment>Cell): ?(?P<measure>(?:(?P<channel>W\d+) )?.+?)(?: \([^()]+\))?")

# scikit-image regionprops: "area_convex", "intensity_mean-0"; what follows "-" is a channel, or an element of a matrix.
SKIMAGE = re.compile(
    r"(?P<measure>(?P<Intensity>(?:intensity_(?:mean|max|min|std|median)|(?:mean|max|min)_intensity))"
    r"|(?P<AreaShape>area(?:_(?:bbox|convex|filled))?|(?:bbox|convex|filled)_area|num_pixels|axis_(?:major|minor)_length"
    r"|(?:major|minor)_axis_length|eccentricity|solidity|extent|euler_number|perimeter(?:_crofton)?|feret_diameter_max"
    r"|equivalent_diameter(?:_area)?|inertia_tensor(?:_eigvals)?|moments(?:_(?:central|hu|normalized))?)"
    r"|(?P<Weighted>moments_weighted(?:_(?:central|hu|normalized))?|weighted_moments(?:_(?:central|hu|normalized))?))"
    r"(?:-(?P<element>\d+(?:-\d+)*))?"
)

# Fiji and ImageJ, "Set Measurements": names as they stand in the table of results.
FIJI = {
    **dict.fromkeys(("Mean", "StdDev", "Mode", "Min", "Max", "Median", "IntDen", "RawIntDen", "Skew"), "Intensity"),
    "Kurt": "Intensity",
    **dict.fromkeys(("Perim.", "Width", "Height", "Major", "Minor", "Circ.", "Feret", "MinFeret", "AR"), "AreaShape"),
    **dict.fromkeys(("Round", "Solidity", "%Area"), "AreaShape"),
}

# ilastik: "Mean Intensity_0", "Size in pixels", "Radii of the object_1"; the number is a channel or an axis.
ILASTIK = re.compile(
    r"(?P<measure>(?P<Intensity>[Mm](?:in|ax)imum intensity|(?:Mean|Total|(?:Variance|Skewness|Kurtosis|Covariance"
    r"|Histogram|Quantiles) of) Intensity(?: in neighborhood)?)"
    r"|(?P<AreaShape>Size in pixels|Radii of the object|Diameter|Convexity|Convex hull area|Object area|Defect area"
    r"|Number of (?:defects|branches|holes)|Average branch length|Length of the skeleton))(?:_(?P<channel>\d+))?"
)

# Groups of measures that are written in words, by a word they hold; the first that fits.
WORDED = {
    "Neighbors": re.compile(r"Neighbor|Spacing"),
    "Distance": re.compile(r"Distance"),
    "Correlation": re.compile(r"Pearson|Coloc"),
    "Texture": re.compile(r"SER|Haralick|Gabor|Texture|Entropy|Energy|Grey Level|Run Length|Skewness|Kurtosis"),
    "Intensity": re.compile(r"Intensity|Bckg|Flux"),
    "AreaShape": re.compile(
        r"Area|Length|Width|Roundness|Ratio|Axis|Diameter|Perimeter|Form Factor|Elongation|Compactness|Radius"
        r"|Displacement|Symmetry|height|width"
    ),
}


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


# Axes of embeddings and of components: the stem, then a number.
EMBEDDING = _any(
    r"(?i:(?:\w+_)?(?:features?|feat|emb|embeddings?)_?\d+)",
    r"(?i:(?:efficientnet|resnet|vit|dino|dinov\d|cnn|cp_?cnn|dp|harmony|latent|dim|component|x)_?\d+)",
    r"(?i:(?:pca?|ica?|umap|t-?sne)_?\d+)",
    r"\d+",
)

# Any program: where an object lies or points.
POSITIONS = _any(
    r"(?i:[xyz])",
    r"(?i:(?:.*[ _])?(?:position|pos|centroid|center|cg)[ _-]?[xyz](?:[ \[].*)?)",
    r"(?i:[xyz][ _](?:position|pos|centroid|center))",
    r"(?i:(?:.*[ _])?(?:centroid\w*|bbox)[-_]\d(?:-\d)?)",  # scikit-image
    r"(?i:bounding box)",
    r"(?:Bounding Box (?:Minimum|Maximum)|(?:Weighted )?Center of the (?:object|skeleton)"
    r"|Principal components of the object)(?:_\d+)?",  # ilastik
    r"XM|YM|BX|BY|Feret[XY]|FeretAngle",  # ImageJ
    r"Max (?:left|top) border",
    r"(?i:(?:.*[ _])?orientation|(?:.*axis[ _])?angle)",
)

# Any program: which object, image or well this is, how many there are, and what was done to it.
IDS_AND_COUNTS = _any(
    r"(?:\w+_)?(?:Image|Object|Table)_?Number",
    r"Group_(?:Index|Length|Number)",
    r"(?:.*[a-z _])?ID|\w*_id",
    r"Laser[ _]focus[ _]score.*|Assigned Label #",  # MetaXpress
    r"User Label|Predicted Class|Probability of .+|labelimage_oid|timestep",  # ilastik
    r"MinThr|MaxThr|Slice|Ch",  # ImageJ
    r"Object No(?: in .+)?|Object Number|Number of (?:Objects|Analyzed Fields)",
    r"(?i:n_?cells|(?:(?:cell|nucleus|nuclei|object)s?[ _]?)?count)",
    r"(?i:plate|barcode|well|row|col|column|site|field|fov|plane|time[ _]?point|t|frame|replicate|batch|source)",
    r"(?i:(?:plate|plate_map|well|screen)[ _]?name|well label|label|class (?:name|color)|ancestry path|link)",
    r"(?i:(?:\w+[ _])?date|(?:.+[ _])?time ?stamp|slice (?:algorithm|indicator)|dose|concentration)|\w+Date",
)
