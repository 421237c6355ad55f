"""The columns of a simulated screen: CellProfiler's names, in CellProfiler's units.

Features come in families, measures that are nearly the same number (the four angles of a texture, mean and median
intensity), because seven of eight features of a real screen have such a twin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

COMPARTMENTS = ("Cells", "Cytoplasm", "Nuclei")
CHANNELS = ("AGP", "DNA", "ER", "Mito", "RNA")
PAIRS = tuple(combinations(CHANNELS, 2))  # CellProfiler names two channels in alphabetical order
DNA_CONTENT = "Nuclei_Intensity_IntegratedIntensity_DNA"

Units = tuple[float, float]  # median and robust SD over cells


@dataclass(frozen=True)
class Row:
    """One family in every compartment and channel of a group.

    Attributes
    ----------
    turn : screens of 230 features hold the families of turn 0, larger screens those of later turns.
    marginal : the shape of the distribution, a name in `marginals.MARGINALS`.
    measures : what follows the group in the name -> units; {c} is a channel, {a} and {b} are two.
    nuclei : by how much the values are smaller in nuclei.
    """

    group: str
    turn: int
    marginal: str
    measures: dict[str, Units]
    nuclei: float = 1.0


@dataclass(frozen=True)
class Family:
    """Features that share all but a little of their variation; `measures` has full names."""

    compartment: str
    group: str
    channel: str
    marginal: str
    measures: dict[str, Units]

    @property
    def block(self) -> str:
        """Compartment/group/channel: the features that one change of a cell moves together."""
        return "/".join(filter(None, (self.compartment, self.group, self.channel)))


def _angles(measure: str, scale: int, units: Units) -> dict[str, Units]:
    return {f"{measure}_{{c}}_{scale}_{angle:02d}_256": units for angle in range(4)}


def _rings(ring: int, fraction: Units, mean: Units) -> dict[str, Units]:
    return {f"FracAtD_{{c}}_{ring}of4": fraction, f"MeanFrac_{{c}}_{ring}of4": mean}


def _grains(*scales: int) -> dict[str, Units]:
    return {f"{scale}_{{c}}": (33.0, 6.8) if scale == 1 else (2.0, 1.2) for scale in scales}


# Units: medians and robust SDs of 234 cells of two JUMP Cell Painting sites (BR00121431, BR00116991), rounded.
ROWS = (
    Row("AreaShape", 0, "skewed", {"Area": (5000, 1700), "BoundingBoxArea": (8900, 3100)}, nuclei=0.16),
    Row("AreaShape", 0, "skewed", {"EquivalentDiameter": (79, 14), "MinorAxisLength": (63, 16)}, nuclei=0.4),
    Row("AreaShape", 1, "skewed", {"MajorAxisLength": (111, 26), "MaxFeretDiameter": (116, 29)}, nuclei=0.36),
    Row("AreaShape", 1, "fraction", {"FormFactor": (0.47, 0.11), "Solidity": (0.83, 0.07), "Extent": (0.55, 0.1)}),
    Row("AreaShape", 2, "skewed", {"MeanRadius": (9.3, 2.1), "MedianRadius": (8.3, 1.8)}, nuclei=0.55),
    Row("AreaShape", 2, "fraction", {"Eccentricity": (0.79, 0.12)}),
    Row("AreaShape", 3, "skewed", {"Perimeter": (374, 94)}, nuclei=0.29),
    Row("Neighbors", 0, "skewed", {"FirstClosestDistance_5": (62, 13), "FirstClosestDistance_Adjacent": (62, 13)}),
    Row("Neighbors", 0, "skewed", {"SecondClosestDistance_5": (77, 19), "SecondClosestDistance_Adjacent": (77, 19)}),
    Row("Neighbors", 0, "percent", {"PercentTouching_5": (59, 25), "PercentTouching_Adjacent": (51, 27)}),
    Row(
        "Intensity",
        0,
        "skewed",
        {
            "MeanIntensity_{c}": (0.045, 0.0067),
            "MedianIntensity_{c}": (0.039, 0.0054),
            "LowerQuartileIntensity_{c}": (0.030, 0.0042),
            "UpperQuartileIntensity_{c}": (0.051, 0.0076),
        },
    ),
    Row("Intensity", 1, "skewed", {"StdIntensity_{c}": (0.015, 0.0041), "MADIntensity_{c}": (0.0065, 0.0022)}),
    Row("Intensity", 1, "skewed", {"IntegratedIntensity_{c}": (106, 28)}),
    Row("Intensity", 2, "skewed", {"MinIntensity_{c}": (0.013, 0.001), "MinIntensityEdge_{c}": (0.013, 0.001)}),
    Row("Intensity", 2, "skewed", {"MeanIntensityEdge_{c}": (0.031, 0.0037), "StdIntensityEdge_{c}": (0.0115, 0.004)}),
    Row("Intensity", 3, "skewed", {"MaxIntensity_{c}": (0.098, 0.026), "MaxIntensityEdge_{c}": (0.058, 0.016)}),
    Row("Texture", 0, "texture", _angles("Entropy", 3, (5.8, 0.72))),
    Row("Texture", 1, "heavy", _angles("Contrast", 3, (4.8, 2.6))),
    Row("Texture", 2, "heavy", _angles("Variance", 3, (14.6, 7.4))),
    Row("Texture", 3, "texture", _angles("SumAverage", 3, (23.2, 3.5))),
    Row("Texture", 4, "heavy", _angles("AngularSecondMoment", 3, (0.042, 0.023))),
    Row("Texture", 5, "correlation", _angles("InfoMeas1", 3, (-0.29, 0.064))),
    Row("Texture", 6, "texture", _angles("DifferenceEntropy", 5, (2.5, 0.41))),
    Row("Texture", 7, "correlation", _angles("Correlation", 5, (0.69, 0.11))),
    Row("Texture", 8, "heavy", _angles("Contrast", 10, (18.9, 11.6))),
    Row("Texture", 9, "texture", _angles("Entropy", 10, (6.6, 0.74))),
    Row("Granularity", 0, "heavy", _grains(2, 3)),
    Row("Granularity", 1, "heavy", _grains(1, 4)),
    *(Row("Granularity", turn, "heavy", _grains(2 * turn + 1, 2 * turn + 2)) for turn in range(2, 8)),
    Row("RadialDistribution", 0, "mild", _rings(1, (0.045, 0.0098), (1.23, 0.28))),
    Row("RadialDistribution", 1, "mild", _rings(4, (0.46, 0.066), (0.90, 0.055))),
    Row("RadialDistribution", 2, "mild", _rings(2, (0.17, 0.026), (1.18, 0.17))),
    Row("RadialDistribution", 3, "mild", _rings(3, (0.32, 0.033), (1.10, 0.094))),
    Row("RadialDistribution", 4, "skewed", {"RadialCV_{c}_1of4": (0.10, 0.035), "RadialCV_{c}_2of4": (0.19, 0.066)}),
    Row("RadialDistribution", 5, "skewed", {"RadialCV_{c}_3of4": (0.25, 0.087), "RadialCV_{c}_4of4": (0.25, 0.087)}),
    Row("Correlation", 0, "correlation", {"Correlation_{a}_{b}": (0.68, 0.098)}),
    Row("Correlation", 1, "fraction", {"RWC_{a}_{b}": (0.83, 0.05), "Manders_{a}_{b}": (0.80, 0.074)}),
    Row("Correlation", 2, "fraction", {"RWC_{b}_{a}": (0.83, 0.05), "Manders_{b}_{a}": (0.80, 0.074)}),
    Row("Correlation", 3, "fraction", {"Overlap_{a}_{b}": (0.96, 0.015)}),
    Row("Correlation", 4, "mild", {"K_{a}_{b}": (0.96, 0.135)}),
)

GROUPS = tuple(dict.fromkeys(row.group for row in ROWS))


@cache
def catalog() -> tuple[Family, ...]:
    """Return all families, in an order of which every beginning holds the groups in proportion.

    DNA content is first, so that the smallest screen has a cell cycle.
    """
    content = Family("Nuclei", "Intensity", "DNA", "content", {DNA_CONTENT: (106, 37)})
    ranked = [((row.turn, rank), family) for row in ROWS for rank, family in _families(row)]
    others = [family for _, family in sorted(ranked, key=lambda pair: pair[0]) if DNA_CONTENT not in family.measures]
    return (content, *others)


def _families(row: Row) -> Iterator[tuple[float, Family]]:
    """Yield the families of a row, each with its rank among them between 0 and 1.

    The numbers of compartments and of channels have no common divisor, so that counting through both at once meets
    every combination once, and neighbors differ in both. Each group starts elsewhere.
    """
    compartments = ("Cells",) if row.group == "Neighbors" else COMPARTMENTS
    channels = _channels(row)
    start, n = GROUPS.index(row.group), len(compartments) * len(channels)
    for i in range(n):
        compartment = compartments[(start + i) % len(compartments)]
        a, b = channels[(start + i) % len(channels)]
        scale = row.nuclei if compartment == "Nuclei" else 1.0
        measures = {
            f"{compartment}_{row.group}_{name.format(c=a, a=a, b=b)}": (median * scale, sd * scale)
            for name, (median, sd) in row.measures.items()
        }
        channel = "|".join(filter(None, (a, b)))
        yield (i + 0.5) / n, Family(compartment, row.group, channel, row.marginal, measures)


def _channels(row: Row) -> tuple[tuple[str, str], ...]:
    name = next(iter(row.measures))
    if "{a}" in name:
        return PAIRS
    return tuple((channel, "") for channel in CHANNELS) if "{c}" in name else (("", ""),)
