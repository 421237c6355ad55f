"""The mistakes a user can make, and the sentences that say so.

Each message names the argument, what was given, and what would do.
"""

import difflib
from collections.abc import Iterable

from cellprofiling.core.face.aliases import ALIASES

SHARED = "Metadata_"  # a beginning that says nothing about how alike two names are
SHOWN = 8  # how many names a message lists before it says how many more there are


class CellProfilingError(Exception):
    """Root of every error this package raises on purpose."""


class LeftAsideWarning(UserWarning):
    """Number columns that may well be measured are left aside, and how to take them."""


class InputError(CellProfilingError, ValueError):
    """What was given cannot be used; the command line answers it with exit code 2."""


class ArgumentError(InputError, TypeError):
    """A verb, or a method, has no argument of that name."""


class ColumnError(InputError):
    """A column is missing, doubled, or of the wrong kind."""


class FeatureError(InputError):
    """Feature values cannot be computed with: text, infinite, or all missing."""


class ReferenceRowsError(InputError):
    """The reference query is wrong, or matches no rows or too few."""


class KeyMatchError(InputError):
    """Keys of two tables do not match, or are doubled."""


class PlateLayoutError(InputError):
    """A well name or a plate layout is impossible, or unfit for the method."""


class FileFormatError(InputError):
    """A file is missing, empty, damaged, or of a kind that is not read."""


class DiskFullError(InputError):
    """The disk has no room for a result."""


class RecipeError(InputError):
    """screen.yaml asks for something that does not exist."""


def one_of(name: str, value: str, options: Iterable[str]) -> str:
    """Return `value` if it is among `options`; otherwise say which options there are."""
    options = list(options)
    if value in options:
        return value
    raise InputError(f"{name}={value!r}: choose one of {listed(options, limit=len(options))}.{meant(value, options)}")


def nearest(value: object, options: Iterable[object]) -> str:
    """Return " Did you mean 'x'?" for the option closest to `value`, or nothing."""
    names = {str(option).removeprefix(SHARED): str(option) for option in options}
    match = difflib.get_close_matches(str(value).removeprefix(SHARED), names, n=1, cutoff=0.7)
    return f" Did you mean {names[match[0]]!r}?" if match else ""


def plural(n: int, thing: str) -> str:
    """Return "1 plate" or "1,234 plates"."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def meant(word: object, names: Iterable[str]) -> str:
    """Return what was probably meant by a word that is none of `names`: as `nearest`, and our name for it if another
    package has it: " Did you mean 'by'? (pycytominer's strata is by here)".
    """
    names = list(names)
    alias = ALIASES.get(word) if isinstance(word, str) else None
    if alias is None:
        return nearest(word, names)
    ours = alias.among(names)
    told = f"({alias.package}'s {word} is {alias.words or ours or alias.ours[0]} here)"
    return f" Did you mean {ours!r}? {told}" if ours else f" {told}"


def listed(items: Iterable[object], *, limit: int = SHOWN) -> str:
    """Return items as "'a', 'b', 'c' and 4 more"."""
    items = list(items)
    shown = ", ".join(repr(item) if isinstance(item, str) else str(item) for item in items[:limit])
    return shown + (f" and {len(items) - limit} more" if len(items) > limit else "")
