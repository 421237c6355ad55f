"""Which columns tell the size, the outline or the stain of a cell, whatever program named them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from cellprofiling.core.columns import is_metadata
from cellprofiling.core.names import parse_features


class Word(NamedTuple):
    """A column taken apart: in which part of the cell, what is measured there, in which channel."""

    column: str
    part: str
    measure: str
    channel: str


@dataclass(frozen=True)
class Measure:
    """How columns are recognized: patterns of the measure, the best first, and of the channel.

    One column is taken, the first that fits, or `several`: all that fit in the same part of the cell.
    """

    patterns: tuple[str, ...]
    channel: str = ".*"
    several: bool = False


MEASURES = {
    "size": Measure(("area|volume|size in pixels",)),
    "outline": Measure(("solidity", "form ?factor", "roundness")),
    "nuclear stain": Measure(
        ("meanintensity|(?:region )?mean|intensity[ _]mean",), channel=".*(?:dna|dapi|hoechst|draq|h2b|nucle).*"
    ),
    "amount of nuclear stain": Measure(
        ("integratedintensity", "(?:region )?(?:sum|integrated|total)|intensity[ _](?:sum|integrated|total)"),
        channel=".*(?:dna|dapi|hoechst|draq|h2b|nucle).*",
    ),
    "highest intensity": Measure(("maxintensity",), several=True),
    "bounding box": Measure((r"boundingbox(?:minimum|maximum)_[xyz]|bbox[-_]\d",), several=True),
    "focus of the image": Measure(("(?:imagequality_)?powerloglogslope_.+",), several=True),
}

# Which part of the cell is looked at first: nuclei are found most reliably, and a cytoplasm is what is left over.
_PARTS = ("nucle", "cell", "^$", "^(?!cyto)", "")
_PART = re.compile(r"(?i)(nucle(?:us|i|ar)|cells?|cyto(?:plasm)?|objects?)[ _](.+)")
_UNIT = re.compile(r" ?\[[^\]]*\]$")


def number_columns(schema: pd.DataFrame) -> list[Word]:
    """Return the columns of numbers that are not metadata, taken apart."""
    names = [name for name in map(str, schema.columns) if not is_metadata(name) and is_number(schema[name])]
    parsed = parse_features(names)[["compartment", "measure", "channel"]].fillna("")
    return [_word(name, *parts) for name, parts in zip(names, parsed.itertuples(index=False), strict=True)]


def _word(column: str, compartment: str, measure: str, channel: str) -> Word:
    text = _UNIT.sub("", measure or column)
    inside = _PART.fullmatch(text)  # the "Nucleus Area" of Columbus' "Cells", or nuclei_area
    return Word(column, inside[1], inside[2], channel) if inside else Word(column, compartment, text, channel)


def find(what: str, words: Iterable[Word], part: str | None = None) -> tuple[str, ...]:
    """Return the columns of a measure in one part of the cell: the one named, else the nucleus where it is measured."""
    measure, words = MEASURES[what], list(words)
    for pattern in measure.patterns:
        fitting = [word for word in words if _fits(word, pattern, measure.channel)]
        if part is not None:
            fitting = [word for word in fitting if word.part.casefold() == part.casefold()]
        if fitting:
            first = min((word.part for word in fitting), key=_rank)
            columns = [word.column for word in fitting if word.part == first]
            return tuple(columns if measure.several else columns[:1])
    return ()


def sizes(words: Iterable[Word]) -> list[str]:
    """Return the column of the size of each part of the cell."""
    words = list(words)
    return [name for part in dict.fromkeys(word.part for word in words) for name in find("size", words, part)]


def is_number(column: Any) -> bool:
    """Return whether a column can be computed with."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _fits(word: Word, pattern: str, channel: str) -> bool:
    return bool(re.fullmatch(f"(?i:{pattern})", word.measure) and re.fullmatch(f"(?i:{channel})", word.channel))


def _rank(part: str) -> int:
    return next(i for i, pattern in enumerate(_PARTS) if re.search(pattern, part, re.IGNORECASE))
