"""What a terminal shows while work goes on; nothing elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from cellprofiling.core.progress import Progress


class Status:
    """One line that says what is being done."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.status = self.console.status("starting") if self.console.is_terminal else None
        self.words, self.start = "starting", time.monotonic()

    def __enter__(self) -> "Status":
        if self.status:
            self.status.start()
        return self

    def __call__(self, words: str) -> None:
        """Say what begins now."""
        self.words, self.start = words, time.monotonic()
        if self.status:
            self.console.print(f"[dim]{words}[/dim]")
            self.status.update(words)

    def count(self, now: Progress) -> None:
        """Say how far it is."""
        if self.status:
            speed = speeds(now, time.monotonic() - self.start)
            self.status.update(f"{self.words}: {now.done} of {now.total} plates{speed}")

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()


class Bar:
    """A bar with plates, cells and megabytes per second, and the time that is left."""

    def __init__(self, words: str, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        shown = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TextColumn("plates{task.fields[speed]}"))
        self.bars = Bars(*shown, TimeRemainingColumn(), console=console) if console.is_terminal else None
        self.start = time.monotonic()

    def __enter__(self) -> "Bar":
        if self.bars:
            self.task = self.bars.add_task("", total=None, speed="")
            self.bars.start()
        return self

    def __call__(self, now: Progress) -> None:
        """Show how far it is."""
        if self.bars:
            speed = speeds(now, time.monotonic() - self.start)
            self.bars.update(self.task, completed=now.done, total=now.total, speed=speed)

    def __exit__(self, *_: object) -> None:
        if self.bars:
            self.bars.stop()


def speeds(now: Progress, seconds: float) -> str:
    """Return cells and megabytes per second, where they are known."""
    seconds = max(seconds, 1e-3)
    parts = [f"{now.cells / seconds:,.0f} cells/s" if now.cells else "", f"{now.size / seconds / 1e6:,.1f} MB/s"]
    return "".join(f", {part}" for part in (parts if now.size else parts[:1]) if part)
