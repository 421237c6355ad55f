"""The folder of results: what lies there from before, and that two ways of making them never lie there together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cellprofiling.core.errors import FileFormatError, InputError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.io.storage.files import clear_leftovers
from cellprofiling.io.storage.parquet import read_notes
from cellprofiling.jobs.plate import KEPT, PlateJob, PlateResult
from cellprofiling.jobs.record import FINGERPRINT, Record, fingerprint, is_whole, made_now, read_record

SAMPLE = 3  # results of other plates that are looked at; gather_plates looks at all


@dataclass(frozen=True)
class Before:
    """What an earlier run left.

    Attributes
    ----------
    kept : results that would come out the same.
    replaced : results that are to be made again.
    """

    kept: dict[str, PlateResult] = field(default_factory=dict)
    replaced: list[Path] = field(default_factory=list)


def look(out: Path, jobs: Sequence[PlateJob], resume: bool) -> Before:
    """Return what lies in the folder, or say why new results must not be put beside it; nothing is changed."""
    if out.exists() and not out.is_dir():
        raise FileFormatError(f"out={str(out)!r}: is a file; name a folder.")
    made = made_now(jobs[0].settings)
    mine = {job.path: job for job in jobs}
    others = sorted(path for path in out.glob("*.parquet") if path not in mine and not path.name.startswith("."))
    _refuse_others(out, others[:SAMPLE], made)
    records = {path: _record(out, path) for path in mine if path.exists()}
    stale = [path for path, record in records.items() if record is not None and record.made != made]
    if resume and stale:
        raise InputError(
            f"out={str(out)!r}, resume=True: {listed([path.name for path in stale], limit=3)} were made with other "
            f"settings ({_difference(stale[0], records, jobs[0])}). Name a new folder, or leave out resume to make "
            "them again."
        )
    found = [_kept(job, records.get(path)) for path, job in mine.items() if resume]
    kept = {result.plate: result for result in found if result is not None}
    return Before(kept, [path for path in records if mine[path].plate not in kept])


def prepare(out: Path, jobs: Sequence[PlateJob], before: Before) -> list[Line]:
    """Make the folder ready for the jobs, and return ledger lines of results that were removed."""
    out.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        clear_leftovers(job.path)
    for path in before.replaced:  # at once: a plate that fails must not keep the result of another day
        path.unlink(missing_ok=True)
    names = [path.name for path in before.replaced]
    return lines("aggregate_plates", "file", names, "result of an earlier run: removed, to be made again")


def _refuse_others(out: Path, others: Sequence[Path], made: str) -> None:
    records = {path: _record(out, path) for path in others}
    differing = [path.name for path, record in records.items() if record is not None and record.made != made]
    if differing:
        raise InputError(
            f"out={str(out)!r}: holds {listed(differing)}, of other plates and made with other settings; two ways of "
            "making them must not lie in one folder. Name a new folder."
        )


def _record(out: Path, path: Path) -> Record | None:
    """Return the record of a result, None if the file is damaged; a file that is no result is refused."""
    try:
        record = read_record(path)
    except FileFormatError:
        return None
    if record is None:
        raise FileFormatError(
            f"out={str(out)!r}: holds {path.name!r}, which is no result of aggregate_plates; name a new folder."
        )
    return record


def _kept(job: PlateJob, record: Record | None) -> PlateResult | None:
    """Return the earlier result of a job if it would come out the same and is whole."""
    if record is None or not job.inputs:
        return None
    if read_notes(job.path)[FINGERPRINT] != fingerprint(job.inputs, job.settings.as_dict()) or not is_whole(job.path):
        return None
    return PlateResult(job.plate, KEPT, job.path, record.n_wells, record.n_cells, job.size)


def _difference(path: Path, records: dict[Path, Record | None], job: PlateJob) -> str:
    """Return the first setting that differs, as half a sentence."""
    record = records[path]
    assert record is not None
    now = job.settings.as_dict()
    for name, value in record.parameters.items():
        if value != now.get(name):
            return f"{name}={value!r}, now {now.get(name)!r}"
    return f"cellprofiling {record.version}"
