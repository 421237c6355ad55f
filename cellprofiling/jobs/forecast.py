"""What a run will take, from a look at the files and a short trial."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cellprofiling.core.errors import CellProfilingError
from cellprofiling.core.threads import cores, granted
from cellprofiling.io.objects.partitions import Partition
from cellprofiling.jobs.executors import Work, processes
from cellprofiling.jobs.plate import PlateJob, summarize

FEW, MORE = 16, 48  # features of the trial; the difference is what a feature costs
START = 3.0  # seconds until a process has loaded the libraries and compiled code, measured
LIBRARIES = 300e6  # bytes that a process takes up with libraries and compiled code alone, measured
THREAD = 60e6  # bytes of a thread: the columns that it reads and summarizes, measured
LABEL = 64  # bytes of a key or label of a cell, as text
COPIES = 3  # how often a piece that is read as a whole lies in memory: as it was read, as a table, as numbers
WELLS = 400  # of a plate; only reading would tell how many there are


@dataclass(frozen=True)
class Trial:
    """A short trial: what part of which plate, and the seconds that all of its features would take."""

    words: str
    size: int
    seconds: float


def forecast(jobs: Sequence[PlateJob], executor: Any, workers: int | None, work: Work) -> dict[str, Any]:
    """Return plates, cells, bytes, memory and seconds of a run, and what the seconds were measured on."""
    at_once = max(1, processes(work, workers)) if executor == "local" else workers or cores()
    at_once = min(at_once, max(1, len(jobs)))
    threads = max(1, cores() // at_once) if executor in ("local", "dask") else cores()
    trial = _first_that_works(jobs, threads)
    size = sum(job.size for job in jobs)
    return {
        "plates": len(jobs),
        "cells": sum(piece.n_cells or 0 for job in jobs for piece in job.cells.partitions),
        "cells_known": all(piece.n_cells is not None for job in jobs for piece in job.cells.partitions),
        "size": size,
        "workers": at_once,
        "threads": threads,
        "memory": max((_memory(job, threads) for job in jobs), default=0.0),
        "seconds": _expected(trial, size, at_once) if jobs else 0.0,
        "trial": trial.words if trial else None,
    }


def _expected(trial: Trial | None, size: int, at_once: int) -> float | None:
    return None if trial is None else START + trial.seconds * size / max(1, trial.size) / at_once


def _first_that_works(jobs: Sequence[PlateJob], threads: int) -> Trial | None:
    for job in jobs[:3]:
        try:
            with granted(threads):
                return _try(job, job.cells.partitions[0])
        except CellProfilingError:  # the run itself will say so, of each plate
            continue
    return None


def _try(job: PlateJob, piece: Partition) -> Trial:
    """Time some features of a piece of a plate, after a first call that loads and compiles."""
    features = job.settings.features or tuple(job.cells.features)
    where = f"plate {job.plate!r}" if piece.wells is None else f"{len(piece.wells)} wells of plate {job.plate!r}"
    if not piece.columnar or len(features) <= MORE:
        _seconds(job, piece, features)
        return Trial(where, piece.size, _seconds(job, piece, features))
    _seconds(job, piece, features[:FEW])
    few, more = (_seconds(job, piece, features[:n]) for n in (FEW, MORE))
    each = max(0.0, more - few) / (MORE - FEW)
    return Trial(f"{MORE} of {len(features)} features of {where}", piece.size, more + each * (len(features) - MORE))


def _seconds(job: PlateJob, piece: Partition, features: Sequence[str]) -> float:
    start = time.perf_counter()
    cells = replace(job.cells, partitions=(piece,))
    summarize(cells, replace(job.settings, features=tuple(features), min_cells=1))
    return time.perf_counter() - start


def _memory(job: PlateJob, threads: int) -> float:
    """Return bytes that a worker needs for a plate, about."""
    features = len(job.settings.features or job.cells.features)
    statistics = 1 if isinstance(job.settings.statistics, str) else len(job.settings.statistics)
    results = COPIES * 8 * WELLS * features * statistics
    labels = len(job.cells.metadata) * LABEL
    return LIBRARIES + THREAD * threads + results + max(_held(piece, labels) for piece in job.cells.partitions)


def _held(piece: Partition, labels: int) -> float:
    """Return bytes of a piece that lie in memory at a time."""
    return labels * (piece.n_cells or 0) if piece.columnar else COPIES * piece.size
