"""The options of a method: the keyword-only arguments of its function, with their defaults."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cellprofiling.core.errors import InputError, listed, nearest


def options_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the options a method takes and their defaults."""
    arguments = inspect.signature(function).parameters.values()
    return {a.name: a.default for a in arguments if a.kind is a.KEYWORD_ONLY}


def chosen_options(name: str, function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of the method `name`, the given ones in place of the defaults; others are an error."""
    known = options_of(function)
    for option, value in given.items():
        if option not in known:
            there = f"its options are {listed(known)}" if known else "it takes no options"
            raise InputError(f"{option}={value!r}: not an option of {name!r}; {there}.{nearest(option, known)}")
        if isinstance(known[option], float | int) and not (isinstance(value, float | int) and value >= 0):
            raise InputError(f"{option}={value!r}: {name!r} needs a number of at least 0, such as {known[option]}.")
    return known | dict(given)
