"""Numbers and units of doses, equal ones made one."""

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.account.roles import as_numbers
from cellprofiling.core.errors import InputError, listed, plural
from cellprofiling.kernels.arrays import Doubles, Indices

EQUAL = 1e-6  # relative: doses that lie closer were one dose before somebody computed with them
NEARLY = 0.01  # relative: dispensers are told apart by more than that, so such doses were perhaps meant to be one

# Each unit in the unit of its family, exactly: what a text is compared with, in lower case with u for micro
_STEPS = {"": 0, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}
_WORDS = {"": "", "m": "milli", "u": "micro", "n": "nano", "p": "pico", "f": "femto"}
MOLAR, MASS, SHARE = "µM", "µg/ml", "%"


def _units() -> dict[str, tuple[str, Fraction]]:
    units: dict[str, tuple[str, Fraction]] = {}
    for letter, power in _STEPS.items():
        step, word = Fraction(10) ** power, _WORDS[letter]
        for text in (f"{letter}mol/l", f"{letter}mol/liter", f"{word}molar", f"{word}mol/l", f"{word}mole/l"):
            units[text] = (MOLAR, step * 10**6)
        units[f"{letter}m" if letter else "molar"] = (MOLAR, step * 10**6)
        for gram in (f"{letter}g", f"{word}gram", f"{word}grams"):
            for volume, per in (("ml", 1), ("l", Fraction(1, 1000)), ("ul", 1000)):
                units[f"{gram}/{volume}"] = (MASS, step * 10**6 * per)
    units |= {"%": (SHARE, Fraction(1)), "percent": (SHARE, Fraction(1))}
    return units


UNITS = _units()
_TEXT = re.compile(r"(?P<sign>[<>~=]?)\s*(?P<number>[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>.*)")
# A unit at the end of a column's name: dose_uM, Conc (nM), mmoles_per_liter, mg_per_ml
_NAME = re.compile(
    r"(?:^|[\s_\-(\[])(?P<unit>[munpf]?M|[mu]?M|(?:[munp]?g|mu?g)[\s_]*(?:/|per[\s_])[\s_]*(?:ml|l|ul)"
    r"|[munp]?moles?[\s_]per[\s_]lit(?:er|re)|[munp]?mol(?:/|[\s_]per[\s_])l|(?:milli|micro|nano|pico)?molar"
    r"|(?:percent|%))[)\]]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Doses:
    """Doses read as numbers.

    Attributes
    ----------
    values : one per row, in `unit`, doses that are equal to a relative 1e-6 made one; missing where there is none.
    unit : "µM", "nM" ..., as all texts say, or the one that they were converted to; None where nothing says it.
    levels : the different doses, sorted.
    codes : for each row the number of its level, -1 where missing.
    merged : how many different numbers were made one with another.
    problems : sentences with a remedy.
    """

    values: Doubles
    unit: str | None
    levels: Doubles
    codes: Indices
    merged: int
    problems: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was made of the doses, for the ledger; empty if nothing was changed."""
        if not self.merged:
            return ""
        return f"{self.merged} doses equal to a relative {EQUAL:g} with another taken as that one"


def doses_of(series: pd.Series, argument: str = "dose") -> Doses:
    """Return the doses of a column as numbers in one unit.

    Parameters
    ----------
    series : numbers, or texts such as "10 uM", "0.1 µg/ml", "30 micromolar"; its name may say the unit (dose_uM).
    argument : how the user named it, for the sentences.

    Notes
    -----
    Texts that all have one unit keep it; molar units that differ become µM, masses per volume µg/ml. Doses of
    different families (µM and µg/ml) cannot be converted without a molar mass: the rarer family is missing, and a
    sentence says so. Numbers with negative ones among them that lie in equal steps are taken for logarithms, which a
    sentence says; they are not converted. Doses equal to a relative 1e-6 get the value that most rows have.
    """
    name = f"{argument}={series.name!r}"
    numbers, units, sentences = _read(series, name)
    values, unit = _in_one_unit(numbers, units, name, sentences)
    values, merged = _merged(values)
    levels, inverse = np.unique(values[~np.isnan(values)], return_inverse=True)
    codes = np.full(len(values), -1, dtype=np.intp)
    codes[~np.isnan(values)] = inverse
    sentences += _sentences(series, levels, name)
    return Doses(values, unit or unit_of_name(series.name), levels, codes, merged, tuple(sentences))


def refuse_undosed(doses: Doses) -> None:
    """Refuse doses that cannot be computed with, by the first sentence on them."""
    if doses.problems and (doses.levels <= 0).any():
        raise InputError(doses.problems[0])


def unit_of_name(name: Any) -> str | None:
    """Return the unit that a column's name ends with, None if it has none."""
    match = _NAME.search(str(name).replace("μ", "u").replace("µ", "u").strip())
    if not match:
        return None
    text = re.sub(r"[\s_]*(?:/|per)[\s_]*", "/", match["unit"].lower().replace("_", " "))
    return _printed(re.sub(r"moles?/lit(?:er|re)", "mol/l", text.replace(" ", "")))


def looks_logarithmic(levels: Doubles, name: Any = "") -> bool:
    """Return whether distinct numbers are logarithms of doses: named so, or partly negative and in equal steps."""
    if re.search(r"(?i)(?:^|[\s_])log(?:10|2|\b|_)", str(name)):
        return True
    if len(levels) < 3 or levels.min() >= 0 or levels.min() < -15:
        return False
    steps = np.diff(levels)
    return bool(np.allclose(steps, np.round(steps / steps.min()) * steps.min(), rtol=0, atol=0.02 * steps.min()))


def _read(series: pd.Series, name: str) -> tuple[Doubles, list[str | None], list[str]]:
    """Return for each row a number and the unit beside it, and sentences on what cannot be read."""
    numbers = (
        as_numbers(series) if not isinstance(series.dtype, pd.CategoricalDtype) else as_numbers(series.astype(object))
    )
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    values[np.isinf(values)] = np.nan
    units: list[str | None] = [None] * len(values)
    rest = np.flatnonzero(np.isnan(values) & series.notna().to_numpy())
    unreadable: Counter[str] = Counter()
    texts = series.astype(object).to_numpy()
    for row in rest:
        match = _TEXT.fullmatch(str(texts[row]).strip())
        unit = _unit(match["unit"]) if match else None
        if not match or (match["unit"] and unit is None) or match["sign"] in ("<", ">"):
            unreadable[str(texts[row])] += 1
            continue
        values[row], units[row] = float(match["number"].replace(",", ".")), unit
    if not unreadable:
        return values, units, []
    shown = listed(sorted(unreadable), limit=4)
    return (
        values,
        units,
        [
            f"{name}: {shown} ({sum(unreadable.values())} rows) cannot be read as a number and a unit; write them like "
            "'10 uM' or as numbers, and leave them empty where there is no dose."
        ],
    )


def _unit(text: str) -> str | None:
    """Return a unit in the spelling of `UNITS`, None if it is none."""
    # The case of M tells mol/l from metre, of which there are none among doses
    plain = re.sub(r"\s+per\s+", "/", text.strip().replace("μ", "u").replace("µ", "u")).replace(" ", "").lower()
    plain = plain.replace("mcg", "ug").replace("liter", "l").replace("litre", "l").replace("mcl", "ul")
    plain = "molar" if plain == "m" and text.strip() == "M" else plain
    return plain if plain in UNITS else None


def _printed(unit: str) -> str:
    """Return a unit of `UNITS` as it is printed: µM, mg/ml."""
    family, factor = UNITS.get(unit, (unit, Fraction(1)))
    if family == MOLAR:
        letters = {Fraction(10) ** (power + 6): letter for letter, power in _STEPS.items()}
        return letters[factor].replace("u", "µ") + "M"
    return unit.replace("ug", "µg").replace("ul", "µl") if family == MASS else family


def _in_one_unit(
    numbers: Doubles, units: list[str | None], name: str, sentences: list[str]
) -> tuple[Doubles, str | None]:
    """Return the doses in one unit; `sentences` gets what could not be brought there."""
    present = ~np.isnan(numbers)
    counts = Counter(unit for unit, there in zip(units, present, strict=True) if there and unit)
    if not counts:
        return numbers, None
    bare = int(
        sum(there and not unit and value != 0 for unit, there, value in zip(units, present, numbers, strict=True))
    )
    if bare:
        sentences.append(
            f"{name}: {plural(bare, 'dose')} without a unit beside {sum(counts.values()):,} with one "
            f"({listed(sorted(map(_printed, counts)))}); write the unit with each, or with none."
        )
    families = Counter(
        {f: sum(n for u, n in counts.items() if UNITS[u][0] == f) for f in {UNITS[u][0] for u in counts}}
    )
    family = min(families, key=lambda each: (-families[each], each))
    if len(families) > 1:
        others = sorted(_printed(u) for u in counts if UNITS[u][0] != family)
        sentences.append(
            f"{name}: units {listed(sorted({_printed(u) for u in counts}))} cannot be converted into each other "
            f"without a molar mass; doses in {listed(others)} are left out: convert them first, or split the table."
        )
    own = {_printed(u): UNITS[u][1] for u in counts if UNITS[u][0] == family}
    if len(own) > 1:
        sentences.append(f"{name}: doses are written in {listed(sorted(own))}; they are converted to {family}.")
    target, scale = (family, Fraction(1)) if len(own) > 1 else next(iter(own.items()))
    values = numbers.copy()
    for row, unit in enumerate(units):
        if unit and UNITS[unit][0] == family:
            factor = UNITS[unit][1] / scale
            # Multiplied or divided by a whole number, so that 10 nM is 0.01 µM to the last digit
            up, down = float(factor.numerator), float(factor.denominator)
            values[row] = numbers[row] * up / down
        elif unit:
            values[row] = np.nan
    return values, target


def _merged(values: Doubles) -> tuple[Doubles, int]:
    """Return values of which those that are equal to a relative 1e-6 are one, and how many were changed."""
    levels, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(levels) < 2:
        return values, 0
    starts = np.concatenate([[True], np.diff(levels) > EQUAL * np.abs(levels[1:])])
    cluster = np.cumsum(starts) - 1
    best = np.lexsort((levels, -counts, cluster))  # the one most rows have, the smaller of two
    first = best[np.unique(cluster[best], return_index=True)[1]]
    result = values.copy()
    there = ~np.isnan(values)
    result[there] = levels[first][cluster][np.searchsorted(levels, values[there])]
    return result, int(len(levels) - len(first))


def _sentences(series: pd.Series, levels: Doubles, name: str) -> list[str]:
    """Return what is to be said of the doses that there are."""
    if not len(levels):
        return [f"{name}: no row has a dose."]
    if looks_logarithmic(levels, series.name):
        return [
            f"{name}: the doses {_span(levels)} look like logarithms; give 10 ** dose (or 2 ** dose), which "
            "curves and trends need."
        ]
    said = []
    negative = levels[levels < 0]
    if len(negative):
        said.append(f"{name}: {listed(negative.tolist(), limit=3)} is no dose: a dose is a number above 0.")
    texts = series.dropna().astype(str)
    if texts.str.contains("%").any():
        said.append(f"{name}: percentages are taken as numbers of percent; concentrations in µM tell more.")
    positive = levels[levels > 0]
    close = np.flatnonzero(np.diff(positive) <= NEARLY * positive[1:])
    if len(close):
        pairs = [f"{positive[i]:.10g} and {positive[i + 1]:.10g}" for i in close[:3]]
        more = f" and {len(close) - 3} more pairs" if len(close) > 3 else ""
        said.append(
            f"{name}: {', '.join(pairs)}{more} are nearly equal and count as different doses; if they are one, round "
            "them, for example with .map(lambda dose: float(f'{dose:.2g}'))."
        )
    return said


def _span(levels: Doubles) -> str:
    return f"from {levels.min():g} to {levels.max():g}"
