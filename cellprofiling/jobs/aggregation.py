"""From the cells of many plates to a folder of wells, a file for each plate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import InputError
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.storage.files import PathLike, safe_name
from cellprofiling.jobs.executors import Work, opened_place
from cellprofiling.jobs.folder import look, prepare
from cellprofiling.jobs.forecast import forecast
from cellprofiling.jobs.gather import settle
from cellprofiling.jobs.plate import FAILED, TO_DO, PlateJob, PlateResult, rehearse
from cellprofiling.jobs.record import described
from cellprofiling.jobs.runner import Run
from cellprofiling.jobs.screen import CellsAnywhere, Screen, find_plates
from cellprofiling.jobs.settings import Settings, checked

COLUMNS = ("plate", "status", "path", "n_wells", "n_cells", "size", "seconds", "reason")


def aggregate_plates(
    cells: CellsAnywhere,
    out: PathLike,
    by: str | Sequence[str] = (PLATE, WELL),
    *,
    statistics: str | Sequence[str] = "median",
    features: Sequence[str] | None = None,
    min_cells: int = 1,
    exclude: str | Mapping[str, Any] | None = None,
    flag_cells: bool = False,
    format: str = "auto",
    options: Mapping[str, Any] | None = None,
    executor: Any = "local",
    workers: int | None = None,
    resume: bool = False,
    retries: int = 2,
    dry_run: bool = False,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Aggregate each plate of a screen into a file of its own: on this machine or on many, and again where it stopped.

    Parameters
    ----------
    cells : Cells, path or list of paths
        Cells opened by `open_cells`, what it can open, or several such paths that share no plate.
    out : str or os.PathLike
        The folder for the results, ``<plate>.parquet`` for each plate; it is made if need be.
    by : str or list of str, default ("Metadata_Plate", "Metadata_Well")
        The metadata columns whose values make a group; ``Metadata_Plate`` must be among them.
    statistics : str or list of str, default "median"
        As for `aggregate`.
    features : list of str or None, default None
        The features to summarize; None takes all.
    min_cells : int, default 1
        Groups with fewer cells are left out.
    exclude : str, dict or None, default None
        The cells to leave out: a query or a mapping of column to value.
    flag_cells : bool, default False
        Leave out the cells that `flag_cells` flags, plate by plate, and count them.
    format : str, default "auto"
        As for `open_cells`, and so are the ``options``.
    options : dict or None, default None
        Such as ``{"population": "Nuclei"}``.
    executor : str or object, default "local"
        ``"local"``: processes on this machine. ``"dask"``: a Dask cluster on this machine. ``"slurm"``: Dask workers
        that SLURM starts. ``"tcp://..."``: the address of a Dask scheduler. Or an object with a method ``submit`` that
        returns futures, such as the executors of `concurrent.futures`.
    workers : int or None, default None
        How many plates to have in work at a time. None takes for "local" what should be fastest (see Notes), else a
        worker for each core.
    resume : bool, default False
        Keep results in ``out`` that were made from the same files, with the same settings, by the same version. Without
        it all plates of this run are made again; earlier results of them are removed first.
    retries : int, default 2
        How often a plate is given to another worker after the one that had it died. An error in Python is final.
    dry_run : bool, default False
        Only say what would be done: nothing is written.
    progress : callable or None, default None
        Called with a `Progress` after each plate.

    Returns
    -------
    pandas.DataFrame
        One row per plate, in the order of their names: ``plate``, ``status`` ("done", "kept", "failed"; "to do" in a
        dry run), ``path``, ``n_wells``, ``n_cells``, ``size`` (bytes read), ``seconds`` and ``reason`` (why it failed).
        ``.attrs["forecast"]`` of a dry run has its sums. The `ledger` says what was left out of all plates.

    Raises
    ------
    FileFormatError
        If nothing can be opened, or ``out`` holds tables that are no results of this function.
    InputError
        If an argument is wrong, or ``out`` holds results of other plates, or to resume, made with other settings.

    Notes
    -----
    A plate that fails, because a file of it is damaged or every worker that had it died, costs no other plate.

    A result is written under a temporary name and then moved, so it is whole or not there. What it was made from (path,
    size and time of the files, settings, version) lies in its parquet metadata, and is what ``resume`` goes by. Its
    bytes do not depend on executor, workers or order, nor on interruptions.

    "local" without ``workers``: a single plate is done in this process. Otherwise there are processes of their own: one
    with all cores if there are fewer than four plates for each core and features can be read some at a time, else one
    for each core.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> cells = pd.DataFrame(
    ...     {"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A01", "A02"], "Cells_Area": [1.0, 2, 4]}
    ... )
    >>> file = cpf.write_profiles(cells, folder / "cells.parquet")
    >>> cpf.aggregate_plates(file, folder / "wells")[["plate", "status", "n_wells", "n_cells"]]
      plate status  n_wells  n_cells
    0    P1   done        2        3
    >>> cpf.aggregate_plates(file, folder / "wells", resume=True)["status"].item()
    'kept'
    """
    checks.arguments(
        locals(),
        cells=checks.either(checks.cells, checks.each(checks.path)),
        by=checks.columns,
        out=checks.path,
        flag_cells=checks.flag,
        options=checks.optional(checks.mapping),
        workers=checks.optional(checks.at_least(1)),
        resume=checks.flag,
        dry_run=checks.flag,
    )
    screen = find_plates(cells, format, options)
    some = next(iter(screen.plates.values()))
    reading = {"format": some.format, **some.options}
    settings = checked(by, statistics, features, min_cells, exclude, flag_cells, reading)
    rehearse(some, settings)
    jobs = _jobs(screen, settings, Path(out))
    if retries < 0:
        raise InputError(f"retries={retries}: give a whole number from 0 up.")
    before = look(Path(out), jobs, resume)
    to_do = [job for job in jobs if job.plate not in before.kept]
    work = Work(len(to_do), all(piece.columnar for job in to_do for piece in job.cells.partitions))
    results = [*before.kept.values(), *_damaged(screen)]
    if dry_run:
        planned = [PlateResult(job.plate, TO_DO, job.path, n_cells=_cells(job), size=job.size) for job in to_do]
        table = _table([*results, *planned], screen, [])
        table.attrs["forecast"] = forecast(to_do, executor, workers, work)
        return table
    removed = prepare(Path(out), jobs, before)
    counter = Counter(len(jobs) + len(screen.damaged), progress)
    for result in results:
        counter.add(result.plate, 0, 0)  # nothing was read of it
    if to_do:
        with opened_place(executor, workers, work) as place:
            for result in Run(to_do, place, retries).results():
                results.append(result)
                counter.add(result.plate, result.n_cells, result.size)
    left_out = settle([result.path for result in results if result.path is not None])
    return _table(results, screen, [*removed, *left_out])


def _jobs(screen: Screen, settings: Settings, out: Path) -> list[PlateJob]:
    return [
        PlateJob(
            plate=plate,
            cells=cells,
            inputs=described({path for piece in cells.partitions for path in piece.paths}),
            settings=settings,
            path=out / f"{safe_name(plate)}.parquet",
            size=sum(piece.size for piece in cells.partitions),
        )
        for plate, cells in sorted(screen.plates.items())
    ]


def _cells(job: PlateJob) -> int:
    """Return how many cells a plate has, 0 where only reading would tell."""
    return sum(piece.n_cells or 0 for piece in job.cells.partitions)


def _damaged(screen: Screen) -> list[PlateResult]:
    return [PlateResult(plate, FAILED, reason=reason) for plate, reason in screen.damaged.items()]


def _table(results: Sequence[PlateResult], screen: Screen, new: Sequence[Line]) -> pd.DataFrame:
    ordered = sorted(results, key=lambda result: result.plate)
    rows = [[str(v) if isinstance(v, Path) else v for v in (getattr(r, name) for name in COLUMNS)] for r in ordered]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return written(table, new=[*screen.lines, *new, *_failures(ordered)])


def _failures(results: Sequence[PlateResult]) -> list[Line]:
    bad = [result for result in results if result.status == FAILED]
    return [line for result in bad for line in lines("aggregate_plates", "plate", [result.plate], str(result.reason))]
