"""A written file is whole or not there; a path means the files a user would expect."""

import errno
from urllib.parse import unquote

import pytest

from cellprofiling.core.errors import DiskFullError, FileFormatError
from cellprofiling.io.storage.files import atomic, clear_leftovers, ending, files_of, found, safe_name


def test_atomic_moves_the_file_when_the_block_ends_well(tmp_path):
    path = tmp_path / "table.csv"
    with atomic(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith("table.csv")
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_keeps_the_old_file_and_leaves_nothing_when_the_block_fails(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(TypeError), atomic(path) as temporary, temporary.open("wb") as file:
        file.write("text")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_refuses_a_folder_and_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder; name a file in it"), atomic(tmp_path):
        pass
    with pytest.raises(FileFormatError, match="does not exist; make it first"), atomic(tmp_path / "no" / "a.csv"):
        pass


def test_files_of_a_folder_are_sorted_visible_and_of_the_endings(tmp_path):
    for name in ("b.csv", "a.CSV", ".half.csv", "notes.md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "below.csv").mkdir()
    assert [file.name for file in files_of(tmp_path, [".csv"])] == ["a.CSV", "b.csv"]


def test_files_of_a_glob_reach_into_folders(tmp_path):
    for plate in ("P2", "P1"):
        (tmp_path / plate).mkdir()
        (tmp_path / plate / "cells.csv").write_text("x")
    assert [file.parent.name for file in files_of(tmp_path / "*" / "cells.csv", [".csv"])] == ["P1", "P2"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    path = tmp_path / "result[1].csv"
    path.write_text("x")
    assert found(path) == [path]


def test_messages_say_what_is_there(tmp_path):
    (tmp_path / "wells.csv").write_text("x")
    with pytest.raises(FileFormatError, match=r"no such file or folder. Did you mean 'wells.csv'"):
        files_of(tmp_path / "well.csv", [".csv"])
    with pytest.raises(FileFormatError, match=r"The folder .*nowhere' does not exist either"):
        files_of(tmp_path / "nowhere" / "well.csv", [".csv"])
    with pytest.raises(FileFormatError, match="no file matches this pattern"):
        files_of(tmp_path / "*.tsv", [".tsv"])
    with pytest.raises(FileFormatError, match=r"no '.parquet' file in this folder; it holds 'wells.csv'"):
        files_of(tmp_path, [".parquet"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="it is empty"):
        files_of(tmp_path / "empty", [".parquet"])


def test_the_longest_ending_counts(tmp_path):
    assert ending(tmp_path / "a.CSV.gz", [".gz", ".csv.gz"]) == ".csv.gz"
    assert ending(tmp_path / "a.xlsx", [".csv"]) is None


@pytest.mark.parametrize("name", ["P1", "a/b", ".hidden", "..", "100%", "%2E", "μ plate", "a\\b", "con:1*?"])
def test_a_safe_name_tells_the_text(name):
    safe = safe_name(name)
    assert unquote(safe) == name
    assert not set(safe) & set("/\\:*?")
    assert not safe.startswith(".")


def test_leftovers_of_one_file_are_cleared(tmp_path):
    mine, others = (
        [".0a1b2c3d.wells.csv"],
        [".0a1b2c3d.cells.csv", ".wells.csv", "wells.csv", ".0a1b2c3d.more.wells.csv"],
    )
    for name in [*mine, *others]:
        (tmp_path / name).touch()
    clear_leftovers(tmp_path / "wells.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def fail_in(target, error):
    with atomic(target) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named(tmp_path, code):
    target = tmp_path / "wells.csv"
    target.write_text("old")
    with pytest.raises(DiskFullError, match=r"no room to write 'wells.csv', [\d,.]+ MB free"):
        fail_in(target, OSError(code, "no room"))
    assert [path.name for path in tmp_path.iterdir()] == ["wells.csv"]
    assert target.read_text() == "old"


def test_other_errors_of_the_system_pass(tmp_path):
    with pytest.raises(PermissionError):
        fail_in(tmp_path / "wells.csv", PermissionError(errno.EACCES, "not yours"))
