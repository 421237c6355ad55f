"""Paths: which files are meant, and writing one so that it is whole or not there at all."""

import errno
import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from cellprofiling.core.errors import DiskFullError, FileFormatError, listed, nearest

PathLike = str | os.PathLike[str]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # disk full, quota reached, limit of a file's size reached


@contextmanager
def atomic(path: PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it onto `path` when the block ends well, remove it otherwise.

    The temporary name keeps the ending of `path`, because many writers choose the format by it, and starts with a
    dot, so that a half-written table is never taken for one of the tables of its folder.
    """
    path = Path(path)
    _refuse_target(path)
    temporary = path.with_name(f".{uuid4().hex[:8]}.{path.name}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        temporary.unlink(missing_ok=True)  # first: it counts as taken
        raise DiskFullError(
            f"folder={str(path.parent)!r}: no room to write {path.name!r}, {_free(path.parent)} free "
            f"({error.strerror}); make room, or name a folder on another disk."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def clear_leftovers(path: PathLike) -> None:
    """Remove temporary files that a process which died has left behind when writing `path`."""
    path = Path(path)
    for temporary in path.parent.glob(f".{'[0-9a-f]' * 8}.{glob.escape(path.name)}"):
        temporary.unlink(missing_ok=True)


def files_of(path: PathLike, endings: Iterable[str]) -> list[Path]:
    """Return the files meant by a file, a folder or a glob, sorted by name; those of a folder end in `endings`."""
    path, endings = Path(path), tuple(endings)
    files = found(path)
    if not path.is_dir():
        return files
    tables = [file for file in files if ending(file, endings)]
    if not tables:
        raise FileFormatError(
            f"path={str(path)!r}: no {listed(endings)} file in this folder; {held(path)}. "
            f"For tables in folders below it give a pattern such as {str(path / '*' / ('*' + endings[0]))!r}."
        )
    return tables


def found(path: Path) -> list[Path]:
    """Return the file itself, the visible files of a folder (not of those below it), or those a glob matches."""
    if path.is_file():
        return [path]
    if path.is_dir():
        return _visible(path.iterdir())
    if not glob.has_magic(str(path)):
        raise FileFormatError(f"path={str(path)!r}: no such file or folder.{_neighbor(path)}")
    files = _visible(Path(name) for name in glob.glob(str(path), recursive=True))
    if not files:
        raise FileFormatError(f"path={str(path)!r}: no file matches this pattern.")
    return files


def held(folder: Path) -> str:
    """Return what lies in a folder, as half a sentence."""
    inside = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in folder.iterdir())
    return f"it holds {listed(inside)}" if inside else "it is empty"


def safe_name(text: str) -> str:
    """Return a text as a file name from which it can be told; that of a plate "a/b" must not lie in a folder "a"."""
    name = quote(text, safe=" ()[]{}+,;=@#&!~^")
    return "%2E" + name[1:] if name.startswith(".") else name  # a leading dot would hide the file


def ending(path: Path, endings: Iterable[str]) -> str | None:
    """Return the longest of `endings` that the file name has, in any case, or None."""
    name = path.name.lower()
    return max((end for end in endings if name.endswith(end)), key=len, default=None)


def _visible(entries: Iterable[Path]) -> list[Path]:
    """Return the files that are not hidden: those are half-written, or notes of an operating system."""
    return sorted(entry for entry in entries if entry.is_file() and not entry.name.startswith("."))


def _neighbor(path: Path) -> str:
    if not path.parent.is_dir():
        return f" The folder {str(path.parent)!r} does not exist either."
    return nearest(path.name, (file.name for file in path.parent.iterdir()))


def _refuse_target(path: Path) -> None:
    if path.is_dir():
        raise FileFormatError(f"path={str(path)!r}: is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise FileFormatError(f"path={str(path)!r}: the folder {str(path.parent)!r} does not exist; make it first.")


def _free(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB"


def _flush(path: Path) -> None:
    """Have the bytes on disk before the name points at them, so that a power cut leaves the old file or the new."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
