"""How many processor cores a piece of work may use, and the threads that use them: the only maker of pools."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WAITING = 4  # threads for each core where they wait for the disk or the network more than they compute

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


@contextmanager
def pool(*, waiting: bool = False) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of one thread for each core granted, or of some for each where they wait; inside each, one core."""
    with ThreadPoolExecutor(cores() * (WAITING if waiting else 1), initializer=_granted.set, initargs=(1,)) as threads:
        yield threads


def over(function: Callable[[Item], Result], items: Iterable[Item], *, waiting: bool = False) -> list[Result]:
    """Return what a function makes of each item, in the order of the items, worked out in threads."""
    with pool(waiting=waiting) as threads:
        return list(threads.map(function, items))
