"""One plate in, one small table of wells out."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pandas as pd

from cellprofiling.cells.aggregation import aggregate
from cellprofiling.cells.flags.cell_flags import flag_cells
from cellprofiling.core.columns import COUNT, Reference, matches
from cellprofiling.core.errors import CellProfilingError, DiskFullError, listed
from cellprofiling.core.face.version import __version__
from cellprofiling.core.ledgers import KEY
from cellprofiling.core.threads import granted
from cellprofiling.io.cells import Cells
from cellprofiling.io.storage.files import atomic, clear_leftovers
from cellprofiling.io.storage.parquet import write_parquet
from cellprofiling.jobs.record import Input, Record
from cellprofiling.jobs.settings import Settings

DONE, KEPT, FAILED, TO_DO = "done", "kept", "failed", "to do"


@dataclass(frozen=True)
class PlateJob:
    """A plate to aggregate: all that a worker on another machine needs to know.

    Attributes
    ----------
    cells : the cells of this plate alone.
    inputs : the files they lie in, as they were when the job was planned.
    path : where the result goes.
    size : bytes of the files that are to be read, about.
    threads : how many cores to use; None for all that the worker may use.
    """

    plate: str
    cells: Cells
    inputs: tuple[Input, ...]
    settings: Settings
    path: Path
    size: int
    threads: int | None = None


@dataclass(frozen=True)
class PlateResult:
    """What became of a plate.

    Attributes
    ----------
    status : "done", "kept" (of an earlier run) or "failed".
    path : the result; None if there is none.
    seconds : how long it took.
    reason : why it failed.
    hopeless : whether the plates that are left would fail for the same reason.
    """

    plate: str
    status: str
    path: Path | None = None
    n_wells: int = 0
    n_cells: int = 0
    size: int = 0
    seconds: float = 0.0
    reason: str | None = None
    hopeless: bool = False


def process_plate(job: PlateJob) -> PlateResult:
    """Aggregate a plate and write its wells; what goes wrong is told in the result, never raised."""
    start = time.perf_counter()
    try:
        with granted(job.threads):
            record = _write(summarize(job.cells, job.settings), job)
    except Exception as error:  # a plate must not take the others along, whatever a file of it holds
        result = failed(job, _sentence(error, job), hopeless=isinstance(error, DiskFullError))
    else:
        result = PlateResult(job.plate, DONE, job.path, record.n_wells, record.n_cells, job.size)
    return replace(result, seconds=time.perf_counter() - start)


def failed(job: PlateJob, reason: str, *, hopeless: bool = False) -> PlateResult:
    """Return the result of a plate that has none."""
    return PlateResult(job.plate, FAILED, size=job.size, reason=reason, hopeless=hopeless)


def summarize(cells: Cells, settings: Settings) -> pd.DataFrame:
    """Return one row per well of some cells."""
    exclude = settings.exclude
    if settings.flag_cells:
        cells, exclude = cast(Cells, flag_cells(cells)), "Metadata_QC_Flagged"
    return _aggregate(cells, settings, exclude)


def _aggregate(cells: Cells | pd.DataFrame, settings: Settings, exclude: Reference) -> pd.DataFrame:
    return aggregate(
        cells,
        list(settings.by),
        statistics=settings.statistics if isinstance(settings.statistics, str) else list(settings.statistics),
        features=None if settings.features is None else list(settings.features),
        min_cells=settings.min_cells,
        exclude=exclude,
    )


def rehearse(cells: Cells, settings: Settings) -> None:
    """Aggregate a made-up cell, so that a mistake in the settings is told once and not by each plate."""
    values = {name: pd.Series([_any_value(empty)], dtype=empty.dtype) for name, empty in cells.schema.items()}
    cell = pd.DataFrame(values)
    matches(cell, settings.exclude, "exclude")
    plain = replace(settings, exclude=None, flag_cells=False)
    _aggregate(cell, replace(plain, min_cells=min(1, settings.min_cells)), None)


def _any_value(column: pd.Series) -> Any:
    if pd.api.types.is_bool_dtype(column):
        return False
    return 0 if pd.api.types.is_numeric_dtype(column) else "A01"


def _write(wells: pd.DataFrame, job: PlateJob) -> Record:
    record = Record(
        plate=job.plate,
        inputs=job.inputs,
        parameters=job.settings.as_dict(),
        version=__version__,
        n_wells=len(wells),
        n_cells=int(wells[COUNT].sum()),
        ledger=tuple(wells.attrs.get(KEY, ())),
    )
    clear_leftovers(job.path)  # of a worker that died over this plate
    with atomic(job.path) as temporary:
        write_parquet(wells, temporary, record.notes())
    return record


def _sentence(error: Exception, job: PlateJob) -> str:
    """Return the message of an error; where it was not raised on purpose, with its kind and the files."""
    if isinstance(error, CellProfilingError):
        return str(error)
    return f"{type(error).__name__}: {error} (reading {listed([file.path for file in job.inputs], limit=3)})"
