"""Whatever goes wrong with a plate, a worker, a file or the disk: the others finish, and a second run mends it."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import DiskFullError, FileFormatError
from cellprofiling.jobs import workers

PROGRAM = [sys.executable, "-c", "from cellprofiling.cli import main; main()"]
EXECUTORS = ["local", "dask"]


@pytest.fixture(autouse=True)
def _no_process_stays():
    """Whatever a test does, it leaves no process behind."""
    before = set(psutil.Process().children(recursive=True))
    yield
    for _ in range(100):
        left = [p for p in set(psutil.Process().children(recursive=True)) - before if not _is_tracker(p)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)


def _is_tracker(process: psutil.Process) -> bool:
    """Return whether it is the one helper that multiprocessing keeps until Python itself ends."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE or "resource_tracker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


def _workers_of(executor: str) -> list[psutil.Process]:
    words = "cellprofiling.jobs.worker" if executor == "local" else "spawn_main"
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if words in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Kills one worker at a random moment after the first results are there."""

    def __init__(self, executor: str, out: Path, seed: int) -> None:
        super().__init__()
        self.executor, self.out, self.rng = executor, out, np.random.default_rng(seed)
        self.killed = 0

    def run(self) -> None:
        results = int(self.rng.integers(0, 9))
        _wait_for(lambda: len(list(self.out.glob("P*.parquet"))) >= results and _workers_of(self.executor))
        time.sleep(self.rng.uniform(0, 0.1))
        for process in self.rng.permutation(np.array(_workers_of(self.executor), dtype=object))[:1]:
            process.kill()
            self.killed += 1


def _wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def _check_killed_worker(executor, cells, undisturbed, out, seed, contents):
    killer = Killer(executor, out, seed)
    out.mkdir()
    killer.start()
    plates = cpf.aggregate_plates(cells, out, executor=executor, workers=2)
    killer.join()
    assert killer.killed == 1
    assert set(plates["status"]) == {"done"}, plates["reason"].to_list()
    plates = cpf.aggregate_plates(cells, out, resume=True)
    assert set(plates["status"]) == {"kept"}
    assert contents(out) == undisturbed


@pytest.fixture
def twelve(screen, slow, tmp_path, contents, here):
    """Return cells of twelve plates that take a moment each, and what an undisturbed run makes of them."""
    folder = screen(12)
    cpf.aggregate_plates(folder, tmp_path / "undisturbed", executor=here)
    return slow(folder, 0.05), contents(tmp_path / "undisturbed")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_is_killed(executor, twelve, tmp_path, contents):
    _check_killed_worker(executor, *twelve, tmp_path / "out", 0, contents)


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_is_killed_at_any_moment(executor, twelve, tmp_path, contents):
    for seed in range(20):
        _check_killed_worker(executor, *twelve, tmp_path / f"out{seed}", seed, contents)


def _check_killed_run(folder, undisturbed, out, seed, contents, here):
    """Kill a run at a random moment, its own process or all of its processes at once, and resume it."""
    rng = np.random.default_rng(seed)
    command = [*PROGRAM, "aggregate", str(folder), "-o", str(out), "--workers", "2"]
    run = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = int(rng.integers(0, 9))
    _wait_for(lambda: run.poll() is not None or len(list(out.glob("P*.parquet"))) >= results)
    time.sleep(rng.uniform(0, 0.05))
    (os.kill if seed % 2 else os.killpg)(run.pid, signal.SIGKILL)
    run.wait()
    _wait_for(lambda: not _group_lives(run.pid))
    before = len(list(out.glob("P*.parquet")))
    plates = cpf.aggregate_plates(folder, out, resume=True, executor=here)
    assert (plates["status"] == "kept").sum() == before
    assert set(plates["status"]) <= {"kept", "done"}
    assert contents(out) == undisturbed
    return before


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def larger(screen, tmp_path, contents, here):
    """Return the folder of twelve plates that take a moment to write, and what an undisturbed run makes of it."""
    folder = screen(12, n=600, features=300)
    cpf.aggregate_plates(folder, tmp_path / "undisturbed", executor=here)
    return folder, contents(tmp_path / "undisturbed")


def test_the_whole_run_is_killed(larger, tmp_path, contents, here):
    for seed in (2, 3):
        _check_killed_run(*larger, tmp_path / f"out{seed}", seed, contents, here)


@pytest.mark.slow
def test_the_whole_run_is_killed_at_any_moment(larger, tmp_path, contents, here):
    before = [_check_killed_run(*larger, tmp_path / f"out{seed}", seed, contents, here) for seed in range(20)]
    assert len({n for n in before if 0 < n < 12}) > 2  # some were killed in the middle


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_plate_that_kills_every_worker(executor, screen, faulty, with_load, tmp_path):
    cells = with_load(cpf.open_cells(screen(6)), {"P02": faulty.die})
    plates = cpf.aggregate_plates(cells, tmp_path / "out", executor=executor, workers=2).set_index("plate")
    assert list(plates["status"]) == ["done", "done", "failed", "done", "done", "done"]
    assert "no worker finished it in 3 attempts" in plates.loc["P02", "reason"]
    assert [line["name"] for line in plates.attrs["ledger"]] == ["P02"]
    assert sorted(os.listdir(tmp_path / "out")) == [f"P0{i}.parquet" for i in (0, 1, 3, 4, 5)]


@pytest.mark.parametrize(("retries", "status"), [(2, "done"), (1, "failed")])
def test_a_dead_worker_is_replaced_so_often(retries, status, screen, faulty, with_load, tmp_path):
    cells = cpf.open_cells(screen(3))
    marker = tmp_path / "deaths"
    marker.mkdir()
    load = partial(faulty.die_at_first, str(marker), 2, cells.partitions[1].load)
    cells = with_load(cells, {"P01": load})
    plates = cpf.aggregate_plates(cells, tmp_path / "out", workers=2, retries=retries)
    assert list(plates["status"]) == ["done", status, "done"]
    assert len(os.listdir(marker)) == retries + (status == "failed") if status == "done" else 2


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_plate_that_raises_is_not_tried_again(executor, screen, faulty, with_load, tmp_path):
    cells = with_load(cpf.open_cells(screen(4)), {"P01": partial(faulty.fail, str(tmp_path / "tried"))})
    plates = cpf.aggregate_plates(cells, tmp_path / "out", executor=executor, workers=2).set_index("plate")
    assert list(plates["status"]) == ["done", "failed", "done", "done"]
    assert plates.loc["P01", "reason"].startswith("RuntimeError: the file server is away (reading '")
    assert (tmp_path / "tried").read_text() == "x"
    assert not (tmp_path / "out" / "P01.parquet").exists()


def test_a_failed_plate_keeps_no_result_of_another_day(screen, faulty, with_load, tmp_path, here):
    folder, out = screen(2), tmp_path / "out"
    cpf.aggregate_plates(folder, out, executor=here)
    cells = with_load(cpf.open_cells(folder), {"P01": partial(faulty.fail, str(tmp_path / "tried"))})
    assert list(cpf.aggregate_plates(cells, out, executor=here)["status"]) == ["done", "failed"]
    assert os.listdir(out) == ["P00.parquet"]


def test_truncated_files_are_named_and_the_others_finish(screen, tmp_path, here):
    for ending in (".parquet", ".csv.gz"):
        folder = screen(3, folder=f"cells{ending}", ending=ending)
        path = folder / f"P01{ending}"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        out = tmp_path / f"out{ending}"
        plates = cpf.aggregate_plates(folder, out, executor=here).set_index("plate")
        assert list(plates["status"]) == ["done", "failed", "done"]
        assert f"P01{ending}" in plates.loc["P01", "reason"]
        listed = cpf.aggregate_plates(sorted(folder.iterdir()), out, resume=True).set_index("plate")
        assert list(listed["status"]) == ["kept", "failed", "kept"]


def test_flipped_bits_are_named_and_the_others_finish(screen, tmp_path, here):
    folder = screen(3)
    content = bytearray((folder / "P01.parquet").read_bytes())
    content[len(content) // 8] ^= 16
    (folder / "P01.parquet").write_bytes(content)
    plates = cpf.aggregate_plates(folder, tmp_path / "out", executor=here).set_index("plate")
    assert list(plates["status"]) == ["done", "failed", "done"]
    assert "P01.parquet': not a whole parquet file" in plates.loc["P01", "reason"]


def test_a_torn_line_of_text_is_named_and_the_others_finish(screen, tmp_path, here):
    folder = screen(3, ending=".csv")
    text = (folder / "P01.csv").read_text().splitlines()
    (folder / "P01.csv").write_text("\n".join([*text[:-1], text[-1].rpartition(",")[0]]))
    plates = cpf.aggregate_plates(folder, tmp_path / "out", executor=here).set_index("plate")
    assert list(plates["status"]) == ["done", "failed", "done"]
    assert "P01.csv" in plates.loc["P01", "reason"]


def test_a_damaged_file_that_may_hold_any_plate_stops_the_run(screen, tmp_path, plate_of_cells):
    folder = screen(2)
    cells = plate_of_cells("P00", 5)
    cpf.write_profiles(cells, folder / "P00 site 2.parquet")
    (folder / "P01 site 2.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(FileFormatError, match=r"P01 site 2.parquet': not a whole parquet file"):
        cpf.aggregate_plates(folder, tmp_path / "out")


def test_nothing_can_be_opened(screen, tmp_path):
    folder = screen(2)
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"is empty"):
        cpf.aggregate_plates(folder, tmp_path / "out")
    with pytest.raises(FileFormatError, match=r"is empty"):
        cpf.aggregate_plates(sorted(folder.iterdir()), tmp_path / "out")


def test_disk_full(screen, tmp_path, monkeypatch, here):
    """Whatever the system: a write that finds no room ends the run, keeps what was finished, leaves nothing half."""
    from cellprofiling.io.storage import parquet

    folder, out, write = screen(5), tmp_path / "out", parquet.parquet.write_table
    room = iter([True, True])

    def write_while_there_is_room(table, path, **options):
        write(table, path, **options)
        if not next(room, False):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parquet.parquet, "write_table", write_while_there_is_room)
    plates = cpf.aggregate_plates(folder, out, executor=here)
    assert list(plates["status"]) == ["done", "done", "failed", "failed", "failed"]
    assert f"folder='{out}': no room to write 'P02.parquet'" in plates["reason"][2]
    assert "MB free (No space left on device); make room" in plates["reason"][2]
    assert plates["reason"][3].startswith("not tried after plate 'P02' failed")
    assert sorted(os.listdir(out)) == ["P00.parquet", "P01.parquet"]
    monkeypatch.undo()
    assert list(cpf.aggregate_plates(folder, out, resume=True, executor=here)["status"]) == ["kept"] * 2 + ["done"] * 3


ROOM = 2 << 20  # bytes of the small disk


@pytest.fixture
def small_disk(tmp_path: Path):
    """Return a folder on a disk of its own with little room, where the system lets us have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_fills(small_disk, screen, tmp_path, workers):
    folder, out = screen(6, features=1000), small_disk / "out"
    plates = cpf.aggregate_plates(folder, out, workers=workers)
    done = plates[plates["status"] == "done"]
    assert 0 < len(done) < 6
    size = max(path.stat().st_size for path in out.iterdir())
    assert workers * size < ROOM < 6 * size  # results that are half written at the same time must fit, not all
    assert plates.loc[plates["status"] == "failed", "reason"].str.contains("no room to write").all()
    assert sorted(os.listdir(out)) == [f"{plate}.parquet" for plate in done["plate"]]
    assert len(cpf.gather_plates(out, list(done["plate"]))) == 3 * len(done)


def test_a_disk_that_fills_while_cells_are_converted(small_disk, screen):
    with pytest.raises(DiskFullError, match=r"no room to write .P00.parquet."):
        cpf.open_cells(screen(1, n=6000, features=200)).write(small_disk / "cells")
    assert not os.listdir(small_disk / "cells")


def test_a_limit_of_file_size(tmp_path):
    """A quota is reported like a full disk."""
    code = f"""
import resource, numpy as np, pandas as pd, cellprofiling as cpf
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
x = pd.DataFrame(np.random.default_rng(0).normal(size=(1000, 9)), columns=[f"Cells_F{{i}}" for i in range(9)])
cpf.write_profiles(x, {str(tmp_path / "wells.parquet")!r})
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DiskFullError" in done.stderr
    assert "no room to write 'wells.parquet'" in done.stderr
    assert not os.listdir(tmp_path)


def test_workers_end_with_the_run(screen, slow, tmp_path):
    """A run that is interrupted takes its processes along, in mid-work too."""
    cells = slow(screen(4), 30)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cpf.aggregate_plates(cpf.open_cells(tmp_path / "cells"), tmp_path / "out", workers=2, progress=interrupt)
    pool = workers.Workers(2)
    future = pool.submit(cells.partitions[0].load, ["Metadata_Well"])
    _wait_for(lambda: _workers_of("local"))
    pool.close()
    with pytest.raises(workers.WorkerDied, match="it was killed"):
        future.result()
    with pytest.raises(RuntimeError):
        pool.submit(os.getpid)
