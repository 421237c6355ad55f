"""What a change of features is called: which way measures point, and the words for compartments and channels."""

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core.names import BETWEEN_CHANNELS
from cellprofiling.kernels.arrays import Doubles, Indices, Mask

RINGS = re.compile(r"(\d+)of(\d+)")
FINE = 4  # pixels up to which grains are called fine
# Of what makes the effect on a group: an aspect that makes less than a third of what features with an aspect do, or a
# tenth of what all do (moments of the shape have none), does not tell what happened.
COMMON, RARE = 1 / 3, 0.1


class Aspect(NamedTuple):
    """A property that several measures share.

    Attributes
    ----------
    group : the feature group, as in the grammar.
    up, down : patterns of measures that grow and shrink with it; None for none.
    more, less : what is said of a change; {what} is the channel in the compartment ("nuclear tubulin"), {channel} the
        channel alone, {objects} the compartment ("the nuclei"), {many} those objects.
    """

    group: str
    up: str | None
    down: str | None
    more: str
    less: str


# The first aspect of a group says which way its score points.
ASPECTS = (
    Aspect(
        "Intensity",
        r"(?:Integrated|Mean|Median|LowerQuartile|UpperQuartile|Max|Min)Intensity(?:Edge)?|(?:.* )?(?:Mean|Median|Sum)"
        r"|intensity_(?:mean|max|min|median)|(?:mean|max|min)_intensity|IntDen|RawIntDen|(?:Average|Total) Intensity",
        None,
        "increases {what} intensity",
        "decreases {what} intensity",
    ),
    Aspect(
        "Intensity",
        r"(?:Std|MAD)Intensity(?:Edge)?|StdDev|intensity_std|.* CV \[%\]",
        None,
        "makes {channel} more uneven in {objects}",
        "makes {channel} more even in {objects}",
    ),
    Aspect(
        "Intensity",
        "MassDisplacement",
        None,
        "moves {channel} off the centers of {objects}",
        "moves {channel} towards the centers of {objects}",
    ),
    Aspect(
        "AreaShape",
        r"Area|Perimeter\w*|(?:Major|Minor)AxisLength|M(?:in|ax)FeretDiameter|(?:Maximum|Mean|Median)Radius|Volume"
        r"|EquivalentDiameter|ConvexArea|FilledArea|BoundingBoxArea|SurfaceArea|.*(?:Area|Length|Width).*"
        r"|area\w*|axis_\w+_length|perimeter\w*|equivalent_diameter\w*",
        None,
        "enlarges {objects}",
        "shrinks {objects}",
    ),
    Aspect(
        "AreaShape",
        r"FormFactor|Solidity|Extent|.*Roundness|Circ\.|Round|solidity|extent",
        r"Compactness",
        "makes the outlines of {objects} rounder",
        "makes the outlines of {objects} less round",
    ),
    Aspect(
        "AreaShape",
        r"Eccentricity|eccentricity|Elongation|AR",
        None,
        "elongates {objects}",
        "makes {objects} less elongated",
    ),
    Aspect(
        "Texture",
        r"Contrast|Variance|SumVariance|DifferenceVariance|Entropy|SumEntropy|DifferenceEntropy",
        r"AngularSecondMoment|InverseDifferenceMoment",
        "makes {what} texture coarser",
        "makes {what} texture smoother",
    ),
    Aspect("Texture", r"SumAverage", None, "increases {what} brightness", "decreases {what} brightness"),
    Aspect("Texture", r"Gabor", None, "makes {what} texture more banded", "makes {what} texture less banded"),
    Aspect(
        "Texture",
        r"Correlation|InfoMeas2",
        r"InfoMeas1",
        "makes {what} texture more ordered",
        "makes {what} texture less ordered",
    ),
    Aspect(
        "RadialDistribution",
        r"(?:FracAtD|MeanFrac) inner",
        r"(?:FracAtD|MeanFrac) outer",
        "makes {channel} more central in {objects}",
        "makes {channel} more peripheral in {objects}",
    ),
    Aspect(
        "RadialDistribution",
        r"RadialCV.*",
        None,
        "makes {channel} less even around the centers of {objects}",
        "makes {channel} more even around the centers of {objects}",
    ),
    Aspect(
        "Correlation",
        r"Correlation|Overlap|K|Manders|RWC|Costes",
        None,
        "makes {channel} more co-localized in {objects}",
        "makes {channel} less co-localized in {objects}",
    ),
    Aspect(
        "Granularity", r"coarse", None, "gives {what} more coarse grains", "gives {what} fewer coarse grains"
    ),
    Aspect("Granularity", r"fine", None, "gives {what} more fine grains", "gives {what} fewer fine grains"),
    Aspect(
        "Neighbors",
        r"NumberOfNeighbors|PercentTouching",
        r"(?:First|Second)ClosestDistance|.*Spacing",
        "crowds {many} together",
        "leaves {many} farther apart",
    ),
)  # fmt: skip

COMPARTMENTS = {
    "nuclei": ("nuclear", "the nuclei", "nuclei"),
    "nucleus": ("nuclear", "the nuclei", "nuclei"),
    "cells": ("cellular", "the cells", "cells"),
    "cell": ("cellular", "the cells", "cells"),
    "cytoplasm": ("cytoplasmic", "the cytoplasm", "cells"),
}
ADORNED = re.compile(r"^(?:Corr|Orig|Illum|Raw|Ch_?)(?=[A-Z])")
CHANNELS = {
    "tub": "tubulin",
    "tubulin": "tubulin",
    "actin": "actin",
    "phalloidin": "actin",
    "dapi": "DNA",
    "hoechst": "DNA",
    "dna": "DNA",
    "er": "ER",
    "rna": "RNA",
    "agp": "actin-Golgi-membrane",
    "mito": "mitochondrial",
    "brightfield": "brightfield",
}
NOUNS = {"mitochondrial": "mitochondria", "actin-Golgi-membrane": "actin, Golgi and membrane"}
GROUPS = {
    "AreaShape": "shape",
    "Intensity": "intensity",
    "Texture": "texture",
    "Granularity": "granularity",
    "RadialDistribution": "radial distribution",
    "Correlation": "co-localization",
    "Neighbors": "neighborhood",
    "ObjectSkeleton": "skeleton",
}


def aspects_of(parsed: pd.DataFrame) -> Doubles:
    """Return which way each feature points along each aspect, 1, -1 or 0, shape (n_features, n_aspects)."""
    measures = [_measure(*row) for row in zip(parsed["group"], parsed["measure"], parsed["scale"], strict=True)]
    result = np.zeros((len(parsed), len(ASPECTS)))
    for column, aspect in enumerate(ASPECTS):
        for row, (group, measure) in enumerate(zip(parsed["group"], measures, strict=True)):
            if group == aspect.group and measure:
                result[row, column] = _fits(aspect.up, measure) - _fits(aspect.down, measure)
    return result


def polarity_of(aspects: Doubles, parsed: pd.DataFrame) -> Doubles:
    """Return which way each feature points along the first aspect of its group; 1 where the group has none."""
    result = np.ones(len(parsed))
    for group in {aspect.group for aspect in ASPECTS}:
        first = next(column for column, aspect in enumerate(ASPECTS) if aspect.group == group)
        rows = (parsed["group"] == group).to_numpy()
        result[rows] = aspects[rows, first]
    return result


def _fits(pattern: str | None, measure: str) -> int:
    return int(pattern is not None and re.fullmatch(pattern, measure) is not None)


def _measure(group: str | None, measure: str | None, scale: str | None) -> str | None:
    """Return the measure, with a word for its ring or the size of its grains."""
    if group == "Granularity" and scale:
        return "fine" if int(scale) <= FINE else "coarse"
    rings = RINGS.fullmatch(scale or "")
    if measure and rings:
        place, n = 2 * int(rings[1]) - 1, int(rings[2])
        return f"{measure} {'inner' if place < n else 'outer' if place > n else 'middle'}"
    return re.sub(r"_\d$", "", measure) if group == "Correlation" and measure else measure


def phrase(aspect: int, grew: bool, compartment: str | None, group: str | None, channel: str | None) -> str:
    """Return what happened to a group of features: "decreases nuclear tubulin intensity".

    Parameters
    ----------
    aspect : the aspect that changed, -1 if none tells.
    grew : whether there is more of it.
    """
    words = _parts(compartment, channel)
    if aspect >= 0:
        return (ASPECTS[aspect].more if grew else ASPECTS[aspect].less).format(**words)
    return "changes " + noun(compartment, group, channel)


@lru_cache(maxsize=10_000)
def noun(compartment: str | None, group: str | None, channel: str | None) -> str:
    """Return what a group of features measures: "nuclear tubulin texture"."""
    adjective = _parts(compartment, channel)["what"]
    return f"{adjective} {GROUPS.get(str(group), str(group or 'features'))}".strip()


def channel_word(channel: str) -> str:
    """Return the plain word for a channel, or its name as it stands."""
    plain = ADORNED.sub("", channel)
    return CHANNELS.get(plain.lower(), plain)


def _parts(compartment: str | None, channel: str | None) -> dict[str, str]:
    name = str(compartment or "")
    adjective, objects, many = COMPARTMENTS.get(
        name.lower(), (name.lower(), f"the {name.lower()}" if name else "the objects", name.lower() or "objects")
    )
    channels = [channel_word(part) for part in str(channel or "").split(BETWEEN_CHANNELS) if part]
    nouns = " and ".join(NOUNS.get(part, part) for part in channels) or "the signal"
    return {
        "what": f"{adjective} {' and '.join(channels)}".strip(),
        "channel": nouns,
        "objects": objects,
        "many": many,
    }


def main_aspects(pull: Doubles, change: Doubles, aspects: Doubles) -> tuple[Indices, Mask]:
    """Return the aspect that makes most of the effect of each perturbation on a group, and whether it grew.

    Parameters
    ----------
    pull : what each feature adds to the effect, positive if with it, shape (n_perturbations, n_features).
    change : its own change.
    aspects : shape (n_features, n_aspects).

    Notes
    -----
    Features of an aspect that disagree cancel. The aspect is -1 where none makes enough of the effect.
    """
    found = np.flatnonzero(aspects.any(axis=0))
    if not len(found):
        return np.full(len(pull), -1, dtype=np.intp), np.ones(len(pull), dtype=bool)
    with_effect = np.maximum(pull, 0.0)
    growth = (with_effect * np.sign(change)) @ aspects[:, found]
    best = np.argmax(np.abs(growth), axis=1)
    most = growth[np.arange(len(pull)), best]
    pointed = with_effect[:, aspects.any(axis=1)].sum(axis=1)
    told = (np.abs(most) >= COMMON * pointed) & (np.abs(most) >= RARE * with_effect.sum(axis=1)) & (pointed > 0)
    return np.where(told, found[best], -1).astype(np.intp), most >= 0
