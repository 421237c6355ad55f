"""The record of how a result was made, kept in the result itself: what a resumed run goes by."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellprofiling.core.digests import values_sha256
from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.face.version import __version__
from cellprofiling.core.ledgers import Line
from cellprofiling.io.storage.parquet import read_notes, read_parquet
from cellprofiling.jobs.settings import Settings

FINGERPRINT, PROVENANCE = "cellprofiling.fingerprint", "cellprofiling.provenance"


@dataclass(frozen=True)
class Input:
    """A file as it was when it was read."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Record:
    """How the wells of a plate were made.

    Attributes
    ----------
    inputs : the files that were read.
    parameters : the settings as plain values.
    version : of this package.
    n_wells, n_cells : how many groups came out, and how many cells are in them.
    ledger : what was left out.
    """

    plate: str
    inputs: tuple[Input, ...]
    parameters: dict[str, Any]
    version: str
    n_wells: int
    n_cells: int
    ledger: tuple[Line, ...]

    @property
    def made(self) -> str:
        """How it was made, apart from the plate itself; results of one screen have it in common."""
        return json.dumps([self.version, self.parameters], sort_keys=True)

    def notes(self) -> dict[str, str]:
        """Return the record as notes beside a table."""
        plain = asdict(self)
        return {
            FINGERPRINT: fingerprint(self.inputs, self.parameters, self.version),
            PROVENANCE: json.dumps(plain, sort_keys=True),
        }


def described(paths: Iterable[Path]) -> tuple[Input, ...]:
    """Return the files as they are now."""
    stats = {os.path.abspath(path): path.stat() for path in paths}
    return tuple(Input(path, stats[path].st_size, stats[path].st_mtime_ns) for path in sorted(stats))


def fingerprint(inputs: Sequence[Input], parameters: dict[str, Any], version: str = __version__) -> str:
    """Return a digest of all that a result depends on."""
    return values_sha256([asdict(file) for file in inputs], parameters, version)


def made_now(settings: Settings) -> str:
    """Return how a result would be made now."""
    return json.dumps([__version__, settings.as_dict()], sort_keys=True)


def read_record(path: Path) -> Record | None:
    """Return the record in a parquet file; None if it was not written by a job."""
    text = read_notes(path).get(PROVENANCE)
    if text is None:
        return None
    plain = json.loads(text)
    inputs = tuple(Input(**file) for file in plain.pop("inputs"))
    return Record(inputs=inputs, ledger=tuple(plain.pop("ledger")), **plain)


def is_whole(path: Path) -> bool:
    """Return whether all values of a result can be read and are as they were written."""
    try:
        read_parquet(path)
    except FileFormatError:
        return False
    return True
