"""Plates sent out and results taken in, whatever becomes of the workers."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from cellprofiling.io.storage.files import clear_leftovers
from cellprofiling.jobs.executors import Place
from cellprofiling.jobs.plate import PlateJob, PlateResult, failed, process_plate

PATIENCE = 5.0  # seconds after which futures are asked themselves, in case word of one got lost


@dataclass(frozen=True)
class Attempt:
    """A plate, and how many workers died over it so far."""

    job: PlateJob
    deaths: int = 0


class Run:
    """Plates waiting, plates out, and what to do with one that comes back.

    `process_plate` never raises. A future that does means that a worker died, or could not be reached.
    """

    def __init__(self, jobs: Sequence[PlateJob], place: Place, retries: int) -> None:
        self.place, self.retries = place, 0 if place.retries_itself else retries
        self.waiting = deque(Attempt(replace(job, threads=place.threads)) for job in jobs)
        self.out: dict[Any, Attempt] = {}
        self.ready: SimpleQueue[Any] = SimpleQueue()

    def results(self) -> Iterator[PlateResult]:
        """Yield what became of each plate, in the order in which they end."""
        while self.waiting or self.out:
            while self._may_send():
                self._send(self.waiting.popleft())
            for future in self._ended():
                result = self._judge(future, self.out.pop(future))
                if result is not None:
                    yield result
                if result is not None and result.hopeless:
                    yield from self._given_up(result)

    def _may_send(self) -> bool:
        """Return whether the next plate may go; one on its last attempt goes alone, so that the blame is its own."""
        if not self.waiting or len(self.out) >= self.place.slots():
            return False
        alone = any(self._is_last(attempt) for attempt in self.out.values())
        return not alone and not (self._is_last(self.waiting[0]) and self.out)

    def _is_last(self, attempt: Attempt) -> bool:
        return 0 < attempt.deaths == self.retries

    def _send(self, attempt: Attempt) -> None:
        try:
            future = self.place.submit(process_plate, attempt.job)
        except Exception as error:  # a place that takes no work any more
            future = Lost(error)
        self.out[future] = attempt
        future.add_done_callback(self.ready.put)

    def _ended(self) -> list[Any]:
        """Wait until futures end, and return those that did."""
        try:
            ended = {self.ready.get(timeout=PATIENCE)}
        except Empty:
            ended = {future for future in self.out if future.done() or getattr(future, "status", "") == "lost"}
        return [future for future in ended if future in self.out]

    def _judge(self, future: Any, attempt: Attempt) -> PlateResult | None:
        """Return what became of a plate, or None if it gets another attempt."""
        try:
            return future.result()
        except Exception as error:  # whatever kind of executor it is, it says in its own way that a worker died
            attempt = replace(attempt, deaths=attempt.deaths + 1)
            clear_leftovers(attempt.job.path)
            if attempt.deaths <= self.retries:
                self.waiting.append(attempt)
                return None
            return failed(attempt.job, _blame(error, attempt.deaths))

    def _given_up(self, result: PlateResult) -> Iterator[PlateResult]:
        """Yield a failure for each plate that was not sent yet; those that are out may still end well."""
        while self.waiting:
            yield failed(self.waiting.popleft().job, f"not tried after plate {result.plate!r} failed: {result.reason}")


class Lost:
    """The future of work that could not be sent."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def add_done_callback(self, tell: Any) -> None:
        """Tell at once: there is nothing to wait for."""
        tell(self)

    def result(self) -> PlateResult:
        """Raise what went wrong."""
        raise self._error


def _blame(error: Exception, attempts: int) -> str:
    how = str(error).split(". ")[0].removesuffix(".")
    times = "its only attempt" if attempts == 1 else f"{attempts} attempts"
    return f"no worker finished it in {times}: {how} ({type(error).__name__})."
