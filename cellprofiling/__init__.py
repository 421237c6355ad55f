"""From per-cell feature tables to a hit list that can be trusted, with a QC report beside it.

The verbs are imported when first used: `import cellprofiling` loads none of the heavy libraries. Their names, by the
question they answer, stand in `__init__.pyi`; `verbs()` shows them.
"""

import inspect
from typing import Any

import lazy_loader

from cellprofiling.core.face.entries import answering, entries, no_such_name
from cellprofiling.core.face.version import __version__ as __version__

__all__ = [entry.name for entry in entries()]

_load, _, _ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(no_such_name(name))
    found = _load(name)
    globals()[name] = answering(found) if inspect.isfunction(found) else found
    return globals()[name]


def __dir__() -> list[str]:
    return list(__all__)
