"""The face of the package: its names by the question they answer, and what an unknown name or argument is answered."""

import inspect
import re
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, NamedTuple

from cellprofiling.core.errors import ArgumentError, listed, meant, nearest
from cellprofiling.core.face.aliases import ALIASES

PACKAGE = "cellprofiling"
ROOT = Path(__file__).parents[2]
NAME = re.compile(r"from \.(?P<module>[\w.]*) import (?P<name>\w+) as \w+  # (?P<page>\w+)$")
QUESTION = re.compile(r"# --- (.+) ---$")


class Entry(NamedTuple):
    """A name of the face: the question it answers, where it is written, and its page in the docs."""

    name: str
    question: str
    path: Path
    page: str


@cache
def entries() -> tuple[Entry, ...]:
    """Return the names of the face in the order of `__init__.pyi`, where the package and type checkers find them."""
    found, question = [], ""
    for line in (ROOT / "__init__.pyi").read_text(encoding="utf-8").splitlines():
        if heading := QUESTION.match(line):
            question = heading[1]
        elif match := NAME.match(line):
            path = ROOT.joinpath(*match["module"].split(".")) if match["module"] else ROOT / match["name"]
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            found.append(Entry(match["name"], question, file, match["page"]))
    return tuple(found)


def no_such_name(name: str) -> str:
    """Return the sentence for a name that the face does not have."""
    if name.startswith("_"):
        return f"{PACKAGE} has no {name}"
    near = meant(name, [entry.name for entry in entries()])
    if not near:
        return f"{PACKAGE} has no {name}; {PACKAGE}.verbs() lists what there is."
    return f"{PACKAGE} has no {name}" + re.sub(r"^ Did you mean '(\w+)'\?", r": did you mean \1?", near)


def answering(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb that answers an argument it does not have with the name that is meant.

    It is the verb as users see it: of the same signature and docstring, found and pickled as a name of the package.
    """
    parameters = inspect.signature(verb).parameters
    takes_options = any(argument.kind is argument.VAR_KEYWORD for argument in parameters.values())
    names = [name for name, argument in parameters.items() if argument.kind is not argument.VAR_KEYWORD]

    @wraps(verb)
    def answer(*arguments: Any, **options: Any) -> Any:
        strangers = [name for name in options if name not in names]
        for name in strangers:
            if not takes_options or (name in ALIASES and ALIASES[name].among(names)):
                raise ArgumentError(
                    f"{name}=...: {verb.__name__} has no such argument; its arguments are "
                    f"{listed(names, limit=len(names))}.{meant(name, names)}"
                )
        try:
            return verb(*arguments, **options)
        except ArgumentError as error:
            near = next(filter(None, (nearest(name, names) for name in strangers)), "")
            if not near or "Did you mean" in str(error):
                raise
            raise ArgumentError(f"{error}{near}") from error

    answer.__module__ = PACKAGE
    return answer
