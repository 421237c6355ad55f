"""What an argument may be, as data: one sentence for each kind of argument, said in one place.

A verb begins with `checks.arguments(locals())`. What a word means in all verbs stands in `WORDS`; where a verb departs
from it, or has an argument of its own, it says so: `checks.arguments(locals(), k=checks.at_least(2))`. Whether a column
exists is asked of the table, by `frame.require`; a name among choices is asked of the choices, by `errors.one_of`.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ColumnError, InputError, PlateLayoutError, ReferenceRowsError
from cellprofiling.core.plates import FORMATS

MOST = 10**9  # of anything that is counted or drawn: more would not end in a lifetime
SHOWN = 60  # letters of a value that a message repeats


@dataclass(frozen=True)
class Kind:
    """A kind of argument: which values fit, what they are in words, and what would do.

    Attributes
    ----------
    fits : whether a value is of this kind; never raises.
    what : the kind with its article, as in "a whole number of at least 1".
    remedy : what to give instead, as in "give 5 or so".
    error : the error that says so.
    """

    fits: Callable[[Any], bool]
    what: str
    remedy: str
    error: type[InputError] = InputError

    def check(self, name: str, value: object) -> None:
        """Refuse a value that does not fit, with the argument as the user wrote it."""
        if not self.fits(value):
            raise self.error(f"{name}={shown(value)}: not {self.what}; {self.remedy}.")


def arguments(given: Mapping[str, object], /, **own: Kind) -> None:
    """Check the arguments of a verb against `WORDS`, or against the verb's `own` kinds of the same names."""
    for name, value in given.items():
        kind = own.get(name) or WORDS.get(name)
        if kind is not None:
            kind.check(name, value)


def shown(value: object) -> str:
    """Return a value as the user wrote it, or in words where that is long."""
    if isinstance(value, pd.DataFrame):
        return f"a DataFrame of {value.shape[0]} rows and {value.shape[1]} columns"
    text = repr(value)
    return text if len(text) <= SHOWN and "\n" not in text else f"a {type(value).__name__}"


def optional(kind: Kind) -> Kind:
    """Return the kind that also takes None."""
    return replace(kind, fits=lambda value: value is None or kind.fits(value), what=f"{kind.what}, or None")


def at_least(low: int, most: int = MOST) -> Kind:
    """Return the kind of whole numbers from `low` on."""
    return Kind(
        lambda value: is_whole(value) and low <= value <= most,
        f"a whole number of at least {low}" + (f" and at most {most}" if most < MOST else ""),
        "give one" + ("" if most < MOST else f" from {low} to a billion"),
    )


def number(low: float, *, above: bool = False) -> Kind:
    """Return the kind of finite numbers from `low` on, or only `above` it."""
    return Kind(
        lambda value: is_number(value) and (value > low if above else value >= low),
        f"a finite number {'above' if above else 'of at least'} {low:g}" if low > -np.inf else "a finite number",
        "give one such as 1.5",
    )


def several(kind: Kind) -> Kind:
    """Return the kind of one such value, or a list of them that is not empty."""
    return Kind(
        lambda value: kind.fits(value) or (is_list(value) and len(value) > 0 and all(map(kind.fits, value))),
        f"{kind.what}, nor a list of such",
        kind.remedy,
        kind.error,
    )


def either(one: Kind, other: Kind) -> Kind:
    """Return the kind of values that fit one kind or the other."""
    return replace(one, fits=lambda value: one.fits(value) or other.fits(value), what=f"{one.what}, nor {other.what}")


def each(kind: Kind) -> Kind:
    """Return the kind of lists of such values that are not empty."""
    return replace(
        kind,
        fits=lambda value: is_list(value) and len(value) > 0 and all(map(kind.fits, value)),
        what=f"a list of at least one, each {kind.what}",
    )


def is_whole(value: Any) -> bool:
    """Return whether a value is an integer, of Python or of NumPy; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))


def is_list(value: Any) -> bool:
    """Return whether a value is a flat sequence of things, which a text is not."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence | pd.Index | pd.Series | range) and not isinstance(value, str | bytes)


def _is_names(value: Any) -> bool:
    if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        return False
    return isinstance(value, str) or (is_list(value) and all(isinstance(name, Hashable) for name in value))


def _is_table(value: Any) -> bool:
    return isinstance(value, pd.DataFrame) and len(value) > 0 and len(value.columns) > 0


def _is_cells(value: Any) -> bool:
    if isinstance(value, pd.DataFrame):
        return _is_table(value)
    return path.fits(value) or hasattr(value, "partitions")  # io.Cells, which lies above this room


seed = Kind(lambda value: is_whole(value) and value >= 0, "a whole number of at least 0", "give any, such as 0")
share = Kind(
    lambda value: is_number(value) and 0 < value < 1, "a number between 0 and 1", "give one such as 0.05 or 0.95"
)
share_or_all = Kind(
    lambda value: is_number(value) and 0 < value <= 1, "a number above 0 and up to 1", "give one such as 0.5"
)
positive = number(0, above=True)
flag = Kind(lambda value: isinstance(value, bool | np.bool_), "True or False", "give one of them")
text = Kind(lambda value: isinstance(value, str) and value != "", "a text", "give one in quotes")
column = Kind(
    lambda value: isinstance(value, str) and value != "", "the name of a column", "give one name in quotes", ColumnError
)
columns = Kind(_is_names, "the name of a column or a list of names", "name columns in quotes", ColumnError)
frame = Kind(lambda value: isinstance(value, pd.DataFrame), "a pandas.DataFrame", "give a table, with rows or without")
table = Kind(
    _is_table, "a pandas.DataFrame with a row and a column", "give a table, such as read_profiles(path) returns"
)
cells = Kind(_is_cells, "a table of cells, a path, or Cells", "give a table with rows, or open_cells(path)")
reference = Kind(
    lambda value: isinstance(value, str) or is_list(value) or (isinstance(value, Mapping) and len(value) > 0),
    "a query, a {column: value} or a list of True and False",
    "write it like \"Metadata_Role == 'negcon'\"",
    ReferenceRowsError,
)
plate_format = Kind(
    lambda value: is_whole(value) and value in FORMATS,
    "the number of wells of a standard plate",
    f"give one of {', '.join(map(str, FORMATS))}",
    PlateLayoutError,
)
path = Kind(
    lambda value: isinstance(value, str | os.PathLike) and str(value) != "" and "\0" not in str(value),
    "a path",
    "give one as a text or a pathlib.Path",
)
mapping = Kind(lambda value: isinstance(value, Mapping), "a mapping", "write it like {name: value}")
function = Kind(callable, "a function", "give one that takes one argument")
anndata = Kind(lambda value: hasattr(value, "X") and hasattr(value, "obs"), "an AnnData", "read one with anndata")
mudata = Kind(lambda value: hasattr(value, "mod"), "a MuData", "read one with mudata")
axes = Kind(
    lambda value: hasattr(value, "get_figure") and hasattr(value, "plot"), "a matplotlib Axes", "give plt.gca()"
)

whole_numbers = Kind(
    lambda value: is_list(value) and all(map(is_whole, value)), "a list of whole numbers", "give one for each row"
)
names = Kind(lambda value: is_list(value) or isinstance(value, str), "a name or a list of names", "give texts")
steps = Kind(
    lambda value: (
        isinstance(value, str | Mapping) or (is_list(value) and all(isinstance(step, str | Mapping) for step in value))
    ),
    "the name of a step, {name: options}, or a list of such",
    "write it like [{'normalize': {'by': '@plate'}}]",
)
interval = Kind(
    lambda value: is_list(value) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1],
    "two numbers, the lower one first",
    "write them like (0.05, 0.95)",
)
blocks = Kind(
    lambda value: (
        value is None or flag.fits(value) or (isinstance(value, Mapping) and all(map(columns.fits, value.values())))
    ),
    "True, False, None or {name: list of features}",
    "True takes the blocks of fingerprint",
)

WORDS: dict[str, Kind] = {
    **dict.fromkeys(("profiles", "wells", "table", "explained", "relations", "embedding", "named", "hits"), table),
    "platemap": optional(table),
    "plate_format": optional(plate_format),
    "cells": cells,
    "path": path,
    "ax": optional(axes),
    "adata": anndata,
    "mdata": mudata,
    "progress": optional(function),
    "by": optional(columns),
    "features": optional(columns),
    "within": optional(columns),
    "blocks": blocks,
    "statistics": several(text),
    "limits": optional(interval),
    **dict.fromkeys(("plate", "well", "count", "dose", "label", "value"), column),
    **dict.fromkeys(
        ("batch", "on", "not_same", "unit", "pool_by", "pool_scale_by", "image", "site"), optional(columns)
    ),
    **dict.fromkeys(("x", "y", "order"), optional(column)),
    **dict.fromkeys(("reference", "exclude", "treated", "anchors", "positive"), optional(reference)),
    "seed": seed,
    **dict.fromkeys(("permutations", "k", "n_components", "components", "axes"), at_least(1)),
    **dict.fromkeys(("min_cells", "min_label", "min_reference", "simulations", "top"), at_least(1)),
    **dict.fromkeys(("bins", "draws", "folds", "min_overlap", "n"), at_least(2)),
    **dict.fromkeys(("bootstraps", "resamples", "retries"), at_least(0)),
    "neighbors": at_least(3),
    "max_cells": at_least(10),
    **dict.fromkeys(("fdr", "alpha", "confidence", "level", "quantile", "target"), share),
    "alike": number(-1),
    "radius": optional(positive),
    "clip": optional(positive),
}
