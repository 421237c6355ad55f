"""Where plates are worked on, behind one thin `submit`: this process, others beside it, Dask, or what the user has."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from cellprofiling.core.errors import InputError, listed
from cellprofiling.core.threads import cores
from cellprofiling.jobs.workers import Workers

NAMES = ("local", "dask", "slurm")
MANY = 4  # plates for each process; with fewer, the last ones would leave some processes without work

# Deaths are counted here, plate by plate: the scheduler also blames a plate that only waited on that worker. A plate of
# thousands of small files is a large message, and no mistake.
OURS = {"distributed.scheduler.allowed-failures": 0, "distributed.admin.large-graph-warning-threshold": "1GB"}


@dataclass(frozen=True)
class Place:
    """Where plates can be sent.

    Attributes
    ----------
    submit : `submit(function, *arguments)` returns a future.
    slots : returns how many plates to have there at a time.
    retries_itself : whether work of a worker that died is given to another one before we hear of it.
    threads : how many cores each plate may use; None for all of its worker.
    """

    submit: Callable[..., Any]
    slots: Callable[[], int]
    retries_itself: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Work:
    """How much there is to do: plates, and whether their features can be read some at a time."""

    plates: int
    columnar: bool


@contextmanager
def opened_place(executor: Any, workers: int | None, work: Work) -> Iterator[Place]:
    """Give the place that `executor` names; what was started for it is ended afterwards."""
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers}: give a whole number from 1 up.")
    if executor == "local":
        with _local(processes(work, workers)) as place:
            yield place
    elif executor in ("dask", "slurm") or _is_address(executor):
        with _dask_cluster(executor, workers or cores()) as place:
            yield place
    elif hasattr(executor, "submit"):
        n = workers or getattr(executor, "_max_workers", None) or cores()
        yield Place(executor.submit, lambda: n)
    else:
        raise InputError(
            f"executor={executor!r}: choose 'local', 'dask', 'slurm', the address of a Dask scheduler as in "
            "'tcp://10.0.0.1:8786', or give an object with a method 'submit' that returns futures."
        )


def processes(work: Work, workers: int | None = None) -> int:
    """Return how many processes to start here; 0 stands for none beside this one.

    The engine uses all cores for one plate if its features can be read some at a time. So few large plates go one by
    one, in the memory of one; many plates, and those that have to be read as a whole, go side by side.
    """
    if work.plates <= 1:
        return 0
    if workers is not None:
        return min(workers, work.plates)
    few = work.plates < MANY * cores()
    return 1 if few and work.columnar else min(cores(), work.plates)


@contextmanager
def _local(n: int) -> Iterator[Place]:
    if n == 0:
        yield Place(_done_here, lambda: 1)
        return
    workers = Workers(n)
    try:
        yield Place(workers.submit, lambda: n, threads=max(1, cores() // n))
    finally:
        workers.close()


def _done_here(function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(function(*arguments))
    return future


def _dask_cluster(executor: str, workers: int) -> AbstractContextManager[Place]:
    if executor == "dask":
        return _dask_here(workers)
    return _slurm(workers) if executor == "slurm" else _dask_at(executor)


@contextmanager
def _dask_here(workers: int) -> Iterator[Place]:
    dask, distributed = _dask()
    with (
        dask.config.set(OURS),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=":0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield Place(_submit(client), lambda: workers, threads=max(1, cores() // workers))


@contextmanager
def _dask_at(executor: str) -> Iterator[Place]:
    dask, distributed = _dask()
    try:
        client = distributed.Client(executor, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"executor={executor!r}: no Dask scheduler answers there ({error}).") from error
    with dask.config.set(OURS), client:
        yield Place(_submit(client), lambda: max(1, sum(client.nthreads().values())), retries_itself=True)


@contextmanager
def _slurm(workers: int) -> Iterator[Place]:
    dask, distributed = _dask()
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise _missing("slurm", "dask-jobqueue", "slurm") from error
    unknown = [name for name in ("cores", "memory") if dask.config.get(f"jobqueue.slurm.{name}", None) is None]
    if unknown:
        raise InputError(
            f"executor='slurm': {listed(unknown)} of a worker unknown; say in ~/.config/dask/jobqueue.yaml, under "
            "jobqueue: slurm:, what a worker needs (cores, memory, walltime, queue)."
        )
    with (
        dask.config.set(OURS),
        SLURMCluster(scheduler_options={"dashboard": False, "dashboard_address": ":0"}) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)  # a worker at its walltime is replaced
        yield Place(_submit(client), lambda: max(1, sum(client.nthreads().values())))


def _submit(client: Any) -> Callable[..., Any]:
    return lambda function, *arguments: client.submit(function, *arguments, pure=False)


def _dask() -> tuple[Any, Any]:
    try:
        import dask
        import distributed
    except ImportError as error:
        raise _missing("dask", "distributed", "dask") from error
    return dask, distributed


def _missing(executor: str, package: str, extra: str) -> InputError:
    return InputError(
        f"executor={executor!r}: needs the package {package!r}, which is not installed: pip install "
        f"'cellprofiling[{extra}]'."
    )


def _is_address(executor: Any) -> bool:
    return isinstance(executor, str) and "://" in executor
