"""How many processor cores a piece of work may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_granted: ContextVar[int | None] = ContextVar("granted", default=None)


def cores() -> int:
    """Return how many cores this work may use: those granted, else those that the system allows this process.

    A batch queue hands out some cores of a large node; the number of cores of the node would start far too many
    threads there.
    """
    return _granted.get() or available()


def available() -> int:
    """Return how many cores the system allows this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def granted(n: int | None) -> Iterator[None]:
    """Let the work inside use `n` cores; None leaves it as it is."""
    token = _granted.set(_granted.get() if n is None else n)
    try:
        yield
    finally:
        _granted.reset(token)
