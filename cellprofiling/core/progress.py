"""How far a run over many cells is, told to whoever asked."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a run is, after each of its pieces.

    Attributes
    ----------
    plate : the plate that the piece just done belongs to; None if it holds several.
    done : pieces done so far.
    total : pieces there are.
    cells : cells in all pieces done so far.
    size : bytes of the files of all pieces done so far.
    """

    plate: str | None
    done: int
    total: int
    cells: int
    size: int


Tell = Callable[[Progress], object]


class Counter:
    """Counts the pieces of a run, and tells how far it is after each."""

    def __init__(self, total: int, tell: Tell | None) -> None:
        self._now, self._tell = Progress(None, 0, total, 0, 0), tell

    def add(self, plate: str | None, cells: int, size: int) -> None:
        """Count a piece that is done."""
        now = self._now
        self._now = Progress(plate, now.done + 1, now.total, now.cells + cells, now.size + size)
        if self._tell is not None:
            self._tell(self._now)
