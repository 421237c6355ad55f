"""Processes on this machine, each with one plate at a time; one that dies takes no other along.

The pools of the standard library break as a whole when one of their processes is killed, as the system does when memory
runs out. They also run the user's script again in each process.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, local
from typing import Any

from cellprofiling.core.errors import CellProfilingError


class WorkerDied(CellProfilingError):
    """A process ended while it worked."""


class Workers:
    """At most `n` processes, started when first needed and again when they die.

    Each thread of a pool looks after one process: it sends the work and waits for the answer, or for the end.
    """

    def __init__(self, n: int) -> None:
        self._threads = ThreadPoolExecutor(n, thread_name_prefix="plate")
        self._mine = local()
        self._lock, self._closed = Lock(), False
        self._processes: list[subprocess.Popen[bytes]] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have a process call an importable function."""
        return self._threads.submit(self._call, function, arguments)

    def close(self) -> None:
        """End all processes, in mid-work if need be."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            _end(process)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        request = pickle.dumps((function, arguments))
        process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            well, result = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise WorkerDied(_how_it_ended(_end(process))) from error
        if not well:
            raise result
        return result

    def _process(self) -> "subprocess.Popen[bytes]":
        process = getattr(self._mine, "process", None)
        if process is None or process.poll() is not None:
            with self._lock:
                if self._closed:
                    raise WorkerDied("the run was stopped")
                self._processes = [old for old in self._processes if old is not process]
                process = self._mine.process = _started()
                self._processes.append(process)
        return process


def _started() -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", "cellprofiling.jobs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def _end(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end of a process that is ending, and return how it ended."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # what was left to send has no reader any more
                continue
    return process.wait()


def _how_it_ended(code: int) -> str:
    if code == -9:
        return "it was killed (signal 9), as the system does when memory runs out"
    return f"it was stopped by signal {-code}" if code < 0 else f"it ended with exit code {code}"
