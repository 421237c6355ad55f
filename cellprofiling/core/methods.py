"""Methods as records: what each is called, what it does, which options it takes, and whose idea it was.

A verb that has methods has a table of them, ``{name: record}``. The error for a name that does not exist, the list in
the docstring, the choices on the command line, `cpf.methods`, the docs page and the citations of a report are made
from the table.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cellprofiling.core.errors import ArgumentError, InputError, listed, meant, one_of


@dataclass(frozen=True)
class Method:
    """A method of a verb; called, it calls its function.

    Attributes
    ----------
    name : what users write.
    sentence : what it does, in one sentence.
    function : what does it; its keyword-only arguments are the options of the method.
    reference : the paper, with its DOI; empty where the method is nobody's in particular.
    needs : what it needs beyond the table, in words; empty if nothing.
    choices : the values an option may have, where it cannot have others. An option whose default is a number is a
        number of at least 0.
    """

    name: str
    sentence: str
    function: Callable[..., Any] = field(repr=False)
    reference: str = ""
    needs: str = ""
    choices: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return what the function returns."""
        return self.function(*arguments, **options)

    @property
    def options(self) -> dict[str, Any]:
        """The options and their defaults; what a `functools.partial` has settled is no option."""
        arguments = inspect.signature(self.function).parameters.values()
        settled = getattr(self.function, "keywords", {})
        return {a.name: a.default for a in arguments if a.kind is a.KEYWORD_ONLY and a.name not in settled}

    def chosen(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options, the given ones in place of the defaults; others are an error."""
        defaults = self.options
        for option, value in given.items():
            if option not in defaults:
                there = f"its options are {listed(defaults)}" if defaults else "it takes no options"
                raise ArgumentError(
                    f"{option}={value!r}: not an option of {self.name!r}; {there}.{meant(option, defaults)}"
                )
            if option in self.choices:
                one_of(option, value, self.choices[option])
            elif isinstance(defaults[option], float | int) and not (isinstance(value, float | int) and value >= 0):
                raise InputError(
                    f"{option}={value!r}: {self.name!r} needs a number of at least 0, such as {defaults[option]}."
                )
        return defaults | dict(given)


M = TypeVar("M", bound=Method)


def table_of(*methods: M) -> dict[str, M]:
    """Return the methods by their names, in the order given."""
    return {method.name: method for method in methods}
