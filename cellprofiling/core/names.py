"""The grammar of feature names: what a column measures, in which compartment and channel, and whether at all.

Recognizing a kind needs one name; telling channels apart needs the whole column set, because a channel may hold an
underscore (`Correlation_K_mito_tubeness_DNA`) and only other columns tell where it ends.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.dialects import (
    BARE,
    BOOKKEEPING,
    CELLPROFILER,
    COLUMBUS,
    COLUMBUS_CHANNEL,
    DEPENDENCE,
    EMBEDDING,
    EXCEPTIONS,
    FIJI,
    GROUPS,
    IDS_AND_COUNTS,
    ILASTIK,
    INCARTA,
    LEARN_LATER,
    METAXPRESS,
    MORPHOLOGY,
    POSITION,
    POSITIONS,
    SKIMAGE,
    STATISTIC,
    UNKNOWN,
    WORDED,
)
from cellprofiling.core.errors import listed

COLUMNS = ("name", "kind", "compartment", "group", "measure", "channel", "scale")
BETWEEN_CHANNELS = "|"
LONG_WORD = 5  # letters


class Feature(NamedTuple):
    """A name and its parts; None is missing. `rest` is the text that is read once the channels are known."""

    name: str
    kind: str
    compartment: str | None = None
    group: str | None = None
    measure: str | None = None
    channel: str | None = None
    scale: str | None = None
    rest: str | None = None


def parse_features(names: Iterable[object]) -> pd.DataFrame:
    """
    Take feature names apart: what is measured, where, in which channel.

    The names of CellProfiler, cp_measure, Columbus, Harmony, IN Carta, MetaXpress, scikit-image, ilastik and Fiji are
    read, and the numbered axes of embeddings. Give all columns of a table at once: the channels are learned from the
    whole set.

    Parameters
    ----------
    names : iterable of str
        Column names, in any order; a statistic that `aggregate` appended (``__mad``, ``__q05``) is seen through.

    Returns
    -------
    pandas.DataFrame
        One row per name, in the order given, all text, None where a name has no such part: ``name``; ``kind``:
        "morphology" (a measured property of a cell), "position" (where it lies or points), "bookkeeping" (which one
        it is, how many there are), "unknown" (no grammar fits; used as a feature); ``compartment``; ``group``
        ("AreaShape", "Texture", ..., "Embedding"); ``measure``; ``channel`` ("DNA|ER" where two are compared);
        ``scale`` (pixels of a texture, "2of4" rings, "5_1" Zernike indices, "Adjacent").
        ``.attrs["notes"]`` lists, in sentences, names that are unknown and channels that look like one spelt twice.

    Notes
    -----
    Positions and bookkeeping are never features, so that no verb takes them for a change of the cells' form.
    ``AreaShape_Orientation`` and ``Neighbors_AngleBetweenNeighbors`` count as positions: they say how a cell lies in
    the image. The angle and the gray levels of a texture are not given, only its scale.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> names = ["Cells_Intensity_MeanIntensity_DNA", "Nuclei_AreaShape_Center_X", "Nuclei_Texture_Gabor_ER_5"]
    >>> cpf.parse_features(names)[["kind", "compartment", "group", "measure", "channel", "scale"]]
             kind compartment      group        measure channel scale
    0  morphology       Cells  Intensity  MeanIntensity     DNA  None
    1    position      Nuclei  AreaShape       Center_X    None  None
    2  morphology      Nuclei    Texture          Gabor      ER     5
    """
    checks.arguments(locals(), names=checks.names)
    names = [names] if isinstance(names, str) else names
    features = _with_channels([recognize(str(name)) for name in names])
    table = pd.DataFrame([feature[: len(COLUMNS)] for feature in features], columns=list(COLUMNS), dtype=object)
    table.attrs["notes"] = [*_unknown(features), *_doubled_channels(features)]
    return table


MEASURED = ("morphology", "unknown")  # kinds of names that may be features; positions and bookkeeping never are


def kinds(names: Iterable[object]) -> list[str]:
    """Return for each name "morphology", "position", "bookkeeping" or "unknown"."""
    return [recognize(str(name)).kind for name in names]


@lru_cache(maxsize=100_000)
def recognize(name: str) -> Feature:
    """Return a name with its kind and the parts that can be told without knowing the channels."""
    if name.endswith("__count"):  # how many cells had a value, whatever was measured
        return Feature(name, BOOKKEEPING)
    text = STATISTIC.sub("", name)
    for read in READERS:
        feature = read(name, text)
        if feature:
            return feature
    return Feature(name, UNKNOWN)


def _parse_cellprofiler(name: str, text: str) -> Feature | None:
    found = CELLPROFILER.fullmatch(text)
    if not found:
        return None
    compartment, group, rest = found.groups()
    kind = EXCEPTIONS.get((group, rest.partition("_")[0]), GROUPS[group].kind)
    return Feature(name, kind, compartment, group, rest=rest)


def _parse_cp_measure(name: str, text: str) -> Feature | None:
    text, *channels = text.split("__")
    bare = BARE.fullmatch(text)
    if not (bare or channels):
        return None
    feature = _parse_cellprofiler(name, f"{bare.lastgroup}_{text}" if bare else text)
    return feature and feature._replace(channel=BETWEEN_CHANNELS.join(channels) or None)


def _parse_columbus(name: str, text: str) -> Feature | None:
    found = COLUMBUS.fullmatch(text)
    if not found:
        return None
    compartment, measure = found.groups()
    feature = Feature(name, _kind_in_words(measure) or MORPHOLOGY, compartment, _group_in_words(measure), measure)
    intensity = COLUMBUS_CHANNEL.fullmatch(measure)
    if intensity:
        feature = feature._replace(
            measure=f"{intensity['region']} {intensity['measure']}", channel=intensity["channel"]
        )
    return feature


def _parse_incarta(name: str, text: str) -> Feature | None:
    found = INCARTA.fullmatch(text)
    if not found:
        return None
    compartment, measure, channel = found.groups()
    return Feature(name, _kind_in_words(measure) or MORPHOLOGY, compartment, _group_in_words(measure), measure, channel)


def _parse_metaxpress(name: str, text: str) -> Feature | None:
    found = METAXPRESS.fullmatch(text)
    if not found:
        return None
    measure, group = found["measure"], _group_in_words(found["measure"])
    return Feature(name, _kind_in_words(measure) or MORPHOLOGY, "Cell", group, measure, found["channel"])


def _parse_skimage(name: str, text: str) -> Feature | None:
    found = SKIMAGE.fullmatch(text)
    if not found:
        return None
    if found["Intensity"]:
        return Feature(name, MORPHOLOGY, None, "Intensity", found["measure"], found["element"])
    group = "AreaShape" if found["AreaShape"] else "Intensity"
    return Feature(name, MORPHOLOGY, None, group, found["measure"], scale=found["element"])


def _parse_fiji(name: str, text: str) -> Feature | None:
    return Feature(name, MORPHOLOGY, None, FIJI[text], text) if text in FIJI else None


def _parse_ilastik(name: str, text: str) -> Feature | None:
    found = ILASTIK.fullmatch(text)
    if not found:
        return None
    if found["Intensity"]:
        return Feature(name, MORPHOLOGY, None, "Intensity", found["measure"], found["channel"])
    return Feature(name, MORPHOLOGY, None, "AreaShape", found["measure"], scale=found["channel"])


def _parse_embedding(name: str, text: str) -> Feature | None:
    return Feature(name, MORPHOLOGY, group="Embedding", measure=text) if EMBEDDING.fullmatch(text) else None


def _parse_dependence(name: str, text: str) -> Feature | None:
    found = DEPENDENCE.fullmatch(text)
    return Feature(name, MORPHOLOGY, group="Dependence", measure=found["measure"]) if found else None


def _kind_in_words(text: str) -> str | None:
    if IDS_AND_COUNTS.fullmatch(text):
        return BOOKKEEPING
    return POSITION if POSITIONS.fullmatch(text) else None


def _group_in_words(measure: str) -> str | None:
    return next((group for group, pattern in WORDED.items() if pattern.search(measure)), None)


def _parse_any_program(name: str, text: str) -> Feature | None:
    kind = _kind_in_words(text)
    return Feature(name, kind) if kind else None


# The first that can read a name does; a bare "Correlation_3_00_256__DNA" is a texture.
READERS = (
    _parse_dependence,
    _parse_cp_measure,
    _parse_cellprofiler,
    _parse_columbus,
    _parse_incarta,
    _parse_metaxpress,
    _parse_any_program,
    _parse_skimage,
    _parse_ilastik,
    _parse_fiji,
    _parse_embedding,
)


def _with_channels(features: Sequence[Feature]) -> list[Feature]:
    """Return the features with the rest of their names read, groups that need known channels last."""
    features = list(features)
    for groups in (GROUPS.keys() - LEARN_LATER, *({group} for group in LEARN_LATER)):
        layouts = _layouts(groups, channels=_channels(features))
        for i, feature in enumerate(features):
            if feature.group in layouts and feature.rest:
                features[i] = _parse_rest(feature, layouts[feature.group])
    return features


def _layouts(groups: Iterable[str], channels: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """Return how the rest of a name reads in each group; the longest known channel that fits is taken."""
    known = "|".join(re.escape(channel) for channel in sorted(channels, key=lambda channel: (-len(channel), channel)))
    either = f"(?:{known}|.+?)" if known else ".+?"
    return {group: re.compile(GROUPS[group].layout.replace("CH", either)) for group in groups}


def _parse_rest(feature: Feature, layout: re.Pattern[str]) -> Feature:
    found = layout.fullmatch(feature.rest or "")
    if not found:
        return feature._replace(measure=feature.rest, rest=None)
    parts = found.groupdict()
    channel = BETWEEN_CHANNELS.join(filter(None, (parts.get("channel"), parts.get("second")))) or feature.channel
    return feature._replace(measure=parts.get("measure"), channel=channel, scale=parts.get("scale"), rest=None)


def _channels(features: Iterable[Feature]) -> set[str]:
    return {part for feature in features if feature.channel for part in feature.channel.split(BETWEEN_CHANNELS)}


def _unknown(features: Sequence[Feature]) -> list[str]:
    names = [feature.name for feature in features if feature.kind == UNKNOWN]
    if not names:
        return []
    return [f"{len(names)} of {len(features)} names follow no known grammar and count as features: {listed(names)}."]


def _doubled_channels(features: Iterable[Feature]) -> list[str]:
    return [
        f"Channels {first!r} and {second!r} are spelt almost alike: perhaps they are one channel."
        for first, second in itertools.combinations(sorted(_channels(features)), 2)
        if _almost_alike(first, second)
    ]


def _almost_alike(first: str, second: str) -> bool:
    """Return whether two channels differ in case only, or by at most two letters within long words.

    Short words differ on purpose (DNA and RNA, CorrGFP and CorrRFP, Bright_H and Bright_L, Alexa488 and Alexa568).
    """
    if first.casefold() == second.casefold():
        return True
    ours, theirs = _words(first), _words(second)
    different = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    if len(ours) != len(theirs) or any(min(len(a), len(b)) < LONG_WORD for a, b in different):
        return False
    return sum(_edit_distance(a, b) for a, b in different) <= 2


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)


def _edit_distance(first: str, second: str) -> int:
    """Return the fewest letters to insert, delete or replace (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        row, above = [i], row
        for j, other in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other)))
    return row[-1]
