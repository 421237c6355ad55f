"""What makes a cell suspect: the rules that are known, and those a user makes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import pandas as pd

from cellprofiling.cells.flags.measures import Word, find, is_number, number_columns, sizes
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, listed, nearest
from cellprofiling.core.ledgers import Line, lines

QC = "Metadata_QC_"
ROBUST, BORDER, MISSING = "robust", "border", "missing"

Asked = Sequence[str] | Mapping[str, Any] | None


@dataclass(frozen=True)
class Limit:
    """Beyond what a cell is unusual, in any of some features.

    Attributes
    ----------
    what : what the features measure, a name in `MEASURES`; empty if they are named.
    low, high : robust standard deviations from the median of the group; None for no limit on that side.
    log : whether of logarithms, as is right for sizes and intensities.
    least, most : values of the feature itself that may not be passed; None for none.
    test : "robust" as above; "border": the box around the cell reaches the border of the image; "missing": no value.
    features : the columns; none before they are found.
    """

    what: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    least: float | None = None
    most: float | None = None
    test: str = ROBUST
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A cell is flagged if it is beyond all limits of the rule."""

    name: str
    limits: tuple[Limit, ...]

    @property
    def column(self) -> str:
        """The column of its flags."""
        return QC + "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", self.name))

    @property
    def complete(self) -> bool:
        """Whether it knows its columns."""
        return all(limit.features for limit in self.limits)


@dataclass(frozen=True)
class Known:
    """A rule that is known by name: what it finds, and whether it is used unasked."""

    about: str
    limits: tuple[Limit, ...]
    default: bool = True


# A nucleus in metaphase or early G1 has about half the median area, 2 to 3 SDs of log area below it; one with 8 or 16
# times the haploid DNA lies 3 to 5 above. Such cells are biology and stay. So do nuclei that are only irregular or only
# weakly stained: in a screen for nuclear shape those are the hits.
RULES = {
    "small": Known("debris, fragments", (Limit("size", low=-4, log=True),)),
    "large": Known("several cells taken for one", (Limit("size", high=5, log=True),)),
    "merged": Known(
        "touching cells taken for one: large, and of irregular outline",
        (Limit("size", high=2, log=True), Limit("outline", low=-3)),
    ),
    "bright": Known("dead cells, dust: a very bright nuclear stain", (Limit("nuclear stain", high=5, log=True),)),
    "border": Known("cut by the border of the image", (Limit("bounding box", test=BORDER),)),
    "blurred": Known("in an image out of focus", (Limit("focus of the image", low=-5),)),
    "missing": Known("no value where the other rules look, or no size of a compartment", (Limit(test=MISSING),)),
    "irregular": Known("of irregular outline", (Limit("outline", low=-5),), default=False),
    "dim": Known("a very weak nuclear stain", (Limit("nuclear stain", low=-4, log=True),), default=False),
    "saturated": Known("brighter than the camera can tell", (Limit("highest intensity", most=0.999),), default=False),
}
OPTIONS = ("feature", "compartment", "low", "high", "log", "min", "max")
ALL = "all"  # rules of several limits
TAKES = {ROBUST: OPTIONS, BORDER: ("feature", "compartment"), MISSING: ("feature",), ALL: ("compartment",)}


def choose(asked: Asked, schema: pd.DataFrame) -> tuple[tuple[Rule, ...], list[Line]]:
    """Return the rules with the columns they look at, and ledger lines of the usual rules that find none."""
    words = number_columns(schema)
    found = _usual(words) if asked is None else _asked_for(asked, words, schema)
    seen = tuple(dict.fromkeys([*sizes(words), *_looked_at(found)]))
    rules = [_filled(rule, seen) for rule in found]
    unfit = [rule for rule in rules if not rule.complete]
    if asked is not None and unfit:
        parts = listed(sorted({word.part for word in words if word.part}))
        raise InputError(
            f"rules={unfit[0].name!r}: {_lacks(unfit[0])}; name a column with "
            f"{{{unfit[0].name!r}: {{'feature': ...}}}}, or a 'compartment' of {parts}."
        )
    if len(unfit) == len(rules):
        raise InputError(
            "rules=None: no column is known to tell the size, the outline or the stain of a cell; name features, as in "
            "rules={'small': {'feature': 'Nuclei_AreaShape_Area', 'low': -4}}."
        )
    absent = [line for rule in unfit for line in lines("flag_cells", "rule", [rule.name], f"not used: {_lacks(rule)}")]
    return tuple(rule for rule in rules if rule.complete), absent


def _usual(words: Sequence[Word]) -> list[Rule]:
    return [
        Rule(name, tuple(_located(limit, words) for limit in known.limits))
        for name, known in RULES.items()
        if known.default
    ]


def _asked_for(asked: Any, words: Sequence[Word], schema: pd.DataFrame) -> list[Rule]:
    if isinstance(asked, str) or not isinstance(asked, Sequence | Mapping) or not asked:
        raise InputError(
            f"rules={asked!r}: give a list of names, or a mapping of name to options; names are "
            f"{listed(RULES, limit=len(RULES))}."
        )
    options = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(asked)
    return [_checked(_made(name, options[name] or {}, words, schema)) for name in options]


def _made(name: str, options: Any, words: Sequence[Word], schema: pd.DataFrame) -> Rule:
    """Return a rule as the options want it: those of its only feature, or a list, one for each."""
    if isinstance(options, list | tuple):
        return Rule(name, tuple(_changed(name, Limit(), part, words, schema) for part in options))
    known = RULES.get(name)
    if known is None and not (isinstance(options, Mapping) and "feature" in options):
        raise InputError(
            f"rules={name!r}: no rule of that name; choose from {listed(RULES, limit=len(RULES))}, or make one with "
            f"{{{name!r}: {{'feature': ..., 'low': ...}}}}.{nearest(name, RULES)}"
        )
    limits = known.limits if known else (Limit(),)
    fitting = TAKES[limits[0].test] if len(limits) == 1 else TAKES[ALL]
    return Rule(name, tuple(_changed(name, limit, options, words, schema, fitting) for limit in limits))


def _changed(
    name: str,
    limit: Limit,
    options: Any,
    words: Sequence[Word],
    schema: pd.DataFrame,
    fitting: Sequence[str] = OPTIONS,
) -> Limit:
    """Return a limit as the options want it, with its columns."""
    unknown = [option for option in options if option not in fitting] if isinstance(options, Mapping) else [options]
    if unknown:
        raise InputError(
            f"rules={{{name!r}: {options!r}}}: {unknown[0]!r} does not fit; {name!r} takes a mapping of "
            f"{listed(fitting)}, or a list of mappings that must all hold.{nearest(unknown[0], fitting)}"
        )
    features = options.get("feature", ())
    wanted = replace(
        limit,
        features=_columns((features,) if isinstance(features, str) else tuple(features), schema),
        low=options.get("low", limit.low),
        high=options.get("high", limit.high),
        log=bool(options.get("log", limit.log)),
        least=options.get("min", limit.least),
        most=options.get("max", limit.most),
    )
    return _located(wanted, words, options.get("compartment"))


def _columns(features: tuple[str, ...], schema: pd.DataFrame) -> tuple[str, ...]:
    absent = [name for name in features if name not in schema]
    if absent:
        raise ColumnError(f"rules: no column {absent[0]!r}.{nearest(absent[0], schema.columns)}")
    texts = [name for name in features if not is_number(schema[name])]
    if texts:
        raise FeatureError(f"rules: columns {listed(texts)} are not numbers.")
    return features


def _checked(rule: Rule) -> Rule:
    for limit in rule.limits:
        sides = [side for side in (limit.low, limit.high, limit.least, limit.most) if side is not None]
        numbers = all(isinstance(side, Real) and not isinstance(side, bool) for side in sides)
        if not numbers or (limit.test == ROBUST and not sides):
            raise InputError(
                f"rules={{{rule.name!r}: ...}}: give a limit, as a number: 'low' or 'high' in robust standard "
                f"deviations from the median, 'min' or 'max' in units of the feature; given are {sides}."
            )
        if (limit.low is not None and not limit.low < 0) or (limit.high is not None and not limit.high > 0):
            raise InputError(
                f"rules={{{rule.name!r}: ...}}: low={limit.low}, high={limit.high}: these are robust standard "
                "deviations from the median; give low below 0 and high above."
            )
    return rule


def _located(limit: Limit, words: Sequence[Word], part: str | None = None) -> Limit:
    found = limit.features or (tuple(sorted(find(limit.what, words, part))) if limit.what else ())
    return replace(limit, features=_as_box(found) if limit.test == BORDER else found)


def _as_box(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the near sides of a box, axis by axis, then the far ones; nothing if a side lacks."""
    near, far = ([name for name in columns if word in name.casefold()] for word in ("minimum", "maximum"))
    if not near and not far:  # bbox-0 to bbox-3
        near, far = list(columns[: len(columns) // 2]), list(columns[len(columns) // 2 :])
    return (*near, *far) if len(near) == len(far) else ()


def _looked_at(rules: Sequence[Rule]) -> list[str]:
    """Return the columns that the rules measure cells by; the focus is one of the image."""
    limits = [limit for rule in rules for limit in rule.limits if limit.test == ROBUST]
    return [name for limit in limits if limit.what != "focus of the image" for name in limit.features]


def _filled(rule: Rule, seen: tuple[str, ...]) -> Rule:
    """Return the rule with what it looks at if it looks for missing values and was not told where."""
    limits = [
        replace(limit, features=limit.features or (seen if limit.test == MISSING else ())) for limit in rule.limits
    ]
    return replace(rule, limits=tuple(limits))


def _lacks(rule: Rule) -> str:
    absent = [limit.what for limit in rule.limits if not limit.features and limit.what]
    return f"no column is known for the {' and the '.join(absent)}" if absent else "no column to look at"
